"""Serving files from a local folder by signed links; with S3 storage the links go to the bucket instead."""

import re
from functools import lru_cache
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.errors import documented
from api.shapes import Storable
from shared.errors import Refusal
from shared.storage import storage

router = APIRouter(tags=["media"])

MEDIA_TYPES: Final = {"webp": "image/webp", "jpg": "image/jpeg"}
ARCHIVE: Final = re.compile(r"exports/[^/]+/[^/]+\.zip")
_SANDBOX: Final = {"Content-Security-Policy": "sandbox; default-src 'none'"}


@router.get(
    "/media/{key:path}",
    operation_id="get_media",
    summary="A picture, or an export",
    response_class=Response,
    responses={
        200: {"content": {"image/webp": {}, "image/jpeg": {}, "application/zip": {}}},
        **documented("not_found", "validation_error"),
    },
)
async def get_media(
    key: Storable,
    expires: Annotated[int, Query(ge=0, le=2**53)],
    signature: Annotated[Storable, Query(max_length=64)],
    request: Request,
) -> Response:
    """Good until the link expires. Of pictures it does so at a rounded hour, so that caches can keep them that long."""
    seconds = storage().seconds_left(key, expires=expires, signature=signature) if storage().is_local else None
    if seconds is not None and ARCHIVE.fullmatch(key):
        return await _archive(key)
    media_type = MEDIA_TYPES.get(key.rpartition(".")[2])
    if seconds is None or media_type is None:
        raise Refusal("not_found", "This link has expired or was never right.")
    headers = {
        "Cache-Control": f"private, max-age={seconds}, immutable",
        **_SANDBOX,
        "Cross-Origin-Resource-Policy": "cross-origin",  # the pages of apps show it
        "ETag": f'"{key.rpartition("/")[2]}"',  # names are derived from content
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    try:
        return Response(await storage().get_async(key), media_type=media_type, headers=headers)
    except FileNotFoundError:
        raise Refusal("not_found") from None


async def _archive(key: str) -> Response:
    """Piece by piece, and kept by nobody on the way."""
    try:
        size, chunks = await storage().chunks_async(key)
    except FileNotFoundError:
        raise Refusal("not_found", "This link has expired or was never right.") from None
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="delete.zip"',
        "Content-Length": str(size),
        **_SANDBOX,
    }
    return StreamingResponse(chunks, media_type="application/zip", headers=headers)


def absolute(url: str, request: Request) -> str:
    """A link as this client must write it: below the host and prefix under which it reached us."""
    return base(request) + url if url[0] == "/" else url


def base(request: Request) -> str:
    """What all links of this client begin with, without a slash at its end."""
    scope = request.scope
    host, prefix = request.headers.get("host"), scope.get("app_root_path", scope.get("root_path", ""))
    server = scope.get("server")
    return _base(scope["scheme"], host, tuple(server) if server else None, prefix)


@lru_cache(maxsize=64)
def _base(scheme: str, host: str | None, server: tuple[str, int | None] | None, prefix: str) -> str:
    """They are few, and taking an address apart costs as much as checking a token."""
    headers = [(b"host", host.encode("latin-1"))] if host else []
    where = {"server": server, "path": "/", "query_string": b""}
    scope = {"type": "http", "scheme": scheme, "headers": headers, "root_path": prefix, **where}
    return str(Request(scope).base_url).rstrip("/")
