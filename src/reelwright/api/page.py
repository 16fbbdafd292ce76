"""The playground and the admin's page: a few small files, held in memory, under a strict content security policy."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from importlib import resources

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwright.api.addresses import local
from reelwright.api.conditions import is_known
from reelwright.api.script import join
from reelwright.errors import NotFound

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
MODULES = (
    "vendor",
    "icons",
    "menu",
    "key",
    "api",
    "scopes",
    "toast",
    "trouble",
    "times",
    "account",
    "cards",
    "zip",
    "image",
    "draft",
    "videos",
    "watch",
    "media",
    "snippets",
    "scenes",
    "welcome",
    "settings",
    "models",
    "chips",
    "history",
    "composer",
    "selection",
    "compare",
    "tile",
    "filters",
    "gallery",
    "film",
    "sheet",
    "player",
    "main",
)
"""The page's modules, each after those it imports. They are served as one script."""

ADMIN = ("desk", "keydesk", "auditdesk", "admin")
"""The modules of the admin's page, a document of its own. The modules that they import are served with them."""

_IMPORT = re.compile(r'^import .* from "\./(\w+)\.js";$', re.MULTILINE)
FONT = "serif.woff2"

_OWN_NAME = re.compile(r'"(playground/[a-z.0-9]+)"')
_CSS_FAT = re.compile(r"^\s+|^/\*.*\*/\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One file, ready to be sent: as it is, and compressed where that makes it smaller."""

    media_type: str
    plain: bytes
    packed: bytes | None
    etag: str
    modified: float


def page_router() -> APIRouter:
    """`/`, `/admin`, `/favicon.ico` and `/playground/{name}`. Reads and compresses the files once, here."""
    router = APIRouter(include_in_schema=False)
    version, sheets = _load()

    async def page(request: Request) -> Response:
        if not request.scope["raw_path"].endswith(b"/"):
            # The page's addresses are relative: from `/reel` they would lead to `/`, and from `/reel/` they are right.
            query = request.scope["query_string"].decode("latin-1")
            return RedirectResponse(local(request, "/") + (f"?{query}" if query else ""), 308)
        return send_sheet(request, sheets["index.html"], immutable=False)

    async def admin(request: Request) -> Response:
        return send_sheet(request, sheets["admin.html"], immutable=False)

    async def favicon(request: Request) -> Response:
        return send_sheet(request, sheets["favicon.svg"], immutable=False)

    async def file(request: Request, name: str) -> Response:
        if name not in sheets or name.endswith(".html"):
            raise NotFound("Route not found")
        return send_sheet(request, sheets[name], immutable=request.query_params.get("v") == version)

    for path, endpoint in (("/", page), ("/admin", admin), ("/favicon.ico", favicon), ("/playground/{name}", file)):
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    return router


def _load() -> tuple[str, dict[str, Sheet]]:
    """The files' common version, and each file by its name. No other files are served.

    The page refers to the other files with that version (`style.css?v=…`), so browsers may cache them for ever.
    """
    folder = resources.files("reelwright") / "playground"

    def read(name: str) -> str:
        return (folder / name).read_text("utf-8")

    font = (folder / FONT).read_bytes()
    sources = {name: read(f"{name}.js") for name in (*MODULES, *ADMIN)}
    script, admin = join({name: sources[name] for name in MODULES}), join(_needed(sources, ADMIN[-1]))
    admin_style = _CSS_FAT.sub("", read("admin.css"))
    style, drawing, page = _CSS_FAT.sub("", read("style.css")), read("favicon.svg"), read("index.html")
    version = hashlib.sha256(f"{script}{style}{drawing}{admin}{admin_style}".encode() + font).hexdigest()[:12]
    with resources.as_file(folder) as there:
        modified = max(file.stat().st_mtime for file in there.iterdir())
    return version, {
        "index.html": make_sheet("text/html", _OWN_NAME.sub(rf'"\1?v={version}"', page), modified),
        "admin.html": make_sheet("text/html", _OWN_NAME.sub(rf'"\1?v={version}"', read("admin.html")), modified),
        "admin.js": make_sheet("text/javascript", admin, modified),
        "admin.css": make_sheet("text/css", admin_style, modified),
        "page.js": make_sheet("text/javascript", script, modified),
        "style.css": make_sheet("text/css", style.replace(FONT, f"{FONT}?v={version}"), modified),
        "favicon.svg": make_sheet("image/svg+xml", drawing, modified),
        FONT: make_sheet("font/woff2", font, modified),
    }


def _needed(sources: Mapping[str, str], name: str) -> dict[str, str]:
    """That module and all that it imports, directly or through others, in the order of `sources`."""
    needed, found = {name}, [name]
    while found:
        new = {one for one in _IMPORT.findall(sources[found.pop()]) if one not in needed}
        needed |= new
        found += new
    return {one: source for one, source in sources.items() if one in needed}


def make_sheet(media_type: str, content: str | bytes, modified: float) -> Sheet:
    """Compress the file and compute its ETag. `modified`: when it was last modified, in seconds since the epoch."""
    plain = content.encode() if isinstance(content, str) else content
    packed = gzip.compress(plain, 9, mtime=0)
    return Sheet(
        media_type=media_type,
        plain=plain,
        packed=packed if len(packed) < len(plain) else None,
        etag=f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"',
        modified=modified,
    )


def send_sheet(request: Request, sheet: Sheet, *, immutable: bool, policy: str = POLICY) -> Response:
    """The file, or 304 for a client that has it; compressed for those that can unpack it."""
    headers = {
        "ETag": sheet.etag,
        "Last-Modified": formatdate(sheet.modified, usegmt=True),
        "Cache-Control": "public, max-age=31536000, immutable" if immutable else "no-cache",
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
    }
    if is_known(request, sheet.etag, sheet.modified):
        return Response(status_code=304, headers=headers)
    accepted = {coding.strip() for coding in request.headers.get("accept-encoding", "").split(",")}
    if sheet.packed is None or "gzip" not in accepted:
        return Response(sheet.plain, media_type=sheet.media_type, headers=headers)
    return Response(sheet.packed, media_type=sheet.media_type, headers={**headers, "Content-Encoding": "gzip"})
