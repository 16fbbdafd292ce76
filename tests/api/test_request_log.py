"""The outermost layer: request ids, one log line a request, and a fault of ours that tells nothing."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from reelwright.api.errors import ErrorResponder
from reelwright.api.native import NATIVE
from reelwright.api.request_log import RequestLog
from reelwright.errors import ReelwrightError
from reelwright.logs import configure_logs
from tests.api.asks import generate
from tests.servers import ServerProcess

DRAWN = re.compile(r"req_[0-9a-f]{24}")


@pytest.mark.parametrize("sane", ["abc", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "a.b:c_d-e", "x" * 128])
def test_a_sane_request_id_is_echoed(http: httpx2.Client, sane: str) -> None:
    assert http.get("/health", headers={"X-Request-Id": sane}).headers["X-Request-Id"] == sane


@pytest.mark.parametrize("insane", ["", "x" * 129, "a b", "<script>", "a\tb", "é".encode().decode("latin-1"), "a,b"])
def test_an_insane_request_id_is_replaced(http: httpx2.Client, insane: str) -> None:
    answer = http.get("/health", headers={"X-Request-Id": insane.encode("latin-1")})
    assert DRAWN.fullmatch(answer.headers["X-Request-Id"])


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/health"), ("GET", "/nope"), ("OPTIONS", "/health"), ("POST", "/")]
)
def test_every_answer_has_a_request_id(http: httpx2.Client, method: str, path: str) -> None:
    ids = {http.request(method, path).headers["X-Request-Id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(DRAWN.fullmatch(one) for one in ids)


def test_a_prompts_line_breaks_do_not_break_a_log_line(server: ServerProcess, http: httpx2.Client) -> None:
    before = len(server.log_text())
    forged = "paint\n12:00:00 🎬 forged line\r\u2028\x1b[31mred"
    assert generate(http, forged).status_code == 200
    http.get("/v1/videos/x%0A12:00:00%20forged%20line")
    generate(http, "paint", model=forged)
    lines = server.log_text()[before:].splitlines()
    assert lines
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    assert not any(re.match(r"\d\d:\d\d:\d\d (🎬 )?forged", line) for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The logs as JSON lines; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def broken_app() -> RequestLog:
    app = FastAPI(docs_url=None, redoc_url=None)
    ErrorResponder([NATIVE], lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)).install(app)

    @app.get("/api/bug")
    async def bug() -> None:
        raise RuntimeError("secret /path/to/canary\nwith a line break")

    @app.get("/api/internal")
    async def internal() -> None:
        raise ReelwrightError("secret canary")

    @app.get("/api/halfway")
    async def halfway() -> StreamingResponse:
        async def body():  # type: ignore[no-untyped-def]
            yield b"some"
            raise RuntimeError("canary")

        return StreamingResponse(body())

    return RequestLog(app, lambda *ended: None)


async def get(path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=broken_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path, headers={"X-Request-Id": "req-1"})


@pytest.mark.parametrize("path", ["/api/bug", "/api/internal"])
async def test_a_fault_of_ours_tells_nothing_but_the_requests_id(log: io.StringIO, path: str) -> None:
    answer = await get(path)
    assert answer.status_code == 500
    assert answer.json() == {
        "success": False,
        "error": "Internal server error",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "request_id": "req-1",
    }
    assert answer.headers["X-Request-Id"] == "req-1"
    assert "canary" not in str(answer.headers)


async def test_the_traceback_is_in_the_log_only_and_on_one_line(log: io.StringIO) -> None:
    await get("/api/bug")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    broke = next(line for line in lines if line["event"] == "request broke")
    assert "RuntimeError: secret /path/to/canary" in broke["exception"]
    assert broke["request"] == "req-1"
    told = next(line for line in lines if line["event"] == "request")
    assert (told["method"], told["path"], told["status"]) == ("GET", "/api/bug", 500)


async def test_an_answer_that_breaks_half_way_is_cut_off(log: io.StringIO) -> None:
    """The client must not take half an answer for a whole one."""
    with pytest.raises(RuntimeError):
        await get("/api/halfway")
    assert "request broke" in log.getvalue()
