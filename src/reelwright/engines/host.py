"""The child process that hosts one engine: `python -m reelwright.engines.host FD`.

It reads messages from a Unix socket, runs every job in a thread of its own and answers with messages. It knows nothing
of databases or HTTP. When the server goes away, so does the child.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from reelwright.engines import messages
from reelwright.engines.engine import Engine, Made, RenderJob
from reelwright.engines.pulse import Pulse
from reelwright.engines.shortage import is_shortage, limit_memory
from reelwright.engines.signals import leave_signals_to_the_server
from reelwright.errors import Cancelled, Code, EngineError, EngineLost
from reelwright.media.clip import NO_FRAMES, FrameBuffer
from reelwright.telemetry import open_tracer
from reelwright.tracing import Span, Tracer
from reelwright.video import Failure

ENGINES: Mapping[str, str] = {
    "sketch": "reelwright.engines.sketch.engine:SketchEngine",
    "huggingface": "reelwright.engines.huggingface.engine:HuggingFaceEngine",
    "comfyui": "reelwright.engines.comfyui.engine:ComfyUIEngine",
    "local": "reelwright.engines.local.engine:LocalEngine",
    "openai": "reelwright.engines.openai.engine:OpenAIEngine",
}
"""Where each engine's class is. Imported in the child only. A dotted `module:Class` may be given instead of a name."""

PROGRESS_INTERVAL_S = 0.04
"""Progress messages closer together than this are left out (the last one never is)."""

ALIVE_INTERVAL_S = 0.25
"""The same for signs of life."""

LAST_ANSWERS_S = 1.0
"""How long a process that can no longer be used waits for its other jobs to end, in seconds."""

MAX_JOBS = 4096
"""A limit of threads that is above any engine's slots. Threads are kept for later jobs, since starting one takes as
long as a small message."""

Send = Callable[[messages.Message], None]


class JobReport:
    """The `Report` of one running job: turns the engine's calls into messages and a cancel into `Cancelled`."""

    def __init__(self, video_id: str, send: Send) -> None:
        self._video_id = video_id
        self._send = send
        self._cancelled = threading.Event()
        self._saved = threading.Condition()
        self._saved_serial = 0
        self._serial = 0
        self._last_progress = self._last_sign = 0.0
        self._staging = threading.Lock()
        self._stage: str | None = None
        self._told: str | None = None
        self._pulse: Pulse | None = None

    def progress(self, done: int, total: int) -> None:
        self._raise_if_cancelled()
        self._enter(None)
        now = time.monotonic()
        if done >= total or now - self._last_progress >= PROGRESS_INTERVAL_S:
            self._last_progress = now
            self._send(messages.Progress(video_id=self._video_id, done=done, total=total))

    def stage(self, name: str | None) -> None:
        self._raise_if_cancelled()
        self._enter(name)

    def moved(self) -> None:
        self._raise_if_cancelled()
        now = time.monotonic()
        if now - self._last_sign >= ALIVE_INTERVAL_S:
            self._last_sign = now
            self._send(messages.Alive(video_id=self._video_id))

    def end(self) -> None:
        """The engine has returned: its answer tells the rest."""
        with self._staging:
            self._stage = None
            self._stop_pulse()

    def preview(self, data: bytes, media_type: str) -> None:
        self._raise_if_cancelled()
        self._send(messages.Preview(video_id=self._video_id, data=data, media_type=media_type))

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        # No early exit on a cancel before the state is safe: it may name work that costs money upstream.
        with self._saved:
            self._serial += 1
            serial = self._serial
        self._send(messages.Checkpoint(video_id=self._video_id, serial=serial, state=state))
        with self._saved:
            self._saved.wait_for(lambda: self._saved_serial >= serial)
        self._raise_if_cancelled()

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self._cancelled.wait(seconds)
        self._raise_if_cancelled()

    def cancel(self) -> None:
        """Called from the reading thread: the next call of the engine raises `Cancelled`."""
        self._cancelled.set()

    def saved(self, serial: int) -> None:
        """Called from the reading thread: the checkpoint is durable."""
        with self._saved:
            self._saved_serial = max(self._saved_serial, serial)
            self._saved.notify_all()

    def _enter(self, stage: str | None) -> None:
        """Begin a stage, or end it (None). An engine may tell it from several threads: the stage and the pulse that
        goes with it change together."""
        with self._staging:
            if stage == self._stage:
                return
            self._stage = stage
            if stage is None:
                if self._told is not None:
                    self._tell(None)
                self._stop_pulse()
            elif self._pulse is None:
                self._pulse = Pulse(self._beat)
                self._pulse.start()

    def _stop_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None

    def _beat(self, moved: bool) -> None:
        """Only now is a stage told: most are over before anybody could read of it."""
        with self._staging:
            if self._stage is None:
                return
            if self._stage != self._told:
                self._tell(self._stage)
            if moved:
                self._send(messages.Alive(video_id=self._video_id))

    def _tell(self, stage: str | None) -> None:
        self._told = stage
        self._send(messages.Stage(video_id=self._video_id, name=stage))

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("The job was cancelled")


