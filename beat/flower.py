"""Flower's configuration, read by Flower itself: `celery -A beat flower --conf=beat/flower.py`."""

from shared.settings import settings

_settings = settings()

address = _settings.flower_host
port = _settings.flower_port
basic_auth = [f"{_settings.flower_user}:{_settings.flower_password}"]
read_only = True
max_tasks = 10_000
logging = "error"
