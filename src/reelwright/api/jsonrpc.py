"""Errors at `/mcp` in the form of JSON-RPC 2.0, the only one that clients of the protocol show to their users."""

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
