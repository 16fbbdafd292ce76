"""Sends a finished file to the client, with headers, ETag and ranges (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reelwright.api.conditions import is_known, is_unchanged
from reelwright.api.connection import NOW, SEND_FILE, SendFile
from reelwright.api.request_options import hung_up
from reelwright.errors import BadRequest, Code, NotFound
from reelwright.video import Video

CHUNK_BYTES = 256 * 1024
MAX_RANGES = 100
_RANGE = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")

Range = tuple[int, int]
"""The first byte, and the one after the last."""


def video_headers(video: Video) -> dict[str, str]:
    """What a client may want to know about the file, in headers."""
    assert video.file is not None
    return {
        "ETag": f'"{video.file.sha256[:32]}"',
        "X-Video-Id": video.id,
        "X-Seed": str(video.spec.seed),
        "X-Engine": video.spec.engine,
        "X-Video-Size": f"{video.file.size / 1024 / 1024:.2f}MB",
        "X-Generation-Time": f"{video.generation_seconds or 0:.2f}s",
    }


def variant_etag(video: Video, variant: str) -> str:
    """An ETag for something made from the finished file."""
    assert video.file is not None
    return f'"{hashlib.sha256(f"{video.file.sha256}/{variant}".encode()).hexdigest()[:32]}"'


def send_file(
    path: Path, media_type: str, headers: Mapping[str, str], name: str, *, attachment: bool = False
) -> Response:
    """The file, with conditions and ranges. A browser shows it, or with `attachment` keeps it, under its `name`."""
    named = {"Content-Disposition": f'{"attachment" if attachment else "inline"}; filename="{name}"'}
    return Download(path, media_type, {"Accept-Ranges": "bytes", **headers, **named})


def redirect(request: Request, address: str, headers: Mapping[str, str], video: Video) -> Response:
    """A redirect to the bucket, which sends the file itself; 304 for a client that has it (`headers` include an
    ETag)."""
    modified = video.completed_at.timestamp() if video.completed_at else 0.0
    if is_known(request, headers["ETag"], modified):
        return _not_modified(headers)
    told = {**headers, "Location": address, "Cache-Control": "no-store"}  # the address is good for a while only
    return Response(status_code=302, headers=told)


class Download(Response):
    """A file, or the ranges of it that were asked for.

    The file is opened before the answer begins and read through that one descriptor, so that a download that has begun
    gets every byte, even of a video that is deleted meanwhile.
    """

    def __init__(self, path: Path, media_type: str, headers: Mapping[str, str]) -> None:
        """`headers` include an ETag."""
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises before anything is sent: `NotFound` when the file is gone, `BadRequest` for a range beyond its end and
        for a condition that does not hold."""
        request = Request(scope, receive)
        try:
            # Not in a thread: the file was checked a moment ago, so the kernel has its name in memory.
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound("The file of this video is gone", field="id") from None
        gone = asyncio.create_task(hung_up(request))
        try:
            found = os.fstat(file)
            self.headers["last-modified"] = formatdate(found.st_mtime, usegmt=True)
            if is_known(request, self.headers["etag"], found.st_mtime):
                await _not_modified(self.headers)(scope, receive, send)
                return
            ranges = self._asked(request, found)
            pieces = list(self._pieces(ranges, found.st_size))
            length = sum(len(p) if isinstance(p, bytes) else p[1] - p[0] for p in pieces)
            self.headers["content-length"] = str(length)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if request.method != "HEAD":
                by_kernel = scope.get("extensions", {}).get(SEND_FILE)
                await self._send_pieces(send, by_kernel, file, pieces, gone)
            await send({"type": "http.response.body", "body": b""})
        except ClientDisconnect:
            pass  # nobody is left to be told
        finally:
            gone.cancel()
            os.close(file)

    def _asked(self, request: Request, found: os.stat_result) -> Sequence[Range]:
        """The ranges to send; none means the whole file."""
        header, condition = request.headers.get("range"), request.headers.get("if-range")
        if header is None or request.method != "GET":
            return ()
        if not is_unchanged(condition, self.headers["etag"], found.st_mtime):
            return ()
        return parse_ranges(header, found.st_size)

    def _pieces(self, ranges: Sequence[Range], size: int) -> Iterator[bytes | Range]:
        """The pieces of the body in order: bytes that are written as they are, and ranges of the file. Sets status and
        headers."""
        if not ranges:
            yield (0, size)
            return
        self.status_code = 206
        if len(ranges) == 1:
            self.headers["content-range"] = _content_range(ranges[0], size)
            yield ranges[0]
            return
        boundary, media_type = secrets.token_hex(13), self.headers["content-type"]
        self.headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
        for part in ranges:
            head = f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {_content_range(part, size)}"
            yield f"{head}\r\n\r\n".encode("latin-1")
            yield part
        yield f"\r\n--{boundary}--\r\n".encode("latin-1")

    @staticmethod
    async def _send_pieces(
        send: Send, by_kernel: SendFile | None, file: int, pieces: Sequence[bytes | Range], gone: asyncio.Task[None]
    ) -> None:
        """Send the pieces, until the client has gone. The loop has to check that itself, because uvicorn accepts what
        is sent to a closed connection."""
        for piece in pieces:
            if isinstance(piece, bytes):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                continue
            position, end = piece
            if by_kernel:
                position += await by_kernel(file, position, end - position)
            while position < end and not gone.done():
                chunk = await _read(file, min(CHUNK_BYTES, end - position), position)
                if not chunk:
                    raise OSError("the file became shorter while it was sent")
                position += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


