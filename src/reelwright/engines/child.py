"""The server's end of an engine's child process: starts it, gives it jobs, cancels, and knows when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

from reelwright.engines import messages
from reelwright.engines.engine import RenderJob
from reelwright.engines.shortage import LAST_WORDS
from reelwright.errors import Code, EngineError
from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.sound import Sound
from reelwright.video import VideoSpec

CANCEL_GRACE_S = 0.8
"""A job that does not end this long after its cancel takes its child process with it (if it is alone there), unless the
engine's process is worth waiting for (`Spec.cancel_grace_s`)."""

LAST_WORDS_S = 1.0
"""So long what a process has printed is waited for after its end: something else may hold the other end."""

LOOK_S = 0.05
"""So often it is looked whether another job waits for the one that ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of several children gets on top of what they have in common."""

    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """How to start a child: the engine's name (see `host.ENGINES`), its options, extra environment, memory limit.

    `shares`: what the first, second … child of several gets on top. `upstream`: its jobs wait for somebody else's
    machine, so that their time counts from their beginning. `cancel_grace_s`: how long a cancelled job may take to end
    before its process is killed, while no other job waits for it.
    """

    engine: str
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    memory_mb: int | None = None
    shares: tuple[Share, ...] = ()
    upstream: bool = False
    cancel_grace_s: float = CANCEL_GRACE_S

    def of_child(self, index: int) -> Spec:
        """What the child with that number is started with."""
        if not self.shares:
            return self
        share = self.shares[index]
        return replace(
            self, environment={**share.environment, **self.environment}, options={**self.options, **share.options}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderListener:
    """What is called with what an engine reports while it renders one job: callbacks, all of the event loop's thread.

    `progress` gets the units done and their total number, `stage` a name (None: none is told), `preview` an encoded
    picture and its media type. The engine waits for `checkpoint`, which returns when the state is durable.
    """

    progress: Callable[[int, int], None]
    stage: Callable[[str | None], None]
    preview: Callable[[bytes, str], None]
    checkpoint: Callable[[Mapping[str, Any]], Awaitable[None]]


class Phase(IntEnum):
    """Where an engine's process is in its life. It only ever goes forward; how many jobs run in it is another fact."""

    LOADING = 1
    """It has been started and loads its engine."""
    READY = 2
    """Its engine is loaded: it takes jobs."""
    ENDING = 3
    """It takes no more jobs: it was told to end, or says itself that it cannot go on."""
    GONE = 4
    """It has ended, and all that it had said is read."""


@dataclass(slots=True)
class _Running:
    listener: RenderListener
    frames: FrameBuffer
    done: asyncio.Future[messages.Done]
    moved_at: float
    units: int = -1
    stage: str | None = None
    stage_since: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patience:
    """How long a job may take: in all, and without a sign of progress. Infinite where there is no such limit."""

    deadline: float
    total_s: float
    silence_s: float

    @classmethod
    def of(cls, job: RenderJob, spec: Spec) -> _Patience:
        """From now on. A job that waits for somebody else's machine shows nothing of its progress: what would be its
        limit without a sign of it is then its limit in all."""
        total_s, silence_s = job.seconds_left, math.inf if job.silence_s is None else job.silence_s
        if spec.upstream:
            total_s, silence_s = min(total_s, silence_s), math.inf
        # The engine knows that limit, too, and gets the time to say more about it than the server can.
        return cls(deadline=time.monotonic() + total_s + CANCEL_GRACE_S, total_s=total_s, silence_s=silence_s)

    def left(self, running: _Running) -> float:
        return min(self.deadline, running.moved_at + self.silence_s) - time.monotonic()

    def error(self, running: _Running) -> tuple[EngineError, bool]:
        """What to tell, and whether the job still moves."""
        if time.monotonic() >= self.deadline:
            message = f"The job took longer than its limit of {self.total_s:g} s"
            return EngineError(message, code=Code.TIMED_OUT), True
        during = f" while it was {running.stage}" if running.stage else ""
        message = f"The job made no progress for {self.silence_s:g} s{during}"
        return EngineError(message, code=Code.TIMED_OUT), False


class EngineChild:
    """One child process with a loaded engine. Create it with `start`; `phase` says where it is in its life."""

    def __init__(
        self, spec: Spec, process: asyncio.subprocess.Process, sock: socket.socket, on_log: Callable[[str], None]
    ) -> None:
        self._spec = spec
        self._process = process
        self._sock = sock
        self._on_log = on_log
        self._writing = asyncio.Lock()
        self._running: dict[str, _Running] = {}
        self._loaded: asyncio.Future[messages.Loaded] = asyncio.get_running_loop().create_future()
        self._oom_kills = _oom_kills()
        self._short = False
        """It has said that memory ran out."""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._read_log())]
        self._saving: set[asyncio.Task[None]] = set()
        self._phase = Phase.LOADING
        self._preparing_s = 0.0
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
        child = cls(spec, process, ours, on_log)
        begun = time.monotonic()
        try:
            await child._send(messages.Load(engine=spec.engine, options=spec.options, trace=trace))
            loaded = await child._loaded
        except BaseException:
            await child.kill()
            raise
        child.facts = loaded.facts
        child._preparing_s = time.monotonic() - begun
        child._enter_phase(Phase.READY)
        return child

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def alive(self) -> bool:
        """Whether it can be given jobs, now or when it has loaded."""
        return self._phase < Phase.ENDING

    def _enter_phase(self, phase: Phase) -> None:
        """What comes late changes nothing: a process that has died while it loaded does not become ready."""
        self._phase = max(self._phase, phase)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def busy(self) -> int:
        """How many jobs run in it now."""
        return len(self._running)

    async def render(
        self, job: RenderJob, listener: RenderListener, wanted: Callable[[], bool] = lambda: False
    ) -> tuple[Clip, Mapping[str, Any]]:
        """Run one job to its end. Returns the clip and the facts that shaped it; the caller closes `clip.frames`.

        Raises `EngineError` (failed, crashed, out of memory, timed out). Cancelling the awaiting task cancels the job;
        the call ends when the job has really ended or its process was killed. `wanted`: whether another job waits for
        that.
        """
        frames = _room(job.spec)
        running = _Running(listener, frames, asyncio.get_running_loop().create_future(), time.monotonic())
        self._running[job.video_id] = running
        self._short = False
        try:
            done = await self._outcome(job, running, wanted)
        except asyncio.CancelledError:
            await self._end(job.video_id, running, self._grace_s(wanted))
            raise
        except BaseException:
            frames.close()
            raise
        finally:
            self._running.pop(job.video_id, None)
        return _clip(done, frames), {**self.facts, **done.facts}

    async def _outcome(self, job: RenderJob, running: _Running, wanted: Callable[[], bool]) -> messages.Done:
        """Hand the job over and wait for its end, for as long as it may take. Raises `EngineError`."""
        patience = _Patience.of(job, self._spec)
        try:
            await self._send(messages.Generate(job=replace(job, seconds_left=patience.total_s)), running.frames.fd)
        except OSError:  # the process has ended meanwhile; why, its exit code tells
            _settle(running.done, self._post_mortem(await self._process.wait()))
        while not running.done.done():
            if (left := patience.left(running)) <= 0:
                error, moves = patience.error(running)
                # A job that shows no sign of life will hardly react to the cancel, so its process is killed sooner.
                await self._end(job.video_id, running, self._grace_s(wanted) if moves else lambda: CANCEL_GRACE_S)
                raise error
            await asyncio.wait({running.done}, timeout=None if math.isinf(left) else left)
        return running.done.result()

    def _grace_s(self, wanted: Callable[[], bool]) -> Callable[[], float]:
        """How long a job that is cancelled now may take to end. If another job waits, no longer than loading would take
        in a new process; the time that this process has spent on loading so far stands for that."""
        now, full = time.monotonic(), self._spec.cancel_grace_s
        loading = sum(now - one.stage_since for one in self._running.values() if one.stage)
        reload = max(CANCEL_GRACE_S, self._preparing_s + loading)
        return lambda: min(full, reload) if wanted() else full

    async def _end(self, video_id: str, running: _Running, grace_s: Callable[[], float]) -> None:
        """Cancel cooperatively; a job that does not listen is killed with its process, unless others run there."""
        begun = time.monotonic()
        try:
            with contextlib.suppress(OSError):
                await self._send(messages.Cancel(video_id=video_id))
                while not running.done.done() and time.monotonic() < begun + grace_s():
                    await asyncio.wait({running.done}, timeout=LOOK_S)
            if not running.done.done() and self.busy == 1:
                await self.kill()
        finally:
            running.done.cancel()
            running.frames.close()

    async def gone(self) -> None:
        """Returns when a process that has said its last word is gone; it is killed if it takes too long."""
        try:
            await asyncio.wait_for(self._process.wait(), CANCEL_GRACE_S * 2)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process now and wait until it is gone."""
        self._enter_phase(Phase.ENDING)
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
        self._enter_phase(Phase.ENDING)
        self._sock.close()
        code = await self._process.wait()
        await asyncio.wait(self._tasks[1:], timeout=LAST_WORDS_S)
        self._enter_phase(Phase.GONE)
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
            case messages.Failed(video_id=str(video_id), failure=failure, ends=ends):
                if ends:
                    self._enter_phase(Phase.ENDING)
                if running := self._running.get(video_id):
                    _settle(running.done, EngineError.from_failure(failure))
            case messages.Done(video_id=video_id):
                if running := self._running.get(video_id):
                    _settle(running.done, message)
            case messages.Progress(video_id=video_id, done=done, total=total):
                if running := self._running.get(video_id):
                    self._moved(running, done)
                    running.listener.progress(done, total)
            case messages.Stage(video_id=video_id, name=name):
                if running := self._running.get(video_id):
                    self._enter(running, name)
            case messages.Alive(video_id=video_id):
                if running := self._running.get(video_id):
                    running.moved_at = time.monotonic()
            case messages.Preview(video_id=video_id, data=data, media_type=media_type):
                if running := self._running.get(video_id):
                    running.moved_at = time.monotonic()
                    running.listener.preview(data, media_type)
            case messages.State(state=state):
                self.state = state
            case messages.Checkpoint(video_id=video_id):
                if running := self._running.get(video_id):
                    running.moved_at = time.monotonic()
                    task = asyncio.create_task(self._save(running.listener, message))
                    self._saving.add(task)
                    task.add_done_callback(self._saving.discard)
            case other:
                raise ValueError(f"unexpected message {type(other).__name__}")

    def _moved(self, running: _Running, units: int) -> None:
        """The same number once more is no progress."""
        if units != running.units:
            running.units, running.moved_at = units, time.monotonic()

    def _enter(self, running: _Running, stage: str | None) -> None:
        now = time.monotonic()
        if running.stage is not None:
            self._preparing_s += now - running.stage_since
        running.stage, running.stage_since, running.moved_at = stage, now, now
        running.listener.stage(stage)

    async def _save(self, listener: RenderListener, checkpoint: messages.Checkpoint) -> None:
        await listener.checkpoint(checkpoint.state)
        with contextlib.suppress(OSError):  # it ended meanwhile, and its jobs are told so
            await self._send(messages.Saved(video_id=checkpoint.video_id, serial=checkpoint.serial))

    async def _read_log(self) -> None:
        """What libraries print in the child becomes log lines of the server."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            self._short = LAST_WORDS.search(text) is not None or self._short
            self._on_log(text)

    def _post_mortem(self, code: int) -> EngineError:
        if self._short or (code == -signal.SIGKILL and _oom_kills() > self._oom_kills):
            return EngineError(
                "The engine's process ran out of memory. Ask for fewer frames or a smaller size.",
                code=Code.OUT_OF_MEMORY,
            )
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return EngineError(
            f"The engine's process ended unexpectedly ({how}); a new one is started for the next job.",
            code=Code.ENGINE_CRASHED,
        )


def _clip(done: messages.Done, frames: FrameBuffer) -> Clip:
    """What the engine has left. The buffer is closed where a file takes its place."""
    path = Path(done.path) if done.path else None
    if path:
        frames.close()
    return Clip(
        fps=done.fps,
        num_frames=done.num_frames,
        frames=None if path else frames,
        path=path,
        probe=done.probe,
        sha256=done.sha256,
        sound=Sound(path=Path(done.sound), rate=done.sound_rate) if done.sound else None,
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


def _room(spec: VideoSpec) -> FrameBuffer:
    """The buffer for a job's frames. Raises `EngineError` when the machine has no room for it."""
    try:
        return FrameBuffer.create(spec.num_frames, spec.height, spec.width)
    except OSError as error:
        if error.errno not in (errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise EngineError(
            f"There is no room for the video's frames ({error.strerror}). Free the temporary folder (TMPDIR), or ask "
            "for a smaller or shorter video.",
            code=Code.OUT_OF_MEMORY,
        ) from None
