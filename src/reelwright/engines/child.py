"""The server's end of an engine's child process: starts it, gives it jobs, cancels, and knows when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwright.engines import messages
from reelwright.errors import Code, EngineError
from reelwright.media.clip import Clip, FrameBuffer
from reelwright.video import Request

CANCEL_GRACE_S = 0.8
"""A job that does not end this long after its cancel takes its child process with it (if it is alone there)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of several children gets on top of what they have in common."""

    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """How to start a child: the engine's name (see `host.ENGINES`), its options, extra environment, memory limit.

    `shares`: what the first, second … child of several gets on top.
    """

    engine: str
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    memory_mb: int | None = None
    shares: tuple[Share, ...] = ()

    def of_child(self, index: int) -> Spec:
        """What the child with that number is started with."""
        if not self.shares:
            return self
        share = self.shares[index]
        return replace(
            self, environment={**share.environment, **self.environment}, options={**self.options, **share.options}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the owner of a job wants to hear while it runs. `checkpoint` returns when the state is durable."""

    progress: Callable[[int, int], None]
    preview: Callable[[bytes, str], None]
    checkpoint: Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to render, and where its files may lie."""

    video_id: str
    attempt: int
    request: Request
    scratch: Path
    image_path: Path | None
    checkpoint: Mapping[str, Any] | None
    seconds_left: float
    opened: bool = False
    """The card's opening is saved already."""
    trace: str | None = None
    """Names the span that the child's own spans are parts of."""


@dataclass(slots=True)
class _Running:
    watch: Watch
    frames: FrameBuffer
    done: asyncio.Future[messages.Done]


