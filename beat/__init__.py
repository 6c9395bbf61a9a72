"""The clock of the system: starts what is due, and knows nothing but names and times."""

from beat.app import app

__all__ = ["app"]
