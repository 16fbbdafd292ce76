"""One request on its way through the engine: what it needs, how far it is, how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from PIL.Image import Image

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.local.checkpoint import Snapshot
from reelwright.engines.local.plan import Plan
from reelwright.errors import Cancelled, EngineError

# The image stage draws from a stream of its own, so that the video's noise is not the image's noise over again.
_IMAGE_STREAM = 0x1_0000_0001


class RenderTask:
    """Made by the thread of `generate`, worked on by the batcher's thread, one at a time."""

    def __init__(self, plan: Plan, job: RenderJob, report: Report) -> None:
        self.plan = plan
        self.job = job
        self.report = report
        self.image: Image | None = None
        self.last_image: Image | None = None
        self.snapshot: Snapshot | None = None
        self.facts: dict[str, Any] = {}
        self.over = threading.Event()
        self.result: Made | None = None
        self.error: EngineError | None = None

    @property
    def alive(self) -> bool:
        return not self.over.is_set()

    def tell(self, say: Callable[[], None]) -> None:
        """Call a method of the report; a cancel that it brings ends this task and no other."""
        if not self.alive:
            return
        try:
            say()
        except Cancelled as cancelled:
            self.fail(cancelled)

    def finish(self, made: Made) -> None:
        self.result = made
        self.over.set()

    def fail(self, error: EngineError) -> None:
        self.error = error
        self.over.set()

    def generator(self) -> torch.Generator:
        """The video's own random stream, on the CPU: the same numbers whatever the device."""
        return torch.Generator("cpu").manual_seed(self.plan.spec.seed)

    def image_generator(self) -> torch.Generator:
        return torch.Generator("cpu").manual_seed(self.plan.spec.seed ^ _IMAGE_STREAM)


@contextmanager
def stage(name: str, tasks: Sequence[RenderTask]) -> Generator[None]:
    """Work on all of them together: a span in the trace of each one."""
    with ExitStack() as spans:
        for task in tasks:
            spans.enter_context(task.job.span.begin(name))
        yield
