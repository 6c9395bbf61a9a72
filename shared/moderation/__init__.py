"""Moderation: what is noticed about people and waits for a human to look."""
