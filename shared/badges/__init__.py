"""Badges: what stands out about a person, and why."""
