"""Downloads a result: streams it to the disk, in little memory whatever its size, and checks it."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx2

from reelwright.engines.upstream.cpu_gate import CpuGate
from reelwright.engines.upstream.job_limits import JobLimits
from reelwright.engines.upstream.outcomes import NextStep, Scrubber, UpstreamError, bad_output, empty, from_status
from reelwright.errors import Code

HEADROOM = 1024 * 1024
"""What the answer's headers and framing may add to the file's own bytes."""
TRIES = 3
"""How often one result is asked for: a download that breaks is continued, because asking again costs nothing."""
HEAD_BYTES = 8
EBML = b"\x1a\x45\xdf\xa3"
"""RFC 8794, 11.2.1: how a Matroska or WebM file begins."""
_SHOWN_BYTES = 4096


@contextmanager
def storage_told() -> Iterator[None]:
    """Within the block, the OSError of a full disk becomes an `UpstreamError` that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UpstreamError("The disk is full: the result could not be kept.", code=Code.STORAGE_FULL) from error
        raise


class _Part:
    """What has arrived of one file, and its entity tag, which tells the server whether the file is still the same."""

    def __init__(self, file: BinaryIO) -> None:
        """`file`: an empty one."""
        self._file = file
        self._reset()

    def restart(self) -> None:
        self._file.seek(0)
        if self.size:
            self._file.truncate()
        self._reset()

    def _reset(self) -> None:
        self.size = 0
        self.head = b""
        self.digest = hashlib.sha256()
        self.validator: str | None = None

    def question(self) -> dict[str, str]:
        """Headers that ask only for the bytes that are missing (RFC 9110, 13.1.5 and 14.2)."""
        if not self.size or self.validator is None:
            return {}
        return {"range": f"bytes={self.size}-", "if-range": self.validator}

    def begin(self, response: httpx2.Response) -> None:
        """Prepare for the body of this answer: append to what is there if the answer continues it, else start anew."""
        goes_on = response.headers.get("content-range", "").startswith(f"bytes {self.size}-")
        if response.status_code != 206 or not goes_on:
            self.restart()
        tag = response.headers.get("etag", "")
        self.validator = tag if tag.startswith('"') else None  # only a strong one tells that the bytes are the same

    def add(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)


class Downloader:
    def __init__(self, *, session: Callable[[], httpx2.Client], max_bytes: int, scrub: Scrubber, gate: CpuGate) -> None:
        """`session` returns the HTTP client, one of `Network`. `gate` bounds how many downloads hash and write at
        the same time."""
        self._session = session
        self._max_bytes = max_bytes
        self._scrub = scrub
        self._gate = gate

    def fetch(
        self, url: str, path: Path, limits: JobLimits, *, headers: Mapping[str, str] | None = None, video: bool = True
    ) -> str:
        """Download the file at `url` into `path`. Returns its SHA-256, hex. Follows at most 3 redirects.

        A download that breaks is continued where it broke, if the server can. Raises `UpstreamError`: with the code
        bad_output when the file is missing, cut short or too large or, for a `video`, neither an MP4 nor a WebM;
        timed_out when the download stalls.
        """
        with storage_told(), path.open("wb") as file:
            part = _Part(file)
            for attempt in range(1, TRIES + 1):
                try:
                    return self._fetch(url, headers or {}, part, limits, video)
                except (httpx2.TransportError, UpstreamError) as error:
                    fault = self._fault(error)
                    if attempt == TRIES or not (_transient(error) or fault.code is Code.TIMED_OUT):
                        raise fault from error
                limits.poll_pause()
        raise AssertionError("the last try returns or raises")

    def _fetch(self, url: str, headers: Mapping[str, str], part: _Part, limits: JobLimits, video: bool) -> str:
        limits.expect(self._max_bytes + HEADROOM)
        # Without compression: a download that breaks in a compressed body could not be continued from there.
        asked = {**headers, "accept-encoding": "identity", **part.question()}
        with self._session().stream("GET", url, headers=asked) as response:
            if response.status_code >= 400:
                response.read()
                raise from_status(
                    response.status_code, response.headers, response.text, response.request.url.host, self._scrub
                )
            part.begin(response)
            return self._take(response, part, video)

    def save(self, response: httpx2.Response, path: Path) -> str:
        """Write the answer's body, a video, to `path`; its beginning is checked before the rest is read.

        Returns the SHA-256 of the whole file, hex. Raises as `fetch`.
        """
        with storage_told(), path.open("wb") as file:
            return self._take(response, _Part(file), video=True)

    def _take(self, response: httpx2.Response, part: _Part, video: bool) -> str:
        with self._gate.slot() as slot:
            for chunk in response.iter_bytes():
                if video and part.size < HEAD_BYTES:
                    part.head += chunk
                    if len(part.head) >= HEAD_BYTES:
                        self._check_head(part.head)
                part.add(chunk)
                if part.size > self._max_bytes:
                    raise bad_output(f"it is larger than {self._max_bytes} bytes")
                slot.release_if_late()
        if part.size == 0:
            raise empty(response.request.url.host)
        if video and part.size < HEAD_BYTES:
            self._check_head(part.head)
        return part.digest.hexdigest()

    def _check_head(self, head: bytes) -> None:
        """Raise if the file is neither an MP4 nor a WebM.

        ISO/IEC 14496-12, 4.3: an MP4 begins with a box whose type, at bytes 4 to 8, is `ftyp`.
        """
        if head[4:8] == b"ftyp" or head.startswith(EBML):
            return
        text = head[:_SHOWN_BYTES].decode("utf-8", "replace")
        readable = "\ufffd" not in text
        raise bad_output("it does not begin like an MP4 or a WebM", self._scrub(text) if readable else None)

    def _fault(self, error: httpx2.TransportError | UpstreamError) -> UpstreamError:
        match error:
            case UpstreamError(code=Code.UPSTREAM_NOT_FOUND | Code.UPSTREAM_FORBIDDEN | Code.UPSTREAM_UNAUTHORIZED):
                return bad_output("it is not where the upstream said", error.details, status=error.status)
            case UpstreamError():
                # The provider has made the video (and billed it), so no other one is asked because the download failed.
                error.next_step = NextStep.STOP
                return error
            case httpx2.TimeoutException():
                return UpstreamError("The download of the result stalled.", code=Code.TIMED_OUT)
            case httpx2.RemoteProtocolError() | httpx2.ReadError():
                return bad_output("the download was cut short")
        return UpstreamError("The result could not be downloaded.", code=Code.UPSTREAM_ERROR)


def _transient(error: httpx2.TransportError | UpstreamError) -> bool:
    return (
        isinstance(error, httpx2.TransportError) or (error.status or 0) in (408, 425, 429) or (error.status or 0) >= 500
    )
