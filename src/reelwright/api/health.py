"""`/health` answers without touching an engine or the database; `/ready` looks at all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from reelwright import __version__
from reelwright.clock import Clock, iso_milliseconds

Check = Callable[[], Awaitable[str | None]]
"""Answers None when all is well, else the reason in words."""


LOOK_S = 3.0
"""A check that takes longer has failed."""


class Probe:
    """Runs a check that may block in a thread. While it hangs no second one is begun, so that a dead disk takes one
    thread and not all."""

    def __init__(self, look: Callable[[], str | None], *, late: str) -> None:
        """`late`: the reason when it takes too long."""
        self._look = look
        self._late = late
        self._running: asyncio.Task[str | None] | None = None

    async def __call__(self) -> str | None:
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(asyncio.to_thread(self._look))
        done, _ = await asyncio.wait({self._running}, timeout=LOOK_S)
        return self._running.result() if done else self._late


def health_router(
    clock: Clock,
    facts: Callable[[], Mapping[str, Any]],
    checks: Mapping[str, Check],
    warnings: Callable[[], Sequence[str]],
) -> APIRouter:
    """`facts` are the live fields of `/health` (engine, queue); `checks` are what `/ready` asks, by name; `warnings`
    are sentences about what is wrong here and keeps nobody from making videos."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> JSONResponse:
        """Whether the server runs."""
        return JSONResponse(
            {
                "status": "healthy",
                "message": "Video generation API is running",
                "timestamp": iso_milliseconds(clock.now()),
                "version": __version__,
                **facts(),
            },
            headers={"Cache-Control": "no-store"},
        )

    @router.get("/ready")
    async def ready() -> JSONResponse:
        """Whether the server could make a video now: database, storage and an engine."""
        results = {name: await check() for name, check in checks.items()}
        problems = {name: reason for name, reason in results.items() if reason}
        body: dict[str, Any] = {
            "status": "unavailable" if problems else "ready",
            "checks": {name: reason or "ok" for name, reason in results.items()},
            "timestamp": iso_milliseconds(clock.now()),
        }
        if found := list(warnings()):
            body["warnings"] = found
        if problems:
            body["reason"] = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
        return JSONResponse(body, 503 if problems else 200, headers={"Cache-Control": "no-store"})

    return router