class Host:
    """Reads messages in the main thread; every job and the loading have a thread of their own."""

    def __init__(self, sock: socket.socket, tracer: Tracer) -> None:
        self._sock = sock
        self._tracer = tracer
        self._sending = threading.Lock()
        self._engine: Engine | None = None
        self._jobs: dict[str, JobReport] = {}
        self._listing = threading.Lock()
        self._threads = ThreadPoolExecutor(MAX_JOBS, "job")
        self._telling = threading.Lock()
        self._told: Mapping[str, Any] = {}

    def run(self) -> None:
        """Serve until the server closes its end."""
        for line, fd in _lines_with_files(self._sock):
            match messages.decode(line):
                case messages.Load() as load:
                    threading.Thread(target=self._load, args=(load,), daemon=True).start()
                case messages.Generate(job=job):
                    self._start(job, fd)
                case messages.Cancel(video_id=video_id):
                    if report := self._jobs.get(video_id):
                        report.cancel()
                case messages.Saved(video_id=video_id, serial=serial):
                    if report := self._jobs.get(video_id):
                        report.saved(serial)
                case other:
                    raise ValueError(f"unexpected message {type(other).__name__}")

    def _send(self, message: messages.Message) -> None:
        with self._sending:
            self._sock.sendall(messages.encode(message))

    def _load(self, load: messages.Load) -> None:
        try:
            with self._tracer.begin("load", {"reelwright.engine": load.engine}, parent=load.trace):
                engine = build(load.engine, load.options)
                facts = engine.load()
        except Exception as error:  # noqa: BLE001 - the edge of the child: every failure becomes a message
            self._send(messages.Failed(video_id=None, failure=_failure(error)))
            return
        self._engine = engine
        self._tell(engine)  # before the other side hears that it may go on
        self._send(messages.Loaded(facts=facts))
        self._tracer.flush()

    def _start(self, job: RenderJob, fd: int | None) -> None:
        report = JobReport(job.video_id, self._send)
        with self._listing:
            self._jobs[job.video_id] = report
        self._threads.submit(self._generate, job, fd, report).add_done_callback(_complain)

    def _generate(self, job: RenderJob, fd: int | None, report: JobReport) -> None:
        engine, frames = self._engine, NO_FRAMES
        answer: messages.Message
        try:
            if engine is None or fd is None:
                raise EngineError("The engine was asked to generate before it was loaded")
            frames = FrameBuffer(fd, job.spec.num_frames, job.spec.height, job.spec.width)
            with self._begin(job) as span:
                made = engine.generate(replace(job, frames=frames, span=span), report)
            answer = _done(job.video_id, made)
        except Exception as error:  # noqa: BLE001 - the edge of the child: every failure becomes a message
            lost = isinstance(error, EngineLost)
            answer = messages.Failed(video_id=job.video_id, failure=_failure(error), ends=lost)
        finally:
            report.end()
            frames.close()
        if engine is not None:
            self._tell(engine)
        self._send(answer)
        with self._listing:
            # The answer may have brought the same video's next attempt, which must go on to hear what it is told.
            if self._jobs.get(job.video_id) is report:
                del self._jobs[job.video_id]
        self._tracer.flush()  # the server may end this process at any time
        if isinstance(answer, messages.Failed) and answer.ends:
            self._leave()

    def _leave(self) -> None:
        """End this process once its other jobs have answered, which failed of the same."""
        deadline = time.monotonic() + LAST_ANSWERS_S
        while self._jobs and time.monotonic() < deadline:
            time.sleep(0.01)
        sys.stderr.flush()
        os._exit(1)

    def _tell(self, engine: Engine) -> None:
        """The engine's own state, if it is another than before."""
        with self._telling:
            if (state := engine.state()) != self._told:
                self._told = state
                self._send(messages.State(state=state))

    def _begin(self, job: RenderJob) -> Span:
        facts: dict[str, str | int] = {
            "reelwright.video.id": job.video_id,
            "reelwright.attempt": job.attempt,
            "reelwright.engine": job.spec.engine,
            "reelwright.model": job.spec.model,
        }
        return self._tracer.begin("generate", facts, parent=job.trace)


