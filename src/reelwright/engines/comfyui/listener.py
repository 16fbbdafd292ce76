"""Listens to the web socket of a ComfyUI for one job: progress, previews, and that something has ended.

The socket decides nothing, because it is not reliable: it may fall silent, be taken over by another client, or report
errors of a job that goes on. It serves for progress and previews, and wakes the thread that waits for the end, which
then asks over HTTP. Each job has a socket of its own with the job's id as client id: ComfyUI sends the messages for a
client id only to the last socket that was opened with it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from reelwright.engines.comfyui.progress import Progress
from reelwright.engines.engine import Report
from reelwright.errors import Cancelled

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

HELLO = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
"""The message that asks ComfyUI for previews with the id of their job."""
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_PREVIEW_BYTES = 1024 * 1024
PATIENCE_S = 1.0
"""How long a job waits for its socket at most; it can go on without."""
RECONNECT_S = 3.0
SLICE_S = 0.5
"""How often the listening thread checks whether it is still needed, in seconds."""
PREVIEW, PREVIEW_WITH_METADATA = 1, 4
"""The kinds of binary messages that hold a picture; all numbers are big-endian, 4 bytes."""
_TYPES = {1: "image/jpeg", 2: "image/png"}
_ENDS = frozenset({"execution_success", "execution_error", "execution_interrupted"})


def _silent() -> logging.Logger:
    """A logger that drops everything. The library logs a traceback when a connection ends unexpectedly; nobody can do
    anything about that, and the socket is opened again."""
    logger = logging.Logger("websockets")
    logger.disabled = True
    return logger


class Listener:
    """A context manager that listens while its block runs; a connection that is lost is opened again."""

    def __init__(
        self,
        *,
        address: str,
        headers: Mapping[str, str],
        prompt_id: str,
        progress: Progress,
        report: Report,
        preview_seconds: float,
        connect_seconds: float,
    ) -> None:
        """`preview_seconds`: at most one preview is told in that time."""
        self._address = address
        self._headers = dict(headers)
        parts = urlsplit(address)
        own = {name.lower() for name in headers} - {"authorization"}
        # The library takes only the usual headers off before it follows a redirect to another host; to an address that
        # it was given it follows none.
        self._tied: dict[str, Any] = {}
        if own:
            self._tied["address"] = (parts.hostname, parts.port or (443 if parts.scheme == "wss" else 80))
        self._prompt_id = prompt_id
        self._progress = progress
        self._report = report
        self._preview_seconds = preview_seconds
        self._connect_seconds = connect_seconds
        self._over = threading.Event()
        self._news = threading.Event()
        self._ready = threading.Event()
        self._last_preview = -preview_seconds
        self._told = 0
        self.heard_at = 0.0
        """When the socket last said something about this job (monotonic, in seconds)."""
        self._thread = threading.Thread(target=self._listen, name="comfyui-socket", daemon=True)

    def __enter__(self) -> Listener:
        """Begin to listen. Returns when the socket is open, or could not be opened within `PATIENCE_S`."""
        self._thread.start()
        self._ready.wait(min(self._connect_seconds, PATIENCE_S))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until the job may have ended. True when it may have."""
        if self._news.wait(seconds):
            self._news.clear()
            return True
        return False

    def _listen(self) -> None:
        with suppress(Cancelled):  # the thread that waits for the end is told, too
            while not self._over.is_set():
                with suppress(OSError, TimeoutError, WebSocketException):
                    self._once()
                self._ready.set()
                self._over.wait(RECONNECT_S)

    def _once(self) -> None:
        with connect(
            self._address,
            additional_headers=self._headers,
            open_timeout=self._connect_seconds,
            close_timeout=0.2,
            max_size=MAX_MESSAGE_BYTES,
            compression=None,
            logger=_silent(),
            **self._tied,
        ) as connection:
            connection.send(HELLO)
            self._ready.set()
            while not self._over.is_set():
                self._receive(connection)

    def _receive(self, connection: ClientConnection) -> None:
        try:
            message = connection.recv(timeout=SLICE_S)
        except TimeoutError:
            return
        if isinstance(message, bytes):
            self._see(message)
            return
        with suppress(ValueError):
            match json.loads(message):
                case {"type": str(kind), "data": dict(data)}:
                    self._hear(kind, data)

    def _hear(self, kind: str, data: Mapping[str, Any]) -> None:
        # A late connection is told once what is executing, without saying of which job: that one is left out.
        if data.get("prompt_id") != self._prompt_id:
            return
        self.heard_at = time.monotonic()
        match kind, data:
            case "execution_cached", {"nodes": list(nodes)}:
                self._progress.cached(nodes)
            case "progress_state", {"nodes": dict(nodes)}:
                self._progress.states(nodes)
            case "progress", {"node": node, **part}:
                self._progress.part(str(node), part.get("value"), part.get("max"))
            case "executing", {"node": None}:
                self._news.set()  # the job is in the history by now
                return
            case "executing", {"node": node}:
                self._progress.executing(str(node))
            case _:
                if kind in _ENDS:
                    self._news.set()
                return
        self._tell()

    def _tell(self) -> None:
        done, total = self._progress.measure()
        if done > self._told:
            self._told = done
            # All nodes done is not the end: the file is still to be fetched.
            self._report.progress(min(done, total - 1), total)
        else:
            self._report.moved()

    def _see(self, message: bytes) -> None:
        kind = int.from_bytes(message[:4], "big")
        if kind == PREVIEW:
            self._show(_TYPES.get(int.from_bytes(message[4:8], "big")), message[8:])
        elif kind == PREVIEW_WITH_METADATA:
            length = int.from_bytes(message[4:8], "big")
            with suppress(ValueError):
                about = json.loads(message[8 : 8 + length])
                if isinstance(about, dict) and about.get("prompt_id") == self._prompt_id:
                    self._show(str(about.get("image_type")), message[8 + length :])

    def _show(self, media_type: str | None, picture: bytes) -> None:
        now = time.monotonic()
        due = now - self._last_preview >= self._preview_seconds
        if due and media_type is not None and media_type in _TYPES.values() and 0 < len(picture) <= MAX_PREVIEW_BYTES:
            self._last_preview = now
            self._report.preview(picture, media_type)
