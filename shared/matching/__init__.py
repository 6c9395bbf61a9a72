"""Likes, passes, matches: the life of a meeting."""
