"""Photos: what is accepted, and what becomes of it."""