class EngineChild:
    """One child process with a loaded engine. Create it with `start`; `alive` turns false when the process ends."""

    def __init__(self, process: asyncio.subprocess.Process, sock: socket.socket, on_log: Callable[[str], None]) -> None:
        self._process = process
        self._sock = sock
        self._on_log = on_log
        self._writing = asyncio.Lock()
        self._running: dict[str, _Running] = {}
        self._loaded: asyncio.Future[messages.Loaded] = asyncio.get_running_loop().create_future()
        self._oom_kills = _oom_kills()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._read_log())]
        self._saving: set[asyncio.Task[None]] = set()
        self.alive = True
        self.slots = 1
        self.facts: Mapping[str, Any] = {}
        self.state: Mapping[str, Any] = {}

    @classmethod
    async def start(
        cls, spec: Spec, environment: Mapping[str, str], on_log: Callable[[str], None], trace: str | None = None
    ) -> EngineChild:
        """Spawn the child and load its engine. Raises `EngineError` when the engine cannot be loaded.

        `trace`: names the span of the job that waits for it.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # nothing is imported from the folder in which the server runs
                "-m",
                "reelwright.engines.host",
                str(theirs.fileno()),
                str(spec.memory_mb or 0),
                pass_fds=(theirs.fileno(),),
                env={**environment, **spec.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        child = cls(process, ours, on_log)
        try:
            await child._send(messages.Load(engine=spec.engine, options=spec.options, trace=trace))
            loaded = await child._loaded
        except BaseException:
            await child.kill()
            raise
        child.slots, child.facts = loaded.slots, loaded.facts
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def busy(self) -> int:
        """How many jobs run in it now."""
        return len(self._running)

    async def render(self, job: Job, watch: Watch) -> tuple[Clip, Mapping[str, Any]]:
        """Run one job to its end. Returns the clip and the facts that shaped it; the caller closes `clip.frames`.

        Raises `EngineError` (failed, crashed, out of memory, timed out). Cancelling the awaiting task cancels the job;
        the call ends when the job has really ended or its process was killed.
        """
        request = job.request
        frames = _room(request)
        running = _Running(watch, frames, asyncio.get_running_loop().create_future())
        self._running[job.video_id] = running
        try:
            try:
                await self._send(
                    messages.Generate(
                        video_id=job.video_id,
                        attempt=job.attempt,
                        request=request.to_json(),
                        scratch=str(job.scratch),
                        image_path=str(job.image_path) if job.image_path else None,
                        checkpoint=job.checkpoint,
                        seconds_left=job.seconds_left,
                        opened=job.opened,
                        trace=job.trace,
                    ),
                    frames.fd,
                )
            except OSError:  # the process has ended meanwhile; why, its exit code tells
                _settle(running.done, self._post_mortem(await self._process.wait()))
            async with asyncio.timeout(job.seconds_left + CANCEL_GRACE_S):
                done = await asyncio.shield(running.done)
        except TimeoutError:
            await self._end(job.video_id, running)
            raise EngineError(
                f"The job took longer than its limit of {job.seconds_left:g} s", code=Code.TIMED_OUT
            ) from None
        except asyncio.CancelledError:
            await self._end(job.video_id, running)
            raise
        except BaseException:
            frames.close()
            raise
        finally:
            self._running.pop(job.video_id, None)
        path = Path(done.path) if done.path else None
        if path:
            frames.close()
        clip = Clip(
            fps=done.fps,
            num_frames=done.num_frames,
            frames=None if path else frames,
            path=path,
            probe=done.probe,
            sha256=done.sha256,
        )
        return clip, {**self.facts, **done.facts}

    async def _end(self, video_id: str, running: _Running) -> None:
        """Cancel cooperatively; a job that does not listen is killed with its process, unless others run there."""
        try:
            with contextlib.suppress(EngineError, TimeoutError, OSError):
                await self._send(messages.Cancel(video_id=video_id))
                await asyncio.wait_for(asyncio.shield(running.done), CANCEL_GRACE_S)
            if not running.done.done() and self.busy == 1:
                await self.kill()
        finally:
            running.done.cancel()
            running.frames.close()

    async def kill(self) -> None:
        """End the process now and wait until it is gone."""
        self.alive = False
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, message: messages.Message, fd: int | None = None) -> None:
        data = messages.encode(message)
        loop = asyncio.get_running_loop()
        async with self._writing:
            if fd is not None:
                # The descriptor rides on the first byte; the rest follows as ordinary data.
                while True:
                    try:
                        sent = socket.send_fds(self._sock, [data], [fd])
                        break
                    except BlockingIOError:
                        await asyncio.sleep(0.005)  # the socket is full of another job's message
                data = data[sent:]
            await loop.sock_sendall(self._sock, data)

    async def _read(self) -> None:
        """Reads the child's messages until it dies, then ends every job that was still in it."""
        loop = asyncio.get_running_loop()
        buffer = bytearray()
        with contextlib.suppress(ConnectionError):
            while data := await loop.sock_recv(self._sock, 1 << 18):
                buffer += data
                *lines, rest = bytes(buffer).split(b"\n")
                buffer = bytearray(rest)
                for line in lines:
                    self._receive(messages.decode(line))
        self.alive = False
        self._sock.close()
        code = await self._process.wait()
        error = self._post_mortem(code)
        if not self._loaded.done():
            self._loaded.set_exception(error)
        for running in self._running.values():
            _settle(running.done, error)

    def _receive(self, message: messages.Message) -> None:
        match message:
            case messages.Loaded():
                self._loaded.set_result(message)
            case messages.Failed(video_id=None, failure=failure):
                self._loaded.set_exception(EngineError.from_failure(failure))
            case messages.Failed(video_id=str(video_id), failure=failure):
                if running := self._running.get(video_id):
                    _settle(running.done, EngineError.from_failure(failure))
            case messages.Done(video_id=video_id):
                if running := self._running.get(video_id):
                    _settle(running.done, message)
            case messages.Progress(video_id=video_id, done=done, total=total):
                if running := self._running.get(video_id):
                    running.watch.progress(done, total)
            case messages.Preview(video_id=video_id, data=data, media_type=media_type):
                if running := self._running.get(video_id):
                    running.watch.preview(data, media_type)
            case messages.State(state=state):
                self.state = state
            case messages.Checkpoint(video_id=video_id):
                if running := self._running.get(video_id):
                    task = asyncio.create_task(self._save(running.watch, message))
                    self._saving.add(task)
                    task.add_done_callback(self._saving.discard)
            case other:
                raise ValueError(f"unexpected message {type(other).__name__}")

    async def _save(self, watch: Watch, checkpoint: messages.Checkpoint) -> None:
        await watch.checkpoint(checkpoint.state)
        with contextlib.suppress(OSError):  # it ended meanwhile, and its jobs are told so
            await self._send(messages.Saved(video_id=checkpoint.video_id, serial=checkpoint.serial))

    async def _read_log(self) -> None:
        """What libraries print in the child becomes log lines of the server."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._on_log(line.decode("utf-8", "replace").rstrip())

    def _post_mortem(self, code: int) -> EngineError:
        if code == -signal.SIGKILL and _oom_kills() > self._oom_kills:
            return EngineError(
                "The engine's process ran out of memory. Ask for fewer frames or a smaller size.",
                code=Code.OUT_OF_MEMORY,
            )
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return EngineError(
            f"The engine's process ended unexpectedly ({how}); a new one is started for the next job.",
            code=Code.ENGINE_CRASHED,
        )


def _settle(done: asyncio.Future[messages.Done], result: messages.Done | EngineError) -> None:
    if done.done():
        return
    if isinstance(result, EngineError):
        done.set_exception(result)
        done.exception()  # after a cancel nobody may be left to read it
    else:
        done.set_result(result)


def _oom_kills() -> int:
    """How often Linux killed a process for memory since it started; 0 where it does not tell."""
    try:
        with Path("/proc/vmstat").open() as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0


def _room(request: Request) -> FrameBuffer:
    """The buffer for a job's frames. Raises `EngineError` when the machine has no room for it."""
    try:
        return FrameBuffer.create(request.num_frames, request.height, request.width)
    except OSError as error:
        if error.errno not in (errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise EngineError(
            f"There is no room for the video's frames ({error.strerror}). Free the temporary folder (TMPDIR), or ask "
            "for a smaller or shorter video.",
            code=Code.OUT_OF_MEMORY,
        ) from None
