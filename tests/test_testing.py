"""`reelwright.testing`: good engines pass, and an engine that breaks a promise is told which one."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.engines.catalog import Offer
from reelwright.engines.child import Spec
from reelwright.engines.engine import Card, Made, RenderJob, Report
from reelwright.engines.sketch.card import CARD as SKETCH
from reelwright.errors import BadRequest, Cancelled, EngineError
from reelwright.media.clip import Clip
from reelwright.testing import EngineProcess, Recorder, broken_promises, check_engine, run_here, spec_for
from reelwright.video import Task
from tests.fakes.engines import CARD as TOY
from tests.fakes.engines import ToyEngine

SMALL = {"width": 64, "height": 64, "num_frames": 8}
OFFER = Offer(spec=Spec(engine="tests.fakes.engines:ToyEngine", options={"slots": 2}), cards=(TOY,), slots=2)


class Careless:
    """Breaks the promise that the option names; else it keeps all of them."""

    def __init__(self, broken: str = "", where: str = "") -> None:
        self._broken = broken
        self._where = where

    def load(self) -> Mapping[str, Any]:
        return {}

    def state(self) -> Mapping[str, Any]:
        return {}

    def generate(self, job: RenderJob, report: Report) -> Made:
        spec, frames = job.spec, job.frames.array()
        first = 0 if "resume" in self._broken else (job.checkpoint or {}).get("frames", 0)
        job.scratch.mkdir(exist_ok=True)
        kept = job.scratch / "kept.npy"
        if first and kept.exists():
            frames[:first] = np.load(kept)[:first]
        for index in range(first, len(frames)):
            self._paint(frames[index], index, spec.seed)
            np.save(kept, frames[: index + 1])
            if "resume" in self._broken and job.checkpoint:
                frames[index] += 1
            try:
                report.checkpoint({"frames": index + 1, "file": kept.name})
                report.progress(len(frames) - index if "progress" in self._broken else index + 1, len(frames))
            except Cancelled:
                if "cancel" in self._broken:
                    time.sleep(60)
                raise
        if "files" in self._broken:
            Path(self._where).write_text("a note")
        if "temporary" in self._broken:
            Path(os.environ["TMPDIR"], "left-behind").write_text("rubbish")
        count = spec.num_frames - ("frames" in self._broken)
        return Made(clip=Clip(fps=spec.fps, num_frames=count, frames=job.frames))

    def _paint(self, frame: Any, index: int, seed: int) -> None:
        frame[:] = (index * 9 % 256, (0 if "seed" in self._broken else seed * 50) % 256, 128)
        if "bits" in self._broken:
            frame[0, 0] = os.getpid() % 256, os.getpid() // 256 % 256, 0


CARELESS = Card(
    engine="careless",
    model="careless",
    title="Careless",
    description="Breaks one promise",
    generative_ai=False,
    tasks=(Task.TEXT_TO_VIDEO,),
    honours=frozenset({"seed"}),
    max_pixel_frames=1 << 24,
    deterministic=True,
    resumes=True,
)


def careless(**options: str) -> Offer:
    return Offer(spec=Spec(engine="tests.test_testing:Careless", options=options), cards=(CARELESS,))


def test_the_toy_keeps_its_promises(tmp_path: Path) -> None:
    """All but sound: it resumes by a file, takes images and does two jobs side by side."""
    check_engine(OFFER, tmp_path, prompt="resume 0.02", **SMALL)


def test_the_sketch_engine_keeps_its_promises(tmp_path: Path) -> None:
    check_engine(Offer(spec=Spec(engine="sketch"), cards=(SKETCH,)), tmp_path, **SMALL)


def test_an_engine_that_breaks_no_promise_passes(tmp_path: Path) -> None:
    check_engine(careless(), tmp_path, cancel_s=20, **SMALL)


def test_each_broken_promise_is_told(tmp_path: Path) -> None:
    """All at once: each is told by itself."""
    elsewhere = tmp_path / "elsewhere.txt"
    offer = careless(broken="seed progress cancel resume files temporary", where=str(elsewhere))
    told = list(broken_promises(offer, tmp_path / "work", prompt="paint", cancel_s=1, **SMALL))
    expected = [
        "Its progress fell",
        "another seed gave the same frames",
        "A cancelled job did not end within 1 s",
        "Killed after checkpoint 1 and taken up from it, it made other frames",
        "Killed after checkpoint 8 and taken up from it, it made other frames",
        "Taken up from checkpoint 8 of 8, it began anew",
        f"It wrote to {elsewhere}, which is none of its job's files",
        "It left left-behind in the folder for temporary files",
    ]
    assert len(told) == len(expected), told
    for sentence, part in zip(told, expected, strict=True):
        assert sentence.startswith("careless: ")
        assert part in sentence


def test_wrong_frames_and_chance_are_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"it made \(7, 64, 64, 3\)") as told:
        check_engine(careless(broken="frames bits"), tmp_path, cancel_s=20, **SMALL)
    assert "the same spec gave other frames in another process" in str(told.value)


def test_an_engine_that_cannot_work_here_is_told_so(tmp_path: Path) -> None:
    away = replace(OFFER, problem="No power. Plug it in")
    assert list(broken_promises(away, tmp_path, prompt="paint")) == ["It cannot work here: No power. Plug it in"]
    broken = replace(OFFER, spec=replace(OFFER.spec, options={"fail_to_load": True}))
    [one] = broken_promises(broken, tmp_path, prompt="paint", **SMALL)
    assert "The toy is broken" in one


def test_a_spec_is_the_one_that_the_server_would_make() -> None:
    assert spec_for(TOY, "paint", num_frames=7).num_frames == 7
    assert spec_for(TOY, "paint").width == TOY.default_width
    with pytest.raises(BadRequest, match="num_frames"):
        spec_for(TOY, "paint", num_frames=100_000)


def test_a_job_in_this_process_and_in_one_of_its_own_are_the_same(tmp_path: Path) -> None:
    request = spec_for(TOY, "resume 0", **SMALL)
    here = run_here(ToyEngine(), request, tmp_path / "here")
    with EngineProcess(OFFER) as process:
        there = process.run(request, tmp_path / "there")
        with pytest.raises(EngineError, match="Prompt refused"):
            process.run(spec_for(TOY, "refuse"), tmp_path / "there", video_id="video_2")
    assert here.sha256 == there.sha256
    assert here.heard.checkpoints == there.heard.checkpoints
    assert there.heard.progressed[-1] == (8, 8)


def test_a_report_can_cancel(tmp_path: Path) -> None:
    report = Recorder(lambda _state: report.cancel())
    with pytest.raises(Cancelled):
        run_here(ToyEngine(), spec_for(TOY, "resume 0", **SMALL), tmp_path, report)
    assert len(report.checkpoints) == 1
