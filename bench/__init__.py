"""Measured speed and memory, each against a floor measured in the same run."""
