"""Errors at `/mcp` in the form of its protocol, JSON-RPC 2.0: its clients show their users no other."""

from __future__ import annotations

import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.errors import STATUS, Dialect
from reelwright.errors import ReelwrightError

_INVALID_REQUEST, _INTERNAL_ERROR = -32600, -32603


def _render(_request: Request, error: ReelwrightError, _now: datetime) -> Response:
    status = STATUS[error.code]
    body = {
        "code": _INTERNAL_ERROR if status >= 500 else _INVALID_REQUEST,
        "message": error.message,
        "data": {"code": error.code},
    }
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": body}, status)


JSONRPC = Dialect(paths=re.compile("/mcp/?"), render=_render)
