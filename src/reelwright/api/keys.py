"""`/v1/keys`: the API keys of the database, for keys with the scope `admin`; and `/v1/usage`: what keys have used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.body import parse_body
from reelwright.api.limits import POLICIES
from reelwright.clock import Clock
from reelwright.errors import BadRequest, Code, Forbidden, invalid
from reelwright.jobs.callers import Caller
from reelwright.jobs.keyring import Keyring
from reelwright.jobs.threads import Threads
from reelwright.store.issuing import Issued, Issuer
from reelwright.store.keys import LIMITS, ApiKey, ApiKeys, KeyLimits, Scope
from reelwright.store.usage import Usage, Used, day_of

CREATED_WITH = ("name", "owner", "scopes", "expires_at", "limits")
CHANGED = ("name", "scopes", "expires_at", "limits")
USUAL_RANGE = 30
_PRIVATE = {"Cache-Control": "no-store"}


class KeyCalls:
    """The routes' functions. Each change is known to this process when it answers, and to others by a notice."""

    def __init__(
        self,
        *,
        rows: ApiKeys,
        keyring: Keyring,
        usage: Usage,
        threads: Threads,
        clock: Clock,
        max_body_bytes: int,
    ) -> None:
        self._rows = rows
        self._keyring = keyring
        self._usage = usage
        self._threads = threads
        self._clock = clock
        self._max_body_bytes = max_body_bytes

    def _issuer(self, request: Request) -> Issuer:
        return Issuer(self._rows, self._clock.now, request.state.caller.who)

    async def list(self) -> Response:
        """All keys there have ever been, the oldest first. Never their texts."""
        found = await self._threads.read(self._rows.all)
        return JSONResponse({"object": "list", "data": [self._object(key) for key in found]}, headers=_PRIVATE)

    async def create(self, request: Request) -> Response:
        """Make a key. This answer is the only one that shows its text."""
        fields = await self._fields(request, CREATED_WITH)
        if "name" not in fields:
            raise BadRequest("A key needs a name, by which people know it again.", field="name")
        issued = await self._threads.write(lambda: self._issuer(request).create(**_with_time(fields)))
        return await self._told(issued, 201)

    async def get(self, request: Request, key_id: str) -> Response:
        """One key."""
        key = await self._threads.read(self._issuer(request).get, key_id)
        return JSONResponse(self._object(key), headers=_PRIVATE)

    async def change(self, request: Request, key_id: str) -> Response:
        """Change a key's name, scopes, expiry or limits; the limits that are sent replace all that it had."""
        fields = _with_time(await self._fields(request, CHANGED))
        key = await self._threads.write(self._issuer(request).change, key_id, fields)
        await self._keyring.look()
        return JSONResponse(self._object(key), headers=_PRIVATE)

    async def rotate(self, request: Request, key_id: str) -> Response:
        """Give a key another text; the one before ends at once, or `keep_s` seconds later."""
        keep_s = (await self._fields(request, ("keep_s",))).get("keep_s") or 0
        if isinstance(keep_s, bool) or not isinstance(keep_s, int | float):
            raise invalid("keep_s", keep_s, "Must be a number of seconds.")
        return await self._told(await self._threads.write(self._issuer(request).rotate, key_id, float(keep_s)), 200)

    async def revoke(self, request: Request, key_id: str) -> Response:
        """End a key. Its videos and what it has used stay."""
        key = await self._threads.write(self._issuer(request).revoke, key_id)
        await self._keyring.look()
        return JSONResponse({"id": key.id, "object": "key.revoked", "revoked": True}, headers=_PRIVATE)

    async def used(self, request: Request) -> Response:
        """What was used each day (UTC): by the key that asks; with the scope `admin`, by all keys or the one named.

        A job counts on the day of its submission. `key` is the one that asks; `limits` are its own, and what is left
        of them; `scopes` what it may do.
        """
        caller: Caller = request.state.caller
        first, last = self._range(request)
        asked, everybody = request.query_params.get("key"), Scope.ADMIN in caller.scopes
        if asked not in (None, caller.key) and not everybody:
            raise Forbidden("This API key may not see the use of others: it lacks the scope admin.", field="key")
        key = asked if everybody else caller.key
        rows = await self._threads.read(self._usage.rows, first, last, key)
        left = await self._threads.read(self._usage.left, caller.key, caller.limits, self._clock.now())
        caller.left.update(left)
        body = {
            "object": "list",
            "data": [_used_object(row) for row in rows],
            "key": caller.key,
            "scopes": sorted(caller.scopes) if caller.key else [],
            "limits": {
                policy.name: {"most": most, "left": caller.left[name]}
                for name, policy in POLICIES.items()
                if (most := getattr(caller.limits, name)) is not None
            },
        }
        return JSONResponse(body, headers=_PRIVATE)

    def _range(self, request: Request) -> tuple[str, str]:
        """The first and the last day that are asked for; the last 30 without any."""
        last = _day("to", request.query_params.get("to", day_of(self._clock.now())))
        begin = date.fromordinal(max(1, last.toordinal() - USUAL_RANGE + 1))
        first = _day("from", request.query_params.get("from", begin.isoformat()))
        return first.isoformat(), last.isoformat()

    async def _fields(self, request: Request, known: tuple[str, ...]) -> dict[str, Any]:
        if not _has_body(request):
            return {}
        body = await parse_body(request, self._max_body_bytes)
        if not body.typed:
            raise BadRequest("Send the fields as JSON.", code=Code.UNSUPPORTED_MEDIA_TYPE)
        fields = body.fields
        if unknown := [name for name in fields if name not in known]:
            raise BadRequest(f"Unknown fields: {', '.join(unknown)}. There are {', '.join(known)}.", field=unknown[0])
        return {name: value for name, value in fields.items() if value is not None or name == "expires_at"}

    async def _told(self, issued: Issued, status: int) -> Response:
        await self._keyring.look()
        return JSONResponse({**self._object(issued.key), "key": issued.text}, status, headers=_PRIVATE)

    def _object(self, key: ApiKey) -> dict[str, Any]:
        limits = self._keyring.limits.overridden(key.limits)
        return {
            "id": key.id,
            "object": "key",
            "name": key.name,
            "owner": key.owner,
            "scopes": sorted(key.scopes),
            "hint": key.hint,
            "created_at": _epoch(key.created_at),
            "expires_at": _epoch(key.expires_at),
            "revoked_at": _epoch(key.revoked_at),
            "last_used_at": _epoch(key.used_at),
            "limits": _limits_object(limits),
            "own_limits": dict(key.limits),
        }


