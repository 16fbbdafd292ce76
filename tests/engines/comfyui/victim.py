"""An engine in a process of its own, which is killed with -9 at a chosen moment, as the real child may be."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.testing import Recorder
from tests.engines.comfyui.stage import Stage
from tests.fakes.comfyui import FakeComfyUI
from tests.servers import eventually

BEFORE, AFTER, MADE = "before", "after", "made"


class _Saving(Recorder):
    """Keeps each checkpoint in a file, durable as the database is, and stops for ever at one moment."""

    def __init__(self, saved: Path, stop: tuple[str, str] | None, mark: Path) -> None:
        super().__init__()
        self._saved = saved
        self._stop = stop
        self._mark = mark

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.pause(BEFORE, state["phase"])
        self._saved.write_text(json.dumps(state))
        self.pause(AFTER, state["phase"])
        super().checkpoint(state)

    def pause(self, moment: str, phase: str) -> None:
        if self._stop == (moment, phase):
            self._mark.touch()
            time.sleep(600)


def _live(stage: Stage, urls: list[str], fields: dict[str, Any], saved: Path, stop: Any, options: Any) -> None:
    """In the child: one job, its outcome as JSON beside the checkpoint."""
    checkpoint = json.loads(saved.read_text()) if saved.exists() else None
    report = _Saving(saved, stop, saved.with_suffix(".mark"))
    engine = stage.engine(urls=urls, **options)
    made = engine.generate(stage.job(checkpoint=checkpoint, **fields), report)
    report.pause(MADE, "")
    clip = made.clip
    outcome = {"sha256": clip.sha256, "num_frames": clip.num_frames, "facts": dict(made.facts)}
    saved.with_suffix(".made").write_text(json.dumps(outcome))
    sys.stdout.flush()


class Victim:
    """One job over several lives of the process that makes it. Each life starts where the last one left its record."""

    def __init__(self, stage: Stage, *fakes: FakeComfyUI, **options: Any) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.engines.comfyui.stage", "reelwright.engines.comfyui.rendering"])
        self._stage = stage
        self._urls = [fake.url for fake in fakes]
        self._options = options
        self._fields = {"video_id": "video_victim", "seed": 42, "num_frames": 6}
        self._saved = stage.folder / "victim.json"
        self._mark = self._saved.with_suffix(".mark")
        self._process: Any = None

    @property
    def checkpoint(self) -> dict[str, Any] | None:
        return json.loads(self._saved.read_text()) if self._saved.exists() else None

    def start(self, stop: tuple[str, str] | None = None) -> None:
        """A life that stops at this moment of its records: before or after one is saved, or when all is made."""
        given = (self._stage, self._urls, self._fields, self._saved, stop, self._options)
        self._process = self._context.Process(target=_live, args=given, daemon=True)
        self._process.start()

    def kill_at_stop(self) -> None:
        eventually(self._mark.exists)
        self._mark.unlink()
        self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def finish(self) -> dict[str, Any]:
        """A last life, to the end; what was made."""
        self.start()
        self._process.join(30)
        assert self._process.exitcode == 0, f"it ended with {self._process.exitcode}"
        outcome = json.loads(self._saved.with_suffix(".made").read_text())
        assert isinstance(outcome, dict)
        return outcome
