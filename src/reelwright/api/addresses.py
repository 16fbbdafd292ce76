"""Addresses in answers: behind a path prefix they carry it, as the client must send it."""

from __future__ import annotations

from starlette.requests import Request


def local(request: Request, path: str) -> str:
    """The address of one of this server's paths (`/v1/videos/…`), without scheme and host."""
    return prefix(request) + path


def base_url(request: Request) -> str:
    """This server's own address as the client knows it, with a slash at the end."""
    return str(request.base_url)


def prefix(request: Request) -> str:
    """What stands before this server's own paths, e.g. `/reel`; mostly nothing."""
    # Starlette's own name for it: `Request.base_url` reads it, and its routes, which see the bare path, do not.
    return str(request.scope.get("app_root_path", ""))
