"""Requests that share a denoising run: close to what they are alone, and nothing of one in another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.engines.local.card import cards
from reelwright.engines.local.engine import LocalEngine
from reelwright.engines.local.options import Options
from reelwright.errors import Cancelled
from reelwright.testing import Recorder, Take, run_here
from reelwright.video import VideoSpec
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import Stopping, an_image_request

pytest.importorskip("torch", reason=REASON)

# The recipe decodes 8 frames at a time: with 10 frames a chunk would reach over into the next request's.
FRAMES = 10


@pytest.fixture(scope="module")
def options(tiny_folder: TinyFolder) -> dict[str, Any]:
    model = {"source": str(tiny_folder("svd")), "image": None}
    # The window closes as soon as the seats are taken: no test waits for it.
    return {"models": {"svd": model}, "preview_seconds": 0, "placement": "resident", "batch": 2, "batch_window": 60.0}


@pytest.fixture(scope="module")
def engine(options: dict[str, Any]) -> LocalEngine:
    made = LocalEngine(**options)
    made.load()
    return made


def a_draft(**changes: Any) -> VideoSpec:
    return an_image_request("svd", num_frames=FRAMES, num_inference_steps=3, **changes)


def together(engine: LocalEngine, requests: list[VideoSpec], folder: Path, image: Path) -> list[Take]:
    with ThreadPoolExecutor(len(requests)) as threads:
        takes = [
            threads.submit(run_here, engine, spec, folder / str(n), video_id=f"video_{n}", image_path=image)
            for n, spec in enumerate(requests)
        ]
        return [each.result() for each in takes]


def test_each_request_of_a_batch_is_what_it_is_alone_within_rounding(
    engine: LocalEngine, options: dict[str, Any], tmp_path: Path, fox: Path
) -> None:
    drafts = [a_draft(seed=1), a_draft(seed=2, motion_bucket_id=20, noise_aug_strength=0.3, fps=24)]
    batched = together(engine, drafts, tmp_path, fox)
    alone = LocalEngine(**options | {"batch": 1})
    alone.load()
    for draft, result in zip(drafts, batched, strict=True):
        single = run_here(alone, draft, tmp_path / "alone", image_path=fox)
        assert result.facts["batched_with"] == 1
        assert single.facts["batched_with"] == 0
        assert np.abs(result.frames.astype(int) - single.frames).max() <= 1
    assert batched[0].sha256 != batched[1].sha256


def test_nothing_of_one_request_gets_into_another(engine: LocalEngine, tmp_path: Path, fox: Path) -> None:
    """The same request beside two different companions: a chunk that reached over would differ by a hundred levels.

    One level is allowed, because who comes first in the run is up to the threads and its place may round differently.
    """
    mine = a_draft(seed=1)
    takes = []
    for companion in (a_draft(seed=2), a_draft(seed=3, motion_bucket_id=250, noise_aug_strength=1.0)):
        first, second = together(engine, [mine, companion], tmp_path / str(companion.seed), fox)
        assert first.facts["batched_with"] == 1
        assert first.sha256 != second.sha256
        takes.append(first)
    assert np.abs(takes[0].frames.astype(int) - takes[1].frames).max() <= 1


def test_a_cancel_ends_one_of_them_only(engine: LocalEngine, tmp_path: Path, fox: Path) -> None:
    leaving = Stopping(cancel_at=2)
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(run_here, engine, a_draft(seed=1), tmp_path / "a", leaving, video_id="a", image_path=fox)
        two = threads.submit(run_here, engine, a_draft(seed=2), tmp_path / "b", video_id="b", image_path=fox)
        with pytest.raises(Cancelled):
            one.result()
        assert two.result().facts["batched_with"] == 1
    assert leaving.progressed[-1] == (2, 4)


def test_a_cancelled_request_that_still_waits_is_over_at_once(engine: LocalEngine, tmp_path: Path, fox: Path) -> None:
    report = Recorder()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(run_here, engine, a_draft(seed=1), tmp_path, report, image_path=fox)
        report.cancel()
        with pytest.raises(Cancelled):
            waiting.result(timeout=30)
    assert report.progressed == []
    # The place that it left is open again, and the engine goes on.
    assert len(together(engine, [a_draft(seed=1), a_draft(seed=2)], tmp_path / "next", fox)) == 2


def test_batching_ends_the_promise_of_equal_bits(options: dict[str, Any]) -> None:
    (batched,) = cards(options)
    (single,) = cards(options | {"batch": 1})
    assert not batched.deterministic
    assert single.deterministic
    assert Options.parse(options).slots == 4
    assert Options.parse(options | {"batch": 1}).slots == 1


def test_requests_of_other_sizes_do_not_travel_together(options: dict[str, Any], tmp_path: Path, fox: Path) -> None:
    engine = LocalEngine(**options | {"batch_window": 0.0})
    engine.load()
    drafts = [a_draft(seed=1), replace(a_draft(seed=2), num_frames=FRAMES + 1)]
    assert [each.facts["batched_with"] for each in together(engine, drafts, tmp_path, fox)] == [0, 0]
