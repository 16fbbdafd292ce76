"""The playground: a fixed list of small static files, held in memory, under a strict content security policy."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reelwright.errors import NotFound

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HTML, SCRIPT, STYLE, DRAWING = "text/html", "text/javascript", "text/css", "image/svg+xml"

FILES = {
    "index.html": HTML,
    "style.css": STYLE,
    "favicon.svg": DRAWING,
    "api.js": SCRIPT,
    "cards.js": SCRIPT,
    "composer.js": SCRIPT,
    "draft.js": SCRIPT,
    "gallery.js": SCRIPT,
    "icons.js": SCRIPT,
    "image.js": SCRIPT,
    "key.js": SCRIPT,
    "main.js": SCRIPT,
    "media.js": SCRIPT,
    "player.js": SCRIPT,
    "scenes.js": SCRIPT,
    "settings.js": SCRIPT,
    "snippets.js": SCRIPT,
    "tile.js": SCRIPT,
    "toast.js": SCRIPT,
    "trouble.js": SCRIPT,
    "vendor.js": SCRIPT,
    "videos.js": SCRIPT,
    "watch.js": SCRIPT,
    "welcome.js": SCRIPT,
}
"""Everything that is served, and its media type. Nothing else can be asked for."""

_REFERENCE = re.compile(rb'"((?:\./|/playground/)[a-z]+\.(?:js|css|svg))"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One file, ready to be sent: as it is, and compressed."""

    media_type: str
    plain: bytes
    packed: bytes
    etag: str


def page_router() -> APIRouter:
    """`/`, `/favicon.ico` and `/playground/{name}`. Reads and compresses the files once, here."""
    router = APIRouter(include_in_schema=False)
    version, sheets = _load()

    async def page(request: Request) -> Response:
        return _send(request, sheets["index.html"], immutable=False)

    async def favicon(request: Request) -> Response:
        return _send(request, sheets["favicon.svg"], immutable=False)

    async def file(request: Request, name: str) -> Response:
        if name not in sheets or name == "index.html":
            raise NotFound("Route not found")
        return _send(request, sheets[name], immutable=request.query_params.get("v") == version)

    for path, endpoint in (("/", page), ("/favicon.ico", favicon), ("/playground/{name}", file)):
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    return router


def _load() -> tuple[str, dict[str, Sheet]]:
    """The files' common version, and each one with that version in its references to the others.

    A reference such as `./api.js?v=…` changes with any file, so what it names may be cached for good.
    """
    folder = resources.files("reelwright") / "playground"
    raw = {name: (folder / name).read_bytes() for name in FILES}
    version = hashlib.sha256(b"".join(raw.values())).hexdigest()[:12]
    return version, {name: _sheet(raw[name], media_type, version) for name, media_type in FILES.items()}


def _sheet(raw: bytes, media_type: str, version: str) -> Sheet:
    plain = _REFERENCE.sub(rb'"\1?v=' + version.encode() + b'"', raw)
    return Sheet(
        media_type=media_type,
        plain=plain,
        packed=gzip.compress(plain, 9, mtime=0),
        etag=f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"',
    )


def _send(request: Request, sheet: Sheet, *, immutable: bool) -> Response:
    headers = {
        "ETag": sheet.etag,
        "Cache-Control": "public, max-age=31536000, immutable" if immutable else "no-cache",
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
    }
    known = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
    if sheet.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    accepted = {coding.strip() for coding in request.headers.get("accept-encoding", "").split(",")}
    if "gzip" not in accepted:
        return Response(sheet.plain, media_type=sheet.media_type, headers=headers)
    return Response(sheet.packed, media_type=sheet.media_type, headers={**headers, "Content-Encoding": "gzip"})
