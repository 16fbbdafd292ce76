"""`/v1/audit`: who did what, for keys with the scope `admin`; and the entries about refused requests."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright import ids
from reelwright.errors import Busy, ReelwrightError, invalid
from reelwright.jobs.callers import Caller
from reelwright.jobs.threads import Threads
from reelwright.jobs.trail import Trail
from reelwright.store.audit import Action, Asked, Audit, facts

MOST = 1_000
USUAL = 100

NAME = "^[A-Za-z0-9_-]{0,100}$"


class AuditCalls:
    def __init__(self, rows: Audit, trail: Trail, threads: Threads) -> None:
        self._rows = rows
        self._trail = trail
        self._threads = threads

    async def list(
        self,
        key: str | None = None,
        action: Action | None = None,
        about: str | None = None,
        since: str | None = None,
        after: str | None = None,
        limit: int = Query(USUAL, ge=1, le=MOST),
        order: Literal["asc", "desc"] = "desc",
    ) -> Response:
        """Who made, read and deleted what, who was refused, and what happened to keys; the newest first."""
        asked = Asked(
            key=_name("key", key),
            action=action,
            about=_name("about", about),
            since=None if since is None else _moment(since),
            after=None if after is None else _cursor(after),
            newest_first=order == "desc",
        )
        with contextlib.suppress(Busy):  # what this process knows so far is part of the answer, if there is room for it
            await self._trail.write()
        found = await self._threads.read(self._rows.page, asked, limit + 1)
        data = [{"object": "audit.entry", **facts(entry_id, entry)} for entry_id, entry in found[:limit]]
        body = {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": len(found) > limit,
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})


def audit_router(calls: AuditCalls) -> APIRouter:
    router = APIRouter(tags=["keys"])
    router.add_api_route("/v1/audit", calls.list, methods=["GET"], response_class=Response)
    return router


def tells_refusals(trail: Trail) -> Callable[[Request, ReelwrightError], None]:
    """A function that is called with each error that is answered, and writes the refusals into the audit.

    A request that was refused before its key was checked is noted under its address.
    """

    def told(request: Request, error: ReelwrightError) -> None:
        caller = request.scope.get("state", {}).get("caller")
        if caller is None:
            caller = Caller(address=request.client.host if request.client else "")
        trail.refused(caller, error.code)

    return told


def _name(field: str, name: str | None) -> str | None:
    if name is not None and not re.fullmatch(NAME, name):
        raise invalid(field, name, "Must be an id of up to 100 letters, digits, _ and -; empty: nobody's.")
    return name


def _cursor(after: str) -> str:
    if not ids.is_audit_id(after):
        raise invalid("after", after, "Must be the id of an entry.")
    return after


def _moment(since: str) -> datetime:
    try:
        moment = datetime.fromisoformat(since)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise invalid("since", since, "Must be a day or a time, as 2026-11-29 or 2026-11-29T12:00:00Z.") from None