def _not_modified(headers: Mapping[str, str]) -> Response:
    """What a client may need to know of the version that it has already."""
    return Response(status_code=304, headers={n: v for n, v in headers.items() if not n.startswith("content-")})


async def _read(file: int, length: int, position: int) -> bytes:
    """That many bytes, or what there is: at once where the kernel has them in memory, else by a thread.

    A file that was just written is in memory, and a thread takes longer to wake than the copy.
    """
    if NOW is not None:
        buffer = bytearray(length)
        with contextlib.suppress(OSError):  # EAGAIN: not in memory; EOPNOTSUPP: the file system cannot tell
            if count := os.preadv(file, [buffer], position, NOW):
                return bytes(memoryview(buffer)[:count])
    return await run_in_threadpool(os.pread, file, length, position)


def parse_ranges(header: str, size: int) -> Sequence[Range]:
    """The byte ranges of a `Range` header in a file of that size: in order, overlapping ones joined.

    None for another unit than bytes. Raises `BadRequest` (`range_not_satisfiable`) when it is malformed, when nothing
    of it lies within the file, or for more than 100 ranges.
    """
    unit, _, specification = header.partition("=")
    if unit.strip().lower() != "bytes":
        return ()
    parts = [part.strip() for part in specification.split(",", MAX_RANGES)]
    if len(parts) > MAX_RANGES:
        raise _unsatisfiable(size, f"At most {MAX_RANGES} ranges are served.")
    found = sorted(r for part in parts if (r := _parse_range(part, size)) is not None)
    if not found:
        raise _unsatisfiable(size, f"The file has {size:,} bytes.")
    joined = [found[0]]
    for first, end in found[1:]:
        if first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((first, end))
    return joined


def _parse_range(text: str, size: int) -> Range | None:
    """`first-last`, `first-` or `-length`; None when it lies beyond the end."""
    match = _RANGE.fullmatch(text)
    if match is None or text == "-":
        raise _unsatisfiable(size, "Write bytes=first-last, bytes=first- or bytes=-length.")
    if not match[1]:
        first, end = max(0, size - int(match[2])), size
    else:
        first, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < first:
            raise _unsatisfiable(size, "A range's last byte may not come before its first.")
    return (first, end) if first < end else None


def _content_range(part: Range, size: int) -> str:
    return f"bytes {part[0]}-{part[1] - 1}/{size}"


def _unsatisfiable(size: int, remedy: str) -> BadRequest:
    return BadRequest(f"Invalid Range. {remedy}", code=Code.RANGE_NOT_SATISFIABLE, field="Range", details=str(size))
