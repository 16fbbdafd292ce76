"""Keeps everything that an engine reports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from reelwright.engines.child import RenderListener
from reelwright.errors import Cancelled


class Recorder:
    """The `Report` of a job in this process; or, by its `listener`, what a job in another process reports.

    `on_checkpoint` is called with each checkpoint after it was kept. An exception that it raises ends a job in this
    process. After `cancel` every method raises `Cancelled`, as the server's report does.

    Example: a job that is cancelled at its second checkpoint.

        report = Recorder(lambda state: report.cancel() if len(report.checkpoints) == 2 else None)
        with pytest.raises(Cancelled):
            run_here(engine, spec, tmp_path, report)
    """

    def __init__(self, on_checkpoint: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self.progressed: list[tuple[int, int]] = []
        """(done, total), as told."""
        self.stages: list[str | None] = []
        self.previews: list[tuple[bytes, str]] = []
        """(the picture, its media type)."""
        self.checkpoints: list[Mapping[str, Any]] = []
        self._on_checkpoint = on_checkpoint
        self._cancelled = threading.Event()

    def progress(self, done: int, total: int) -> None:
        self.progressed.append((done, total))
        self.wait(0)

    def stage(self, name: str | None) -> None:
        self.stages.append(name)
        self.wait(0)

    def moved(self) -> None:
        self.wait(0)

    def preview(self, data: bytes, media_type: str) -> None:
        self.previews.append((data, media_type))
        self.wait(0)

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.checkpoints.append(dict(state))
        if self._on_checkpoint:
            self._on_checkpoint(state)
        self.wait(0)

    def wait(self, seconds: float) -> None:
        if self._cancelled.wait(max(0.0, seconds)):
            raise Cancelled("The job was cancelled")

    def cancel(self) -> None:
        """From any thread: the engine's next call raises `Cancelled`."""
        self._cancelled.set()

    def listener(self, on_sign: Callable[[], None] = lambda: None) -> RenderListener:
        """The callbacks for a job in an engine's process. `on_sign` is called at each report."""

        def progress(done: int, total: int) -> None:
            self.progressed.append((done, total))
            on_sign()

        def stage(name: str | None) -> None:
            self.stages.append(name)
            on_sign()

        def preview(data: bytes, media_type: str) -> None:
            self.previews.append((data, media_type))
            on_sign()

        async def checkpoint(state: Mapping[str, Any]) -> None:
            self.checkpoints.append(dict(state))
            if self._on_checkpoint:
                self._on_checkpoint(state)
            on_sign()

        return RenderListener(progress=progress, stage=stage, preview=preview, checkpoint=checkpoint)
