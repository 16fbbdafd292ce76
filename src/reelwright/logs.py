"""Logs: readable lines with emoji in development, one JSON object a line in production.

A log line is always one line: line breaks in a value (a prompt, an upstream's text) are escaped by the renderer.
"""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Callable, MutableMapping
from typing import Any, Literal, TextIO

import structlog

_EMOJI = {
    "stopping": "👋",
    "stopped": "👋",
    "rendering": "🎬",
    "finished": "✅",
    "failed": "❌",
    "cancelled": "🛑",
    "recovered": "♻️ ",
    "adopted": "📎",
    "request": "🌐",
    "engine": "🎨",
    "engine loaded": "🎨",
}


def configure_logs(form: Literal["console", "json"], level: str, stream: TextIO | None = None) -> None:
    """Send everything, the libraries' lines too, to `stream` (None: stderr) in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(**({"fmt": "iso"} if form == "json" else {"fmt": "%H:%M:%S", "utc": False})),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer() if form == "json" else _console_line
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    # It calls a client's malformed form an error of its own.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    for noisy in ("sqlalchemy", "asyncio", "PIL", "httpx2", "httpcore2", "uvicorn", "mcp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class HeldLines:
    """Holds log lines back until the server runs, so that the line that says so is the first.

    Lines are held from the creation of this object until `release`. A warning or an error is written at once, after the
    lines that were held before it.
    """

    def __init__(self) -> None:
        (self._target,) = logging.getLogger().handlers
        self._held = logging.handlers.MemoryHandler(1_000, logging.WARNING, self._target)
        logging.getLogger().handlers[:] = [self._held]

    def release(self, first: Callable[[], None] | None = None) -> None:
        """Call `first`, which logs the line that is to be first, and then write the held lines. A second call does
        nothing."""
        logging.getLogger().handlers[:] = [self._target]
        if first is not None:
            first()
        self._held.close()


def _console_line(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    """`12:00:01 🎬 rendering video=… engine=…`; an exception follows on lines of its own, indented."""
    level, moment = event.pop("level", "info"), event.pop("timestamp", "")
    event.pop("logger", None)
    exception = event.pop("exception", None)
    text = _one_line(str(event.pop("event", "")))
    mark = _EMOJI.get(text) or {"warning": "⚠️ ", "error": "❌", "critical": "❌"}.get(level, "  ")
    facts = " ".join(f"{name}={_value(value)}" for name, value in event.items())
    line = f"{moment} {mark} {text} {facts}".rstrip()
    if exception:
        line += "\n" + "\n".join(f"         {part}" for part in str(exception).splitlines())
    return line


def _value(value: object) -> str:
    text = str(value)
    return _one_line(text) if text and " " not in text else repr(text)


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
