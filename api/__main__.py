"""Serve the API: `python -m api`."""

import uvicorn

from shared import log
from shared.settings import settings


def main() -> None:
    """Run until SIGTERM; requests that are being answered are finished."""
    values = settings()
    log.configure(process="api", level=values.log_level, as_json=values.json_logs)
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=values.api_host,
        port=values.api_port,
        # The server's business, not the application's: so every path in a scope is whole, and redirects stay below it.
        root_path=values.root_path,
        proxy_headers=True,
        forwarded_allow_ips=values.forwarded_allow_ips,
        log_config=None,
        access_log=False,  # the middleware's line says more
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
    )


if __name__ == "__main__":
    main()
