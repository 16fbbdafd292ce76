"""Log lines: one line each, readable or JSON, libraries' lines and warnings too."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from reelwright.logs import configure_logs

HOSTILE = 'line\nbreak\r\x1b[31m \x00 \u2028 \x85 \ud800 "quoted" name=value 🎬'


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging is the process's own: it is put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def started(form: Literal["console", "json"], level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(form, level, stream)
    return stream


def log() -> structlog.stdlib.BoundLogger:
    return structlog.get_logger("reelwright.test")  # type: ignore[no-any-return]


def test_a_console_line() -> None:
    stream = started("console")
    log().info("rendering", video="video_1", reason="two words")
    assert re.fullmatch(r"\d\d:\d\d:\d\d 🎬 rendering video=video_1 reason='two words'\n", stream.getvalue())


def test_a_json_line() -> None:
    stream = started("json")
    log().warning("failed", video="video_1", seconds=1.5)
    told = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", told.pop("timestamp"))
    assert told == {
        "event": "failed",
        "video": "video_1",
        "seconds": 1.5,
        "level": "warning",
        "logger": "reelwright.test",
    }


@pytest.mark.parametrize("form", ["console", "json"])
def test_nothing_in_a_value_breaks_the_line(form: Literal["console", "json"]) -> None:
    stream = started(form)
    log().info("request", path=HOSTILE, other=[HOSTILE], third={"a": HOSTILE})
    log().info(HOSTILE)
    logging.getLogger("some.library").warning("%s", HOSTILE)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    for line in lines:
        assert "\x1b" not in line
        assert "\x00" not in line
        line.encode()
        if form == "json":
            json.loads(line)


def test_a_json_line_keeps_the_value_exactly() -> None:
    stream = started("json")
    log().info("request", path=HOSTILE)
    assert json.loads(stream.getvalue())["path"] == HOSTILE


def test_an_exception_is_one_json_line() -> None:
    stream = started("json")
    try:
        raise RuntimeError(HOSTILE)
    except RuntimeError:
        log().exception("request broke")
    (line,) = stream.getvalue().splitlines()
    assert "Traceback" in json.loads(line)["exception"]


def test_an_exception_on_the_console_stands_on_indented_lines() -> None:
    """So that nothing in its text can pass for a log line."""
    stream = started("console")
    try:
        raise RuntimeError("first\n12:00:00 🎬 forged\r12:00:00 forged too")
    except RuntimeError:
        log().exception("request broke")
    first, *rest = stream.getvalue().splitlines()
    assert "❌ request broke" in first
    assert all(line.startswith("         ") for line in rest if line)


@pytest.mark.parametrize("form", ["console", "json"])
def test_warnings_of_python_become_log_lines(
    form: Literal["console", "json"], capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        stream = started(form)
        warnings.warn("something is old", UserWarning, stacklevel=1)
    assert "something is old" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1
    assert capfd.readouterr().err == ""


def test_the_level_is_kept_and_libraries_are_quiet() -> None:
    stream = started("console", "warning")
    log().info("not told")
    for name in ("uvicorn.error", "sqlalchemy.engine", "httpx2"):
        logging.getLogger(name).info("not told")
    logging.getLogger("python_multipart.multipart").error("a client's own fault")
    assert stream.getvalue() == ""
    log().warning("told")
    assert "told" in stream.getvalue()


def test_setting_it_up_twice_doubles_nothing() -> None:
    started("console")
    stream = started("console")
    log().info("once")
    logging.getLogger("some.library").warning("twice")
    assert len(stream.getvalue().splitlines()) == 2
