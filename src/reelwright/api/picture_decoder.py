"""Has each picture and each video decoded before it is accepted, by a process of its own (`media.developing`,
`media.last_frame`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from reelwright.errors import BadRequest, Busy, ReelwrightError, invalid

SIDE_BY_SIDE = 2
"""So many pictures are decoded at once; each may take a gigabyte."""
LIMIT_S = 60.0
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""All that the process gets of the environment: a decoder that is taken over finds no secret there."""


class PictureDecoder:
    """Turns what was sent into a picture that every engine can show: sRGB, upright, on white, of a sane size."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(SIDE_BY_SIDE)
        self._log = structlog.get_logger("reelwright.api")

    async def decode(self, data: bytes, field: str) -> bytes:
        """The bytes to keep: `data` itself where it is such a picture already.

        Raises `BadRequest` that names `field` when it cannot be decoded, `Busy` when no process can be had now.
        """
        async with self._turns:
            output, code = await self._run("developing", field, data)
        head, _, picture = output.partition(b"\n")
        if code is not None and code > 0:
            raise ReelwrightError(f"The process that decodes pictures ended with {code}")
        if code != 0:
            self._log.warning("picture not decoded", exit_code=code, bytes=len(data))
            raise invalid(field, f"{len(data):,} bytes", "It cannot be decoded; export it anew and send it again.")
        match json.loads(head):
            case {"problem": str(problem)}:
                raise BadRequest(problem, field=field)
            case {"changed": True}:
                return picture
        return data

    async def last_frame(self, path: Path, field: str) -> tuple[Mapping[str, Any], bytes]:
        """What a file is like (`width`, `height`, `num_frames`, `fps`), and its last frame as a PNG.

        Raises `BadRequest` that names `field` when it is no video that can be decoded, `Busy`.
        """
        async with self._turns:
            output, code = await self._run("last_frame", str(path), b"")
        head, _, picture = output.partition(b"\n")
        if code != 0:
            self._log.warning("video not decoded", exit_code=code)
            raise invalid(field, "the file", "It cannot be decoded; send it in H.264.")
        match json.loads(head):
            case {"problem": str(problem)}:
                raise BadRequest(f"Invalid {field}: {problem} Send an MP4 or WebM file.", field=field)
            case found:
                return found, picture

    async def _run(self, module: str, argument: str, data: bytes) -> tuple[bytes, int | None]:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # nothing is imported from the folder in which the server runs
                "-m",
                f"reelwright.media.{module}",
                argument,
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            self._log.warning("picture decoder not started", reason=error.strerror)
            raise Busy("The server cannot look at pictures now. Try again soon.") from None
        try:
            async with asyncio.timeout(LIMIT_S):
                output = await _fed(process, data)
        except TimeoutError:
            raise Busy("The server is too busy to look at pictures now. Try again soon.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return output, process.returncode


async def _fed(process: asyncio.subprocess.Process, data: bytes) -> bytes:
    """All that the process answers to these bytes; it may end before it has read them."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(ConnectionError, RuntimeError):  # uvloop: "the handler is closed"
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()
    output = await process.stdout.read()
    await process.wait()
    return output