def keys_router(calls: KeyCalls) -> APIRouter:
    router = APIRouter(tags=["keys"])
    for path, endpoint, method in (
        ("/v1/keys", calls.list, "GET"),
        ("/v1/keys", calls.create, "POST"),
        ("/v1/keys/{key_id}", calls.get, "GET"),
        ("/v1/keys/{key_id}", calls.change, "POST"),
        ("/v1/keys/{key_id}", calls.revoke, "DELETE"),
        ("/v1/keys/{key_id}/rotate", calls.rotate, "POST"),
        ("/v1/usage", calls.used, "GET"),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response)
    return router


def _used_object(used: Used) -> dict[str, Any]:
    return {
        "object": "usage",
        "day": used.day,
        "key": used.key,
        "jobs": used.jobs,
        "completed": used.completed,
        "failed": used.failed,
        "video_seconds": used.seconds,
        "engine_seconds": used.engine_seconds,
        "cost_usd": used.cost_usd,
    }


def _limits_object(limits: KeyLimits) -> dict[str, int | None]:
    return {name: getattr(limits, name) for name in LIMITS}


def _with_time(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`expires_at` comes as seconds since the epoch; null means never."""
    if "expires_at" not in fields or fields["expires_at"] is None:
        return dict(fields)
    seconds = fields["expires_at"]
    try:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ValueError
        return {**fields, "expires_at": datetime.fromtimestamp(seconds, UTC)}
    except (ValueError, OverflowError, OSError):
        raise invalid("expires_at", seconds, "Must be in seconds since 1970, or null.") from None


def _day(name: str, value: str) -> date:
    try:
        if len(value) != len("2026-11-29"):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise invalid(name, value, "Must be a day, as 2026-11-29.") from None


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _epoch(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
