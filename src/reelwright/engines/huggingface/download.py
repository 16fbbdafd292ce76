"""A result streamed to disk and checked, memory flat whatever its size."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
from huggingface_hub.utils._http import get_session

from reelwright.engines.huggingface.guard import Watch
from reelwright.engines.huggingface.outcomes import Fault, Scrubber, Then, bad_output, empty
from reelwright.engines.huggingface.turns import Turns
from reelwright.errors import Code

HEADROOM = 1024 * 1024
"""What the answer's headers and framing may add to the file's own bytes."""
TRIES = 3
"""A download costs nothing upstream: a broken one is begun again."""
HEAD_BYTES = 8
_SHOWN_BYTES = 4096


class Downloader:
    def __init__(self, *, max_bytes: int, scrub: Scrubber, turns: Turns) -> None:
        """`turns`: who of several downloads takes its bytes first."""
        self._max_bytes = max_bytes
        self._scrub = scrub
        self._turns = turns

    def fetch(self, url: str, path: Path, watch: Watch, *, video: bool = True) -> str:
        """The file at `url` into `path`; its SHA-256, hex. Sends no token and follows at most 3 redirects.

        Raises `Fault`: bad_output for anything but an MP4 (`video`), also when it stays away; timed_out when it stalls.
        """
        if not url.startswith("https://"):
            raise bad_output("its address is not an https one")
        for attempt in range(1, TRIES + 1):
            try:
                return self._fetch(url, path, watch, video)
            except (httpx2.TransportError, Fault) as error:
                fault = self._fault(error)
                if attempt == TRIES or not (_transient(error) or fault.code is Code.TIMED_OUT):
                    raise fault from error
            watch.poll_pause()
        raise AssertionError("the last try returns or raises")

    def _fetch(self, url: str, path: Path, watch: Watch, video: bool) -> str:
        watch.expect(self._max_bytes + HEADROOM)
        with get_session().stream("GET", url) as response:
            return self.save(response, path, video=video)

    def save(self, response: httpx2.Response, path: Path, *, video: bool = True) -> str:
        """The answer's body into `path`; for a `video` the beginning is checked before the rest is taken.

        Returns the SHA-256 of the whole, hex.
        """
        digest = hashlib.sha256()
        try:
            with path.open("wb") as file, self._turns.one() as turn:
                for chunk in self._checked(response, video):
                    file.write(chunk)
                    digest.update(chunk)
                    turn.spend()
                size = file.tell()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Fault("The disk is full: the result could not be kept.", code=Code.STORAGE_FULL) from error
            raise
        if size == 0:
            raise empty(response.request.url.host)
        return digest.hexdigest()

    def _checked(self, response: httpx2.Response, video: bool) -> Iterator[bytes]:
        size, head = 0, b""
        for chunk in response.iter_bytes():
            if video and size < HEAD_BYTES:
                head += chunk
                if len(head) >= HEAD_BYTES:
                    self._check_head(head)
            size += len(chunk)
            if size > self._max_bytes:
                raise bad_output(f"it is larger than {self._max_bytes} bytes")
            yield chunk
        if video and 0 < size < HEAD_BYTES:
            self._check_head(head)

    def _check_head(self, head: bytes) -> None:
        """ISO/IEC 14496-12, 4.3: a file begins with a box whose type, at bytes 4 to 8, is `ftyp`."""
        if head[4:8] == b"ftyp":
            return
        text = head[:_SHOWN_BYTES].decode("utf-8", "replace")
        readable = "\ufffd" not in text
        raise bad_output("it does not begin like an MP4", self._scrub(text) if readable else None)

    def _fault(self, error: httpx2.TransportError | Fault) -> Fault:
        match error:
            case Fault(code=Code.UPSTREAM_NOT_FOUND | Code.UPSTREAM_FORBIDDEN | Code.UPSTREAM_UNAUTHORIZED):
                return bad_output("it is not where the provider said", error.details)
            case Fault():
                # The work was done (and billed): no other provider is asked because of a broken delivery.
                error.then = Then.STOP
                return error
            case httpx2.TimeoutException():
                return Fault("The download of the result stalled.", code=Code.TIMED_OUT)
            case httpx2.RemoteProtocolError() | httpx2.ReadError():
                return bad_output("the download was cut short")
        return Fault("The result could not be downloaded.", code=Code.UPSTREAM_ERROR)


def _transient(error: httpx2.TransportError | Fault) -> bool:
    return (
        isinstance(error, httpx2.TransportError) or (error.status or 0) in (408, 425, 429) or (error.status or 0) >= 500
    )
