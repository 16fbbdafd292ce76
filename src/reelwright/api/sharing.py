"""Links that show one video to people without a key, for a while.

A link holds the video's id and the time at which the link expires, signed (HMAC-SHA256) with a secret of the database.
So nothing is stored for it, and it works on every server of a fleet. When a video is deleted, its links end, too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from reelwright.api.addresses import base_url, prefix
from reelwright.api.body import parse_body
from reelwright.api.page import POLICY
from reelwright.api.videos import Videos
from reelwright.clock import Clock
from reelwright.errors import BadRequest, Code, NotFound, invalid
from reelwright.ids import VIDEO_ID
from reelwright.jobs.queue import Queue
from reelwright.jobs.threads import Threads
from reelwright.jobs.variants import Variant
from reelwright.store.audit import Action, Audit
from reelwright.video import Status, Video

DEFAULT_DAYS = 7
MAX_DAYS = 365
SIGNATURE_BYTES = 16
SHOWN = (Variant.VIDEO, Variant.POSTER)
"""The variants that a link shows."""

_TOKEN = re.compile(rf"({VIDEO_ID})\.([0-9]{{1,11}})\.([A-Za-z0-9_-]{{22}})")
_HEADERS = {"X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer", "Content-Security-Policy": POLICY}


class Links:
    """Makes and checks the tokens of the links."""

    def __init__(self, secret: Callable[[], str], threads: Threads) -> None:
        """`secret` reads the signing key from the database, or makes it the first time. It blocks, so it is called in a
        thread."""
        self._secret = secret
        self._threads = threads
        self._key: bytes | None = None

    async def make(self, video_id: str, ends: datetime) -> str:
        told = f"{video_id}.{int(ends.timestamp())}"
        return f"{told}.{await self._signature(told)}"

    async def read(self, token: str, now: datetime) -> tuple[str, datetime] | None:
        """The video's id and when the link expires. None for a token that was not signed here or has expired."""
        match = _TOKEN.fullmatch(token)
        if match is None or not hmac.compare_digest(match[3], await self._signature(f"{match[1]}.{match[2]}")):
            return None
        ends = datetime.fromtimestamp(int(match[2]), UTC)
        return (match[1], ends) if now < ends else None

    async def _signature(self, told: str) -> str:
        if self._key is None:
            self._key = (await self._threads.write(self._secret)).encode()
        digest = hmac.digest(self._key, f"share {told}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode().rstrip("=")


def sharing_router(
    *, queue: Queue, videos: Videos, links: Links, audit: Audit, threads: Threads, clock: Clock, max_body_bytes: int
) -> APIRouter:
    """`queue` looks up the video of a link, for anybody: who has the link needs no key."""
    router = APIRouter(tags=["openai"])

    @router.post("/v1/videos/{video_id}/share", response_class=Response)
    async def share(request: Request, video_id: str) -> Response:
        """Make a link that shows a completed video without a key, to whoever has the link, until it expires."""
        video = await videos.get(request, video_id)
        body = await parse_body(request, max_body_bytes)
        if unknown := sorted(set(body.fields) - {"days"}):
            raise BadRequest(f"Unknown field: {unknown[0][:80]!r}. A link takes days.", field=unknown[0][:80])
        days = _read_days(body.fields.get("days", DEFAULT_DAYS))
        if video.status is not Status.COMPLETED:
            code = Code.INVALID_FIELD if video.status.terminal else Code.CONFLICT
            raise BadRequest(
                f"The video is {video.status}; it can be shared once it is completed.", code=code, field="video_id"
            )
        now = clock.now()
        ends = now + timedelta(days=days)
        if video.expires_at and video.expires_at < ends:
            ends = video.expires_at
        entry = request.state.caller.entry(Action.SHARED, video.id, now)
        await threads.write(audit.write, [entry], now)  # before anybody has the link
        address = f"{base_url(request)}share/{await links.make(video.id, ends)}"
        told = {"object": "video.share", "id": video.id, "url": address, "expires_at": int(ends.timestamp())}
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    async def shared(token: str) -> tuple[Video, datetime]:
        found = await links.read(token, clock.now())
        video = await queue.get(found[0], None) if found else None
        if found is None or video is None or video.status is not Status.COMPLETED:
            raise NotFound("This link has ended, or was never good.", field="token")
        return video, found[1]

    @router.get("/share/{token}", include_in_schema=False)
    async def page(request: Request, token: str) -> Response:
        try:
            video, ends = await shared(token)
        except NotFound:
            return HTMLResponse(_ended(request), 404, headers=_HEADERS | {"Cache-Control": "no-store"})
        return HTMLResponse(_page(request, video, ends, token), headers=_HEADERS | {"Cache-Control": "no-cache"})

    @router.get("/share/{token}/content", include_in_schema=False)
    async def content(request: Request, token: str, variant: str = Query(Variant.VIDEO.value)) -> Response:
        if variant not in SHOWN:
            raise invalid("variant", variant, f"Must be one of {', '.join(SHOWN)}.")
        video, _ = await shared(token)
        answer = await videos.file(request, video, Variant(variant))
        answer.headers["X-Robots-Tag"] = "noindex"
        return answer

    return router


def _read_days(value: object) -> float:
    """For how many days a link is valid: a number, or from a form its text."""
    days = 0.0
    if isinstance(value, int | float) and not isinstance(value, bool):
        days = value  # compared before it is a float: a whole number may be too large for one
    elif isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,20})?", value):
        days = float(value)
    if not 0 < days <= MAX_DAYS:
        raise invalid("days", value, f"Must be a number of days, more than 0 and at most {MAX_DAYS}.")
    return float(days)