def build(name: str, options: Mapping[str, Any]) -> Engine:
    """The named engine, constructed but not loaded."""
    module, _, attribute = ENGINES.get(name, name).partition(":")
    engine: Engine = getattr(importlib.import_module(module), attribute)(**options)
    return engine


def _complain(job: Future[None]) -> None:
    """What went wrong where a failure could not become a message any more."""
    if error := job.exception():
        traceback.print_exception(error)


def _done(video_id: str, made: Made) -> messages.Done:
    clip = made.clip
    return messages.Done(
        video_id=video_id,
        fps=clip.fps,
        num_frames=clip.num_frames,
        path=str(clip.path) if clip.path else None,
        facts=made.facts,
        probe=clip.probe,
        sha256=clip.sha256,
        sound=str(clip.sound.path) if clip.sound else None,
        sound_rate=clip.sound.rate if clip.sound else 0,
    )


def _failure(error: Exception) -> Failure:
    if isinstance(error, EngineError):
        return error.to_failure()
    if is_shortage(error):
        return Failure(
            code=Code.OUT_OF_MEMORY, message="The engine ran out of memory. Ask for fewer frames or a smaller size."
        )
    # Unknown errors may hold paths or addresses: their text goes to the log, only their kind to the client.
    traceback.print_exc()
    return Failure(code=Code.ENGINE_FAILED, message=f"The engine failed with {type(error).__name__}")


def _lines_with_files(sock: socket.socket) -> Iterator[tuple[bytes, int | None]]:
    """Each line that arrives, with the file descriptor that came along with it (only `Generate` has one)."""
    buffer = b""
    files: list[int] = []
    while True:
        data, received, _, _ = socket.recv_fds(sock, 1 << 16, 16)
        if not data:
            return
        files += received
        buffer += data
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            carries_file = line.startswith(b'{"type":"generate"')
            yield line, files.pop(0) if carries_file and files else None


def _die_with_parent() -> None:
    """Ask Linux to kill this process when the server dies, even in the middle of a long computation."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main(arguments: list[str]) -> None:
    """Entry of the child. Arguments: the socket's descriptor, the limit of the memory it allocates in MB (0: none)."""
    fd, memory_mb = int(arguments[0]), int(arguments[1])
    _die_with_parent()
    leave_signals_to_the_server()
    if memory_mb:
        limit_memory(memory_mb)
    code = 1
    try:
        with socket.socket(fileno=fd) as sock, contextlib.suppress(ConnectionError):
            Host(sock, open_tracer(os.environ)).run()
        code = 0
    except BaseException:  # noqa: BLE001 - the edge of the process
        traceback.print_exc()
    finally:
        # Jobs still run in threads, maybe inside native code: end at once instead of joining them.
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
