"""The frame of the GPU benchmark: clips to make, the clock, model folders, the engine's process, and the figures."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from reelwright.engines.child import EngineChild, RenderListener, Spec
from reelwright.engines.engine import RenderJob
from reelwright.engines.local.footprint import Kind
from reelwright.engines.local.recipe import GIB
from reelwright.video import Image, Task, VideoSpec

ROOT = Path(__file__).parents[2]
LOOP = "plain loop"

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A clip to make."""

    width: int
    height: int
    frames: int
    steps: int

    def __str__(self) -> str:
        return f"{self.frames} × {self.width}x{self.height}, {self.steps} steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The clips of one run by model: `modes` and `second` for the modes, `full` for the memory, where few steps do."""

    modes: dict[str, Shape]
    second: dict[str, Shape]
    full: dict[str, Shape]


REAL = Scale(
    modes={
        "svd": Shape(width=512, height=512, frames=24, steps=25),
        "wan": Shape(width=832, height=480, frames=33, steps=25),
    },
    second={
        "svd": Shape(width=768, height=448, frames=14, steps=10),
        "wan": Shape(width=480, height=480, frames=49, steps=10),
    },
    full={
        "svd": Shape(width=1024, height=576, frames=25, steps=2),
        "wan": Shape(width=832, height=480, frames=81, steps=2),
    },
)
TOY = Scale(
    modes={
        "svd": Shape(width=64, height=64, frames=8, steps=12),
        "wan": Shape(width=64, height=64, frames=9, steps=12),
    },
    second={
        "svd": Shape(width=128, height=64, frames=4, steps=4),
        "wan": Shape(width=96, height=64, frames=5, steps=4),
    },
    full={
        "svd": Shape(width=64, height=64, frames=8, steps=2),
        "wan": Shape(width=64, height=64, frames=9, steps=2),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A finished job. `seconds` are those its client would wait."""

    frames: Frames
    facts: dict[str, Any]
    seconds: float


@dataclass(slots=True)
class Following:
    """Hears a job and notes its progress, its checkpoints, and when they came."""

    at: Callable[[int, int], None] = lambda done, total: None
    checkpoint: dict[str, Any] | None = None
    times: list[float] = field(default_factory=list)

    def listener(self) -> RenderListener:
        def progress(done: int, total: int) -> None:
            self.times.append(time.perf_counter())
            self.at(done, total)

        async def keep(state: Any) -> None:
            self.checkpoint = dict(state)

        return RenderListener(
            progress=progress, stage=lambda name: None, preview=lambda data, kind: None, checkpoint=keep
        )


class Bench:
    """Where the stages run: the clock, the folders, the engine's process, and where figures go.

    `seconds`: how long all stages may take. `out`: the file for lines of JSON. `frames`: those of the plain loop, by
    model.
    """

    def __init__(self, scratch: Path, *, toy: bool, seconds: float, rounds: int = 1, out: Path | None = None) -> None:
        self.scale = TOY if toy else REAL
        self.rounds = rounds
        self.frames: dict[str, Frames] = {}
        self._toy = toy
        self._scratch = scratch
        self._ends = time.monotonic() + seconds
        self._out = out
        self._child: EngineChild | None = None
        self._number = 0

    @property
    def left(self) -> float:
        return self._ends - time.monotonic()

    def tell(self, stage: str, **figures: Any) -> None:
        words = [f"{name} {value}" for name, value in figures.items() if value is not None]
        print(f"[{stage}] " + ", ".join(words), flush=True)
        if self._out is not None:
            with self._out.open("a") as file:
                file.write(json.dumps({"stage": stage, **figures}, default=str) + "\n")

    # --- model folders ------------------------------------------------------------------------------------------------

    def folder(self, model: str) -> Path:
        return self._scratch / model

    async def build(self, model: str) -> None:
        """Make the model's folder, once."""
        if self.folder(model).is_dir():
            return
        begin = time.perf_counter()
        words = ["-m", "benchmarks.local.configurations", model, str(self.folder(model)), *["--toy"] * self._toy]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, env=environment(), cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, said = await process.communicate()
            if process.returncode:
                raise RuntimeError(f"the folder of {model} could not be made:\n{said.decode(errors='replace')}")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        held = sum(file.stat().st_size for file in self.folder(model).rglob("*.safetensors"))
        self.tell("build", model=model, seconds=seconds_since(begin), gib=gib(held))

    def kind(self) -> Kind:
        """How the machine's memory is made, by the device that the engine's process found."""
        assert self._child is not None
        named = str(self._child.facts["device"])
        return Kind.CPU if named.startswith("cpu") else Kind.UNIFIED if named == "mps" else Kind.CARD

    @property
    def warm(self) -> bool:
        """Whether the engine's process is there."""
        return self._child is not None and self._child.alive

    # --- the engine's process -----------------------------------------------------------------------------------------

    async def child(self) -> EngineChild:
        """The process that is there, or a new one."""
        if not self.warm:
            models = {name: {"source": str(self.folder(name)), "image": None} for name in ("svd", "wan")}
            spec = Spec(engine="benchmarks.local.sides:Sides", options={"models": models}, cancel_grace_s=60.0)
            begin = time.perf_counter()
            self._child = await EngineChild.start(spec, environment(), _only_trouble)
            self.tell("start", seconds=seconds_since(begin), **self._child.facts)
        assert self._child is not None
        return self._child

    async def end(self) -> None:
        if self._child is not None:
            await self._child.kill()

    async def take(
        self,
        model: str,
        shape: Shape,
        side: str | dict[str, Any],
        following: Following | None = None,
        checkpoint: dict[str, Any] | None = None,
        scratch: str | None = None,
    ) -> Take:
        """One job, as the server has it made. `side`: as in sides.py."""
        child = await self.child()
        self._number += 1
        name = scratch or f"job-{self._number}"
        job = RenderJob(
            video_id=f"video_{self._number}",
            attempt=1,
            spec=self._spec(model, shape, side),
            scratch=self._scratch / name,
            image_path=self._picture(shape) if model == "svd" else None,
            checkpoint=checkpoint,
        )
        begin = time.perf_counter()
        clip, facts = await child.render(job, (following or Following()).listener())
        seconds = seconds_since(begin)
        assert clip.frames is not None
        frames = clip.frames.array().copy()
        clip.frames.close()
        return Take(frames=frames, facts=dict(facts), seconds=seconds)

    def _spec(self, model: str, shape: Shape, side: str | dict[str, Any]) -> VideoSpec:
        image = Image(sha256="0" * 64, media_type="image/png", width=shape.width, height=shape.height)
        pictured = model == "svd"
        return VideoSpec(
            prompt="a red fox in the snow",
            engine="local",
            model=model,
            task=Task.IMAGE_TO_VIDEO if pictured else Task.TEXT_TO_VIDEO,
            width=shape.width,
            height=shape.height,
            num_frames=shape.frames,
            fps=12,
            seed=5,
            num_inference_steps=shape.steps,
            image=image if pictured else None,
            params={"side": side},
        )

    def _picture(self, shape: Shape) -> Path:
        path = self._scratch / f"{shape.width}x{shape.height}.png"
        if not path.exists():
            PIL.Image.radial_gradient("L").resize((shape.width, shape.height)).convert("RGB").save(path)
        return path


def _only_trouble(line: str) -> None:
    if "Error" in line or "Traceback" in line:
        print(f"    {line}", flush=True)


def environment() -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}


def seconds_since(begin: float) -> float:
    return round(time.perf_counter() - begin, 3)


def gib(size: float | None) -> float | None:
    return None if size is None else round(size / GIB, 2)
