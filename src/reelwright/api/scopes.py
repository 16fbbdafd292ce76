"""Which scope a key needs for a request: one rule for all routes, by method and path."""

from __future__ import annotations

import re

from reelwright.errors import Forbidden
from reelwright.jobs.callers import Caller
from reelwright.store.keys import Scope

LOOKING = frozenset({"GET", "HEAD"})
_ADMIN = re.compile(r"/v1/(keys|audit|admin)(/.*)?")
_EITHER = re.compile(r"/metrics/?")
_EVERY = re.compile(r"/v1/usage/?")
_ANY = re.compile(r"/mcp/?")


def scopes_for(method: str, path: str) -> frozenset[Scope]:
    """Any one of these lets the request in; none: every key does.

    `/mcp` leads to other routes, which ask themselves. `/v1/usage` tells each key what it may do, so a program need not
    try that out.
    """
    if method == "OPTIONS" or _ANY.fullmatch(path):
        return frozenset()
    if _ADMIN.fullmatch(path):
        return frozenset({Scope.ADMIN})
    if _EVERY.fullmatch(path):
        return frozenset(Scope)
    if _EITHER.fullmatch(path):
        return frozenset({Scope.READ, Scope.ADMIN})
    return frozenset({Scope.READ if method in LOOKING else Scope.GENERATE})


def check_scope(caller: Caller, method: str, path: str) -> None:
    """Raises `Forbidden`, which names what the key lacks."""
    wanted = scopes_for(method, path)
    if not wanted or wanted & caller.scopes:
        return
    scope = min(wanted)
    if not caller.key:
        raise Forbidden(
            "This server asks for no keys, and this is for keys with the scope admin only. Make one with "
            "`reelwright keys create --name admin --scope admin`."
        )
    raise Forbidden(f"This API key may not do this: it lacks the scope {scope}. Ask whoever manages the keys.")
