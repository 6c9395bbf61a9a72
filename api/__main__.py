"""Serve the API: `python -m api`."""

from api.app import create_app
from api.server import Server
from shared import log, reports, tracing
from shared.settings import settings


def main() -> None:
    """Run until SIGTERM; requests that are being answered are finished."""
    values = settings()
    log.configure(process="api", level=values.log_level, as_json=values.json_logs)
    reports.configure(process="api")
    tracing.configure(process="api")
    Server(create_app(), values).run()


if __name__ == "__main__":
    main()
