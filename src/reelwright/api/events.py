"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) of one video."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import Any

from reelwright.jobs.events import Event, Live
from reelwright.video import Status, Video

HEARTBEAT_S = 10.0
Render = Callable[[Video], Mapping[str, Any]]


async def event_stream(live: Live, video: Video, render: Render, last_id: str) -> AsyncIterator[bytes]:
    """The events from now on, beginning with the present state, ending with the video.

    `last_id` is the `Last-Event-ID` of a client that comes back: what it has seen is not sent again.
    """
    with live.listen(video.id) as events:
        if events is None:
            ended = await live.wait(video.id) or video
            yield _end(ended, render)
            return
        while True:
            try:
                event = await asyncio.wait_for(events.get(), HEARTBEAT_S)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if event is None:
                return
            if event.video.status.terminal:
                yield _end(event.video, render)
                return
            if _id(event) != last_id:
                yield _line(event, render)


@lru_cache(maxsize=256)
def _line(event: Event, render: Render) -> bytes:
    """One event's bytes: rendered once for all who listen."""
    if event.preview is not None:
        data, media_type = event.preview
        return _frame("preview", {"image": f"data:{media_type};base64,{base64.b64encode(data).decode()}"}, _id(event))
    return _frame("progress", render(event.video), _id(event))


def _end(video: Video, render: Render) -> bytes:
    kind = "completed" if video.status is Status.COMPLETED else "failed"
    return _frame(kind, render(video), f"{video.id}-end")


def _id(event: Event) -> str:
    return f"{event.video.id}-{event.number}"


def _frame(kind: str, data: Mapping[str, Any], identity: str) -> bytes:
    return f"id: {identity}\nevent: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
