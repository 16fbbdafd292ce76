"""The process that refines one clip: `python -m reelwright.engines.refiner TASK`.

Its frames come from shared memory or from an encoded file, are interpolated and enlarged one by one, and go into
another piece of shared memory. Its argument is what it is to do, a `Task` as JSON. Lines of JSON on its standard output
say how far it is, `{"done", "total"}` after each frame or part of one, and at the end `{"facts"}` or `{"failure"}`. It
has nothing to save, so it is ended by killing it; and it ends by itself when nobody reads its lines any more.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

from reelwright.engines.shortage import is_shortage
from reelwright.engines.signals import leave_signals_to_the_server
from reelwright.errors import Code, EngineError
from reelwright.media.clip import FrameBuffer
from reelwright.media.interpolation import FILTER, OPTIONS, interpolated
from reelwright.media.probe import BadVideo, decode
from reelwright.media.stills import to_srgb
from reelwright.video import Enlargement, Failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A frame buffer as another process can open it: its descriptor and its shape."""

    fd: int
    num_frames: int
    height: int
    width: int

    @classmethod
    def of(cls, buffer: FrameBuffer) -> Self:
        return cls(fd=buffer.fd, num_frames=buffer.num_frames, height=buffer.height, width=buffer.width)

    def open(self) -> FrameBuffer:
        return FrameBuffer(self.fd, self.num_frames, self.height, self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to do. Either `frames` (the first `num_frames` of them) or `path`, an encoded video, is set.

    `weights` is the file of the upscaling model, where `upscale` is set; `device` where it runs: auto, or torch's name.
    """

    num_frames: int
    into: Room
    interpolate: int
    frames: Room | None = None
    path: str | None = None
    upscale: Enlargement | None = None
    weights: str | None = None
    device: str = "auto"

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        values["into"] = Room(**values["into"])
        for name, kind in (("frames", Room), ("upscale", Enlargement)):
            if values[name] is not None:
                values[name] = kind(**values[name])
        return cls(**values)


class _Progress:
    """Tells how many frames are done."""

    def __init__(self, total: int, tell: IO[str]) -> None:
        self.done = 0
        self._total = total
        self._tell = tell

    def one_more(self) -> None:
        self.done += 1
        self.again()

    def again(self) -> None:
        """The same once more: a frame that takes long is not one that is stuck."""
        print(json.dumps({"done": self.done, "total": self._total}), file=self._tell, flush=True)


class _Timed:
    """A stage of the work, and how long it alone has taken: the frames of the stage before it are not its own."""

    def __init__(self, frames: Iterable[Picture]) -> None:
        self._frames = iter(frames)
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Picture]:
        return self

    def __next__(self) -> Picture:
        begun = time.perf_counter()
        try:
            return next(self._frames)
        finally:
            self.seconds += time.perf_counter() - begun


def refine(task: Task, tell: IO[str]) -> Mapping[str, Any]:
    """Do it, and tell of each frame. Returns what shaped the clip. Raises `EngineError`."""
    progress = _Progress(task.into.num_frames, tell)
    stages = {"": _Timed(_frames_of(task))}
    facts: dict[str, Callable[[], Mapping[str, Any]]] = {}
    if task.interpolate > 1:
        stages["interpolate"] = _Timed(interpolated(stages[""], task.interpolate))
        facts["interpolate"] = lambda: _interpolation(task.interpolate)
    if task.upscale is not None:
        # Heavy; it is loaded before the first frame, so that what is wrong with it is told at once.
        from reelwright.engines.local.upscaling import Upscaling

        upscaling = Upscaling(Path(task.weights or ""), task.upscale, task.device, progress.again)
        stages["upscale"] = _Timed(map(upscaling.enlarge, list(stages.values())[-1]))
        facts["upscale"] = lambda: upscaling.facts
    _put(list(stages.values())[-1], task.into, progress)
    told, before = {}, 0.0
    for name, stage in stages.items():
        if name:
            told[name] = {**facts[name](), "seconds": round(stage.seconds - before, 3)}
        before = stage.seconds
    return told


def _put(frames: Iterable[Picture], into: Room, progress: _Progress) -> None:
    """Fill the buffer."""
    target = into.open().array()
    for picture in frames:
        if progress.done < len(target):
            # A file may have odd sides, which the encoder does not take: its last row or column goes.
            target[progress.done] = picture[: into.height, : into.width]
            progress.one_more()
    if progress.done < len(target):
        raise BadVideo(f"Only {progress.done} of {len(target)} frames could be made.")


def _frames_of(task: Task) -> Iterator[Picture]:
    if task.path is not None:
        return (cast("Picture", to_srgb(frame).to_ndarray()) for frame in decode(Path(task.path)))
    assert task.frames is not None
    return iter(task.frames.open().array()[: task.num_frames])


def _interpolation(factor: int) -> Mapping[str, Any]:
    import av

    library = ".".join(map(str, av.library_versions["libavfilter"]))
    return {"factor": factor, "filter": f"{FILTER}={OPTIONS}", "libavfilter": library}


def main(arguments: list[str]) -> None:
    """Entry of the process."""
    leave_signals_to_the_server()
    # What libraries print is log, not news of the work.
    with os.fdopen(os.dup(1), "w") as tell:
        os.dup2(2, 1)
        try:
            answer = {"facts": refine(Task.from_json(arguments[0]), tell)}
        except BrokenPipeError:
            os._exit(1)  # the server has gone
        except Exception as error:  # noqa: BLE001 - the edge of the process: every failure becomes a message
            answer = {"failure": dataclasses.asdict(_failure(error))}
        print(json.dumps(answer), file=tell, flush=True)


def _failure(error: Exception) -> Failure:
    if isinstance(error, EngineError):
        return error.to_failure()
    if is_shortage(error):
        message = "There was no memory left to refine the video. Ask for a smaller factor."
        return Failure(code=Code.OUT_OF_MEMORY, message=message)
    # Unknown errors may hold paths or addresses: their text goes to the log, only their kind to the client.
    traceback.print_exc()
    return Failure(code=Code.ENGINE_FAILED, message=f"The video could not be refined: {type(error).__name__}")


if __name__ == "__main__":
    main(sys.argv[1:])
