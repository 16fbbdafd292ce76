"""Small real engines that run in the real child process: one that behaves, and some that do not.

The prompt's first word says how the engine behaves, so that one server can be given every kind of job.
"""

from __future__ import annotations

import ctypes
import dataclasses
import inspect
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reelwright.engines.engine import Card, Made, RenderJob, Report
from reelwright.errors import Code, EngineError, EngineLost
from reelwright.media.clip import Clip
from reelwright.media.probe import probe
from reelwright.video import Task

CARD = Card(
    engine="toy",
    model="toy",
    title="Toy",
    description="Paints frames in flat colours and misbehaves when told to",
    generative_ai=False,
    tasks=(Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO),
    honours=frozenset({"seed", "image"}),
    max_pixel_frames=600 * 1280 * 720,
    deterministic=True,
    resumes=True,
)

TINY = dataclasses.replace(
    CARD,
    engine="tiny",
    model="tiny",
    title="Tiny",
    max_side=512,
    default_width=64,
    default_height=64,
    max_frames=24,
    default_frames=4,
    max_pixel_frames=512 * 512 * 24,
)
"""Whatever this model may be asked for is made in a moment."""


class ToyEngine:
    """`slow N` takes N seconds, `deaf N` too and ignores cancels; `crash`, `hog MB`, `throng THREADS`,
    `choke`, `reserve MB`, `raise`, `unplug`,
    `resume S`.

    Each N seconds long: `repeat N` tells one unit of progress for ever, `stuck N` does nothing in a stage, `load N`
    works in one, `compile N` lets another process work, `parts N` does parts of a step.

    `noise` is as good as incompressible.
    `until PATH` takes until the file at PATH exists, `preview PATH` too and shows two pictures, one before it.
    `picture PATH` shows a real one before it.
    `film PATH` leaves a copy of that encoded video, as the engines of providers do.
    `cost USD` tells what a provider charged for it.
    `fail CODE` fails as a provider's engine would, with details; `refuse` is its moderation.
    """

    def __init__(self, slots: int = 1, fail_to_load: bool = False) -> None:
        del slots  # the server's business: tests.fakes.server offers the engine with them
        self._fail_to_load = fail_to_load

    def load(self) -> Mapping[str, Any]:
        if self._fail_to_load:
            raise EngineError("The toy is broken", code=Code.ENGINE_NOT_CONFIGURED)
        return {"toy": "1.0"}

    def state(self) -> Mapping[str, Any]:
        return {}

    def generate(self, job: RenderJob, report: Report) -> Made:
        word, _, rest = job.spec.prompt.partition(" ")
        first = _frames_done(job)
        facts: dict[str, Any] = {"first_frame": first, "pid": os.getpid()}
        match word:
            case "slow":
                for step in range(100):
                    report.wait(float(rest) / 100)
                    report.progress(step, 100)
            case "until":
                _wait_for(Path(rest), report)
            case "preview":
                report.progress(20, 100)
                report.preview(b"first picture", "image/webp")
                _wait_for(Path(rest), report)
                report.progress(60, 100)
                report.preview(b"second picture", "image/webp")
            case "picture":
                report.progress(40, 100)
                report.preview(_picture(), "image/webp")
                _wait_for(Path(rest), report)
            case "film":
                shutil.copy(rest, job.clip)
                found = probe(job.clip)
                clip = Clip(fps=found.fps, num_frames=found.num_frames, path=job.clip, probe=found)
                return Made(clip=clip, facts=facts)
            case "noise":
                fill = np.random.default_rng(job.spec.seed)
                frames = job.frames.array()
                frames[:] = fill.integers(0, 256, frames.shape, np.uint8)
                return _made(job, facts)
            case "repeat":
                for _ in range(int(float(rest) * 20)):
                    report.progress(1, 100)
                    report.wait(0.05)
            case "stuck":
                report.stage("loading the weights")
                time.sleep(float(rest))
                report.stage(None)
            case "load":
                report.stage("loading the weights")
                _work(float(rest))
                report.stage(None)
            case "compile":
                report.stage("compiling")
                subprocess.run([sys.executable, "-c", f"{inspect.getsource(_work)}_work({rest})"], check=True)
            case "parts":
                for _ in range(int(float(rest) * 20)):
                    report.moved()
                    report.wait(0.05)
            case "unplug":
                raise EngineLost("The device is gone")
            case "deaf":
                time.sleep(float(rest))
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            case "throng":
                threads = [threading.Thread(target=time.sleep, args=(60,), daemon=True) for _ in range(int(rest))]
                for thread in threads:
                    thread.start()
            case "choke":
                os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
                os.abort()
            case "hog":
                hoard = bytearray(int(rest) << 20)
                facts["hoard"] = len(hoard)
            case "reserve":
                _reserve(int(rest) << 20)
            case "raise":
                raise RuntimeError(f"secret /path/of/{rest}")
            case "cost":
                facts["cost_usd"] = float(rest)
            case "refuse":
                raise EngineError("Prompt refused", code=Code.REFUSED, details="not nice")
            case "fail":
                field = "image" if rest == Code.INVALID_FIELD else None
                told = {"details": "what the provider said", "retry_after": 7.2}
                raise EngineError("It went wrong", code=Code(rest), field=field, **told)  # type: ignore[arg-type]
        frames = job.frames.array()
        tint = zlib.crc32(job.image_path.read_bytes()) % 256 if job.image_path else 128
        for index in range(len(frames)):
            frames[index] = (index * 9 % 256, job.spec.seed % 256, tint)
            if index < first:  # an earlier attempt has told of it
                continue
            if word == "resume":
                job.scratch.mkdir(exist_ok=True)
                done = job.scratch / f"frames-{index + 1}"
                done.write_text(str(index + 1))
                report.checkpoint({"file": done.name})
                report.wait(float(rest))
            report.progress(index + 1, len(frames))
        return _made(job, facts)


def _reserve(size: int) -> None:
    """As a GPU's driver does: addresses that nothing lies at yet (PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS)."""
    mmap = ctypes.CDLL(None, use_errno=True).mmap
    mmap.restype = ctypes.c_void_p
    mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    if mmap(None, size, 0, 0x02 | 0x20, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "no addresses")


def _work(seconds: float) -> None:
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def _frames_done(job: RenderJob) -> int:
    """By the file that the checkpoint names; without it the job starts again."""
    done = job.scratch / (job.checkpoint or {}).get("file", "none")
    return int(done.read_text()) if done.is_file() else 0


def _picture() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 36), (200, 90, 30)).save(file, "WEBP")
    return file.getvalue()


def _made(job: RenderJob, facts: Mapping[str, Any]) -> Made:
    request = job.spec
    return Made(clip=Clip(fps=request.fps, num_frames=request.num_frames, frames=job.frames), facts=facts)


def _wait_for(path: Path, report: Report) -> None:
    while not path.exists():
        report.wait(0.01)
