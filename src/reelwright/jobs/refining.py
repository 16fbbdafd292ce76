"""Refining: interpolating and upscaling the frames of a clip after it was rendered.

Each clip is refined in a process of its own (`engines/refiner.py`), for seconds to minutes. So the server goes on
answering, and a cancel kills the process. The number of places limits how many clips are refined at one time. A job
takes its place while it still holds the engine's slot: where refining is slower than rendering, the next render waits,
and finished frames do not pile up in memory.
"""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from reelwright.engines.refinements import Refinements
from reelwright.engines.refiner import Room, Task
from reelwright.errors import Code, EngineError
from reelwright.jobs.threads import Threads
from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.probe import probe
from reelwright.video import Failure, VideoSpec

MOST_PLACES = 4
STILL_S = 600.0
"""After so many seconds without a report the process is taken for stuck. Its longest step is one tile of a frame that a
large network enlarges on a CPU."""


class Refining:
    """Runs the processes that refine clips."""

    def __init__(
        self, refinements: Refinements, *, device: str, environment: Mapping[str, str], threads: Threads
    ) -> None:
        """`device`: where upscaling models run; auto, or torch's name. `environment`: that of the processes."""
        self._refinements = refinements
        self._device = device
        self._environment = environment
        self._threads = threads
        self._places = asyncio.Semaphore(max(1, min(MOST_PLACES, (os.cpu_count() or 1) // 2)))
        self._log = structlog.get_logger("reelwright.jobs")

    async def take_place(self, clip: Clip) -> None:
        """Wait for a place. `refine` has to follow: it gives the place back. On a cancel the clip is closed."""
        try:
            await self._places.acquire()
        except BaseException:
            if clip.frames:
                clip.frames.close()
            raise

    async def refine(
        self, spec: VideoSpec, clip: Clip, progress: Callable[[int, int], None]
    ) -> tuple[Clip, Mapping[str, Any]]:
        """Refine a clip. Returns the refined one, always as frames, and the facts that shaped it.

        The frames of the given clip are closed; its file stays, since the sound is in it. `progress` is called with the
        frames done and their total. Raises `EngineError`. A cancel kills the process.
        """
        try:
            height, width = await self._size(clip)
            room = _room(spec, clip, height, width)
            try:
                facts = await self._run(self._task(spec, clip, room), progress)
            except BaseException:
                room.close()
                raise
        finally:
            self._places.release()
            if clip.frames:
                clip.frames.close()
        refined = dataclasses.replace(
            clip,
            fps=clip.fps * spec.interpolate,
            num_frames=room.num_frames,
            frames=room,
            path=None,
            probe=None,
            sha256=None,
            sound_of=clip.path or clip.sound_of,
        )
        return refined, facts

    async def _size(self, clip: Clip) -> tuple[int, int]:
        """Height and width of the clip's frames, in pixels."""
        if clip.frames:
            return clip.frames.height, clip.frames.width
        assert clip.path is not None
        seen = clip.probe
        if seen is None:
            seen = await self._threads.process(probe, clip.path)
        return seen.height, seen.width

    def _task(self, spec: VideoSpec, clip: Clip, room: FrameBuffer) -> Task:
        return Task(
            num_frames=clip.num_frames,
            frames=Room.of(clip.frames) if clip.frames else None,
            path=str(clip.path) if clip.path else None,
            into=Room.of(room),
            interpolate=spec.interpolate,
            upscale=spec.upscale,
            weights=str(self._refinements.weights(spec.upscale)) if spec.upscale else None,
            device=self._device,
        )

    async def _run(self, task: Task, progress: Callable[[int, int], None]) -> Mapping[str, Any]:
        """Run the task in a process of its own, which has ended when this returns."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing is imported from the folder in which the server runs
            "-m",
            "reelwright.engines.refiner",
            task.to_json(),
            pass_fds=[room.fd for room in (task.frames, task.into) if room],
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        logging = asyncio.create_task(self._read_log(process.stderr))
        try:
            return await _facts(process, process.stdout, progress)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await logging

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self._log.info("refiner", line=line.decode("utf-8", "replace").rstrip())


async def _facts(
    process: asyncio.subprocess.Process, stream: asyncio.StreamReader, progress: Callable[[int, int], None]
) -> Mapping[str, Any]:
    """Read the process's reports until it has ended. Returns the facts that shaped the frames.

    Raises `EngineError` when it fails, dies, or reports nothing for `STILL_S`.
    """
    while True:
        try:
            line = await asyncio.wait_for(stream.readline(), STILL_S)
        except TimeoutError:
            message = f"Refining the video made no progress for {STILL_S:g} s. Ask for a smaller factor."
            raise EngineError(message, code=Code.TIMED_OUT) from None
        if not line:
            raise _post_mortem(await process.wait())
        said = json.loads(line)
        if "failure" in said:
            raise EngineError.from_failure(Failure(**said["failure"]))
        if "facts" in said:
            facts: Mapping[str, Any] = said["facts"]
            return facts
        progress(said["done"], said["total"])


def _post_mortem(code: int) -> EngineError:
    if code == -signal.SIGKILL:
        return EngineError(
            "The process that refined the video was killed, which the system does when memory runs out. Ask for a "
            "smaller factor or a shorter video.",
            code=Code.OUT_OF_MEMORY,
        )
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return EngineError(f"The process that refined the video ended unexpectedly ({how}).", code=Code.ENGINE_CRASHED)


def _room(spec: VideoSpec, clip: Clip, height: int, width: int) -> FrameBuffer:
    """The buffer for the refined frames. Raises `EngineError` when the machine has no room for it."""
    factor = spec.upscale.factor if spec.upscale else 1
    try:
        # Even sides, as the encoder wants them.
        return FrameBuffer.create(clip.num_frames * spec.interpolate, height * factor // 2 * 2, width * factor // 2 * 2)
    except OSError as error:
        if error.errno not in (errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise EngineError(
            f"There is no room for the refined frames ({error.strerror}). Free the temporary folder (TMPDIR), or ask "
            "for a smaller factor.",
            code=Code.OUT_OF_MEMORY,
        ) from None
