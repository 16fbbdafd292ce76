"""What the GPU benchmark compares, in one engine's process: diffusers' plain loop, and the local engine as it is set.

The engine's class is named to the host as `benchmarks.local.sides:Sides`. Each spec carries in its `params` which
side makes it: `{"side": "plain loop"}`, or `{"side": {…}}` with the local engine's options. A side stays warm until
another one is asked for. So several settings are measured without importing the libraries again for each.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image
import torch

from reelwright.engines.engine import Engine, Made, RenderJob, Report
from reelwright.engines.local import memory, weights
from reelwright.engines.local.engine import LocalEngine
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Options
from reelwright.engines.local.plan import make_plan
from reelwright.media.clip import Clip
from reelwright.tracing import Span

LOOP = "plain loop"


class Sides:
    """`models`: as in the local engine's options."""

    slots = 1

    def __init__(self, *, models: Mapping[str, Any]) -> None:
        self._models = models
        memory.let_segments_grow()  # as the engine does, before the device is used
        self._device = memory.find_device("auto", None)
        self._now: tuple[object, Engine] | None = None

    def load(self) -> Mapping[str, Any]:
        return {"device": self._device.describe(), "torch": torch.__version__}

    def state(self) -> Mapping[str, Any]:
        return {}

    def generate(self, job: RenderJob, report: Report) -> Made:
        """The facts say on top what the job took: `stages` (seconds by name) and, of a GPU, `peak_…` (bytes)."""
        spec = job.spec
        engine = self._side(spec.params["side"])
        spans = _Stopwatch()
        self._forget_peak()
        made = engine.generate(replace(job, spec=replace(spec, params={}), span=spans), report)
        return replace(made, facts={**made.facts, "stages": spans.seconds, **self._peak()})

    def _side(self, wanted: object) -> Engine:
        if self._now is None or self._now[0] != wanted:
            if self._now is not None:
                self._now[1].clear()  # type: ignore[attr-defined]
            self._now = None
            memory.give_back(self._device.torch_device)
            torch.compiler.reset()
            self._now = (wanted, self._made(wanted))
        return self._now[1]

    def _made(self, wanted: Any) -> Engine:
        engine = PlainLoop(self._models, self._device) if wanted == LOOP else _Local(models=self._models, **wanted)
        engine.load()
        return engine

    def _forget_peak(self) -> None:
        if self._device.torch_device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device.torch_device)

    def _peak(self) -> Mapping[str, int]:
        if self._device.torch_device.type != "cuda":
            return {}
        device = self._device.torch_device
        return {
            "peak_allocated": torch.cuda.max_memory_allocated(device),
            "peak_reserved": torch.cuda.max_memory_reserved(device),
        }


class _Local(LocalEngine):
    def clear(self) -> None:
        if self._pipelines is not None:
            self._pipelines.clear()


class PlainLoop:
    """diffusers as a script uses it: the pipeline on the device, called with the recipe's arguments."""

    slots = 1

    def __init__(self, models: Mapping[str, Any], device: Device) -> None:
        self._options = Options.parse({"models": models})
        self._device = device
        self._pipes: dict[str, Any] = {}

    def load(self) -> Mapping[str, Any]:
        return {}

    def state(self) -> Mapping[str, Any]:
        return {}

    def clear(self) -> None:
        self._pipes.clear()

    def generate(self, job: RenderJob, report: Report) -> Made:
        spec = job.spec
        model = self._options.models[spec.model]
        plan = make_plan(model, spec, self._options)
        with job.span.begin("weights"):
            pipe = self._pipe(spec.model, plan.variant.pipeline)
        arguments = dict(plan.arguments)
        if job.image_path is not None:
            arguments |= {"image": PIL.Image.open(job.image_path).convert("RGB"), "decode_chunk_size": 8}
        torch.manual_seed(spec.seed)
        generator = torch.Generator("cpu").manual_seed(spec.seed)
        frames = pipe(**arguments, generator=generator, output_type="np").frames[0][: spec.num_frames]
        job.frames.array()[:] = (frames * 255).round().astype(np.uint8)
        clip = Clip(fps=spec.fps, num_frames=spec.num_frames, frames=job.frames)
        return Made(clip=clip, facts={})

    def _pipe(self, name: str, class_name: str) -> Any:
        import diffusers

        if name not in self._pipes:
            model = self._options.models[name]
            recipe = model.recipe
            widths = {part: self._device.dtype(width) for part, width in recipe.component_dtypes.items()}
            pipe = getattr(diffusers, class_name).from_pretrained(
                weights.pipeline_weights(name, model.source, None, half=False).folder,
                dtype={"default": self._device.dtype(recipe.dtype), **widths},
                use_safetensors=True,
            )
            pipe.set_progress_bar_config(disable=True)
            self._pipes[name] = pipe.to(self._device.torch_device)
        return self._pipes[name]


class _Stopwatch:
    """The span of a job, whose parts are timed: `seconds` by name. A part's work on a GPU may end in the next one."""

    traceparent: str | None = None

    def __init__(self, name: str | None = None, seconds: dict[str, float] | None = None) -> None:
        self._name = name
        self.seconds = {} if seconds is None else seconds
        self._began = time.perf_counter()

    def begin(self, name: str, *_: Any, **__: Any) -> Span:
        return _Stopwatch(name, self.seconds)

    def end(self, at: Any = None) -> None:
        if self._name is not None:
            spent = time.perf_counter() - self._began
            self.seconds[self._name] = round(self.seconds.get(self._name, 0.0) + spent, 3)

    def current(self) -> nullcontext[None]:
        return nullcontext()

    def rename(self, name: str) -> None: ...
    def note(self, facts: Any) -> None: ...
    def link(self, traceparent: str | None) -> None: ...
    def fail(self, kind: str) -> None: ...

    def __enter__(self) -> _Stopwatch:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
