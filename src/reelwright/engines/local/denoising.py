"""The watcher of one run: progress, cancel, previews and checkpoints for each request in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from reelwright.engines.local import checkpoint, preview
from reelwright.engines.local.checkpoint import Snapshot
from reelwright.engines.local.recipe import LatentAxes
from reelwright.engines.local.render_task import RenderTask
from reelwright.engines.local.scheduler import state_of
from reelwright.errors import Cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Previews:
    """How previews are made: at most one every `seconds`, with the VAE's `factors`.

    `spatial_scale`: pixels a side for one latent pixel, which only packed latents need.
    """

    seconds: float
    factors: torch.Tensor
    axes: LatentAxes
    spatial_scale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """When checkpoints are due (whichever comes first), and what marks them.

    `every`: on top of that, only after a number of steps that it divides (a sampler with a memory of its own can be
    taken up only where that memory is renewed). `saver`: one thread, where they are written and made durable while the
    next steps are done.
    """

    steps: int
    seconds: float
    environment: str
    works: Mapping[str, str]
    every: int = 1
    saver: Executor


class Denoising:
    """Follows the tasks of one run. `first` is the work already done before this run, `units` the run's own share."""

    def __init__(
        self,
        tasks: list[RenderTask],
        *,
        first: int,
        units: int,
        generators: list[torch.Generator],
        device: torch.device,
        previews: Previews | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self._tasks = tasks
        self._first = first
        self._units = units
        self._generators = generators
        self._device = device
        self._previews = previews
        self._keeping = keeping
        self._resumed = tasks[0].snapshot if keeping is not None and len(tasks) == 1 else None
        self.skip = self._resumed.step if self._resumed else 0
        self._calls = 0
        self._done = self.skip
        self._last_preview = self._last_checkpoint = time.monotonic()
        self._kept = self.skip
        self._saving: Future[None] | None = None

    @property
    def calls(self) -> int:
        """Scheduler calls of the whole run, 0 until the pipeline has set its schedule."""
        return self._calls

    def scheduled(self, calls: int) -> None:
        self._calls = calls

    def begins(self) -> Mapping[str, Any] | None:
        if self._resumed is None:
            return None
        self._generators[0].set_state(self._resumed.generator)
        torch.set_rng_state(self._resumed.cpu_random)
        if self._resumed.device_random is not None and self._device.type == "cuda":
            torch.cuda.set_rng_state(self._resumed.device_random, self._device)
        return self._resumed.scheduler

    def stepped(self, estimate: torch.Tensor) -> None:
        self._done += 1
        share = self._done * self._units // max(1, self._calls)
        for task in self._tasks:
            task.tell(lambda t=task: t.report.progress(self._first + share, t.plan.units))  # type: ignore[misc]
        if self._previews is not None and self._done < self._calls:
            self._preview(estimate, self._previews)
        if not any(task.alive for task in self._tasks):
            raise Cancelled("Cancelled.")

    def _preview(self, estimate: torch.Tensor, previews: Previews) -> None:
        now = time.monotonic()
        if now - self._last_preview < previews.seconds:
            return
        self._last_preview = now
        for number, task in enumerate(self._tasks):
            spec = task.plan.spec
            grid = (spec.height // previews.spatial_scale, spec.width // previews.spatial_scale)
            frames = preview.to_frames(estimate[number : number + 1], previews.factors, previews.axes, grid)
            fps = spec.fps * len(frames) / task.plan.frames
            data = preview.to_webp(frames, fps)
            task.tell(lambda t=task, d=data: t.report.preview(d, preview.MEDIA_TYPE))  # type: ignore[misc]

    def step_ended(self, pipe: Any, _step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """The pipeline's own callback after a step: only here are its latents whole in every pipeline."""
        if self._keeping is not None and self._is_due(self._keeping):
            self._keep(pipe.scheduler, tensors["latents"], self._keeping)
        return {}

    def _is_due(self, keeping: Keeping) -> bool:
        if self._done >= self._calls or self._done % keeping.every:
            return False
        late = time.monotonic() - self._last_checkpoint >= keeping.seconds
        return late or self._done - self._kept >= keeping.steps

    def _keep(self, scheduler: Any, latents: torch.Tensor, keeping: Keeping) -> None:
        state = state_of(scheduler)
        snapshots = [
            (task, self._snapshot(task, number, latents[number : number + 1], state, keeping))
            for number, task in enumerate(self._tasks)
            if task.alive
        ]
        self.settle()
        self._saving = keeping.saver.submit(_save, snapshots)
        self._last_checkpoint = time.monotonic()
        self._kept = self._done

    def settle(self) -> None:
        """Returns when the last checkpoint is durable. Raises what its saving raised."""
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def _snapshot(
        self, task: RenderTask, number: int, latents: torch.Tensor, state: dict[str, Any], keeping: Keeping
    ) -> Snapshot:
        cuda = self._device.type == "cuda"
        return Snapshot(
            step=self._done,
            latents=latents.detach().to("cpu", copy=True),
            scheduler=state,
            generator=self._generators[number].get_state(),
            cpu_random=torch.get_rng_state(),
            device_random=torch.cuda.get_rng_state(self._device) if cuda else None,
            image=None if task.image is None else torch.from_numpy(np.array(task.image)),
            work=keeping.works[task.job.video_id],
            environment=keeping.environment,
        )


def _save(snapshots: list[tuple[RenderTask, Snapshot]]) -> None:
    for task, snapshot in snapshots:
        scratch = task.job.scratch
        state = checkpoint.save(snapshot, scratch)
        task.tell(lambda t=task, s=state: t.report.checkpoint(s))  # type: ignore[misc]
        if task.alive:
            task.snapshot = snapshot
            checkpoint.forget_others(state, scratch)