def _frame(request: Request, title: str, head: str, body: str) -> str:
    """`title` is text, `head` and `body` are HTML."""
    before = html.escape(prefix(request))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<meta name="robots" content="noindex">
<title>{html.escape(title)}</title>
<link rel="icon" href="{before}/favicon.ico" type="image/svg+xml">
<link rel="stylesheet" href="{before}/playground/style.css">
{head}</head>
<body class="shared">
<p class="brand"><svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="12"/>\
<path d="M16 16V4a12 12 0 0 1 10.4 18z"/></svg>Reelwright</p>
<main>
{body}
</main>
</body>
</html>
"""


def _page(request: Request, video: Video, ends: datetime, token: str) -> str:
    wanted = video.spec
    here = html.escape(f"{base_url(request)}share/{token}/content")
    prompt, size = html.escape(wanted.prompt), wanted.final_size
    title = wanted.prompt if len(wanted.prompt) <= 80 else f"{wanted.prompt[:79].rstrip()}…"
    head = (
        f'<meta property="og:type" content="video.other">\n'
        f'<meta property="og:title" content="{html.escape(title)}">\n'
        f'<meta property="og:image" content="{here}?variant=poster">\n'
        f'<meta property="og:video" content="{here}">\n'
        f'<meta property="og:video:type" content="video/mp4">\n'
    )
    body = (
        f'<video src="{here}" poster="{here}?variant=poster" width="{size[0]}" height="{size[1]}" '
        f'controls loop autoplay muted playsinline aria-label="{prompt}"></video>\n'
        f'<h1 class="{"" if prompt.isascii() else "other"}" dir="auto">{prompt}</h1>\n'
        f"<p>{html.escape(wanted.model)} · {size[0]} × {size[1]} · {wanted.total_seconds:g} s · "
        f'this link ends on <time datetime="{ends:%Y-%m-%d}">{ends.day} {ends:%B %Y}</time> · '
        f'<a href="{here}" download="{video.id}.mp4">Download</a></p>'
    )
    return _frame(request, title, head, body)


def _ended(request: Request) -> str:
    body = (
        "<h1>This link has ended</h1>\n<p>Ask whoever sent it for a new one: the time was up, or the video is gone.</p>"
    )
    return _frame(request, "This link has ended", "", body)
