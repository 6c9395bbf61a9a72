"""Mails to people who are away about what they have not read."""
