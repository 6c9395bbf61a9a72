"""Prompts, people's answers to them, and what the answers mean."""
