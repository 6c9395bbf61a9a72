"""The Celery edge: tasks that claim work of the ledger, do it and store what came of it."""

from worker.app import app

__all__ = ["app"]
