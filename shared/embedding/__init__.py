"""Turning texts into vectors: how a model is prepared, and how it runs."""
