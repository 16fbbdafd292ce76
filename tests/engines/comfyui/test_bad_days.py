"""What happens to jobs when the ComfyUI behind them has a bad day."""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from reelwright.engines.comfyui import following
from reelwright.engines.engine import Made
from reelwright.errors import Code, EngineError
from reelwright.testing import Recorder
from tests.engines.comfyui.conftest import POISON, Fakes
from tests.engines.comfyui.stage import Stage
from tests.engines.comfyui.wire import socket
from tests.engines.remote import Running, parts
from tests.fakes.comfyui import MIDDLE, NEW, OLD, USUAL, ComfyUIProcess, FakeComfyUI
from tests.servers import eventually


def test_a_comfyui_that_is_killed_with_eight_jobs_makes_them_all(stage: Stage, tmp_path: Path) -> None:
    with ComfyUIProcess(tmp_path / "comfyui") as fake:
        engine = stage.engine(fake, jobs_per_url=8)
        fake.turn(hold_at=2)
        jobs = [Running(engine, stage.job()) for _ in range(8)]
        fake.ledger.wait_for("submitted", times=8)
        [running] = fake.ledger.wait_for("began")
        fake.kill()
        fake.start()
        for job in jobs:
            assert job.made().clip.num_frames == 5
        began = Counter(entry["id"] for entry in fake.ledger.entries("node", kind="KSampler"))
    assert len(fake.ledger.ids("submitted")) == 16  # a new id for each of the eight
    assert sum(began.values()) == 9  # only what ran at the kill was begun twice
    assert began[running["id"]] == 1


def test_a_stalled_comfyui_is_left_for_another(stage: Stage, fakes: Fakes) -> None:
    stalled, good = fakes(stall=True), fakes()
    engine = stage.engine(stalled, good)
    made = stage.make(engine)
    assert made.facts["provider"] == f"127.0.0.1:{good.port}"
    assert [one["outcome"] for one in made.facts["tries"]] == ["upstream_error", "completed"]
    assert httpx2.get(f"{stalled.url}/queue").json()["queue_pending"] == []  # nothing is left behind

    again = stage.make(engine)
    assert [one["provider"] for one in again.facts["tries"]] == [f"127.0.0.1:{good.port}"]  # known by now
    assert engine.state()["servers"][f"127.0.0.1:{stalled.port}"]["stalled"] is True


def test_a_comfyui_that_is_down_is_left_for_another(stage: Stage, fakes: Fakes) -> None:
    down, good = fakes(), fakes()
    engine = stage.engine(down, good)
    down.die()
    assert stage.make(engine).facts["provider"] == f"127.0.0.1:{good.port}"
    down.rise()


def test_jobs_are_spread_over_all(stage: Stage, fakes: Fakes) -> None:
    both = [fakes(hold_at=1), fakes(hold_at=1)]
    engine = stage.engine(*both)
    jobs = [Running(engine, stage.job()) for _ in range(2)]
    for fake in both:
        fake.ledger.wait_for("began")
        fake.turn(hold_at=None)
    assert {job.made().facts["provider"] for job in jobs} == {f"127.0.0.1:{fake.port}" for fake in both}


@pytest.mark.parametrize("version", [USUAL, NEW])
def test_three_hundred_quick_jobs_and_none_is_taken_for_lost(
    stage: Stage, fakes: Fakes, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs that end between two looks are seen neither in the history nor in the queue, read the wrong way round."""
    monkeypatch.setattr(following, "CERTAIN_SECONDS", 0.0)  # every look is at both
    count = 300 if version == USUAL else 100
    fake = fakes(version=version, ws_silent=True)
    engine = stage.engine(fake, jobs_per_url=16, lost_looks=1, idle_seconds=20.0)
    fields = {"model": "stills", "num_frames": 1, "width": 64, "height": 64}
    for start in range(0, count, 50):
        jobs = [Running(engine, stage.job(**fields)) for _ in range(start, start + 50)]
        for job in jobs:
            job.made().clip.frames.close()  # type: ignore[union-attr]
    assert len(fake.ledger.ids("submitted")) == fake.ledger.executions() == count


@pytest.mark.parametrize("trouble", [{"ws_silent": True}, {"ws_refused": 403}, {"ws_drop_after": 4}])
@pytest.mark.parametrize("version", [OLD, USUAL, MIDDLE, NEW])
def test_without_the_socket_the_result_is_the_same(
    stage: Stage, fakes: Fakes, trouble: dict[str, object], version: str
) -> None:
    fake = fakes(version=version, step_seconds=0.05, **trouble)
    job = Running(stage.engine(fake), stage.job())
    assert job.made().clip.num_frames == 5
    assert parts(job.report) == sorted(parts(job.report))
    assert fake.ledger.executions() == 1


def test_a_second_socket_takes_no_job_away(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1)
    job = Running(stage.engine(fake), stage.job())
    [entry] = fake.ledger.wait_for("began")
    with socket(fake, entry["id"]):
        pass
    fake.turn(hold_at=None)
    job.made()


def test_somebody_elses_jobs_are_waited_for(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1)
    fake.foreign(3)
    job = Running(stage.engine(fake), stage.job())
    fake.ledger.wait_for("submitted")
    fake.turn(hold_at=None)
    job.made()
    assert fake.ledger.count("ended", outcome="success") == 4


def test_a_queue_that_somebody_clears_has_lost_the_job(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1)
    engine = stage.engine(fake, lost_looks=2)
    fake.foreign()
    job = Running(engine, stage.job())
    [first] = fake.ledger.wait_for("submitted")
    httpx2.post(f"{fake.url}/queue", json={"clear": True})
    [_, second] = fake.ledger.wait_for("submitted", times=2)
    assert first["id"] != second["id"]
    fake.turn(hold_at=None)
    job.made()


def test_a_job_that_is_lost_again_and_again_fails(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=0)
    engine = stage.engine(fake, lost_looks=2, tries=2)
    fake.foreign()
    job = Running(engine, stage.job())
    for times in (1, 2):
        fake.ledger.wait_for("submitted", times=times)
        httpx2.post(f"{fake.url}/queue", json={"clear": True})
    error = job.join()
    assert isinstance(error, EngineError)
    assert (error.code, "lost the job" in error.message) == (Code.UPSTREAM_ERROR, True)
    assert fake.ledger.count("submitted") == 2
    fake.turn(hold_at=None)


def test_what_somebody_interrupts_is_not_made_again(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1)
    job = Running(stage.engine(fake), stage.job())
    [entry] = fake.ledger.wait_for("began")
    httpx2.post(f"{fake.url}/interrupt", json={"prompt_id": entry["id"]})
    error = job.join()
    assert isinstance(error, EngineError)
    assert (error.code, "cancelled at ComfyUI" in error.message) == (Code.UPSTREAM_ERROR, True)
    assert fake.ledger.count("submitted") == 1


def test_a_short_silence_is_waited_for(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1)
    engine = stage.engine(fake)
    job = Running(engine, stage.job())
    fake.ledger.wait_for("began")
    fake.turn(replies={"history": [4, {"status": 502, "before": True}]})
    fake.ledger.wait_for("request", route="history", times=5)
    fake.turn(hold_at=None)
    job.made()
    assert fake.ledger.count("submitted") == 1


class Timed(Recorder):
    """Keeps when each preview came, too (monotonic, in seconds)."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def preview(self, data: bytes, media_type: str) -> None:
        self.times.append(time.monotonic())
        super().preview(data, media_type)


def test_previews_are_ours_and_no_more_than_one_a_second(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(version=NEW, step_seconds=0.05, previews=True)
    fake.foreign(2, steps=4)
    engine = stage.engine(fake, jobs_per_url=2)
    first, second = (Running(engine, stage.job(num_inference_steps=30), Timed()) for _ in range(2))
    first.made(), second.made()
    for job in (first, second):
        assert isinstance(job.report, Timed)
        assert len(job.report.times) > 1
        assert all(later - earlier > 0.95 for earlier, later in pairwise(job.report.times))
        assert {kind for _, kind in job.report.previews} == {"image/jpeg"}
    assert all(entry["body"]["client_id"] == entry["id"] for entry in fake.ledger.entries("submitted"))


def test_progress_is_measured_and_never_falls(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(step_seconds=0.01)
    job = Running(stage.engine(fake), stage.job(num_inference_steps=20))
    job.made()
    assert parts(job.report) == sorted(parts(job.report))
    assert len(parts(job.report)) > 20
    assert parts(job.report)[-1] < 1


def test_an_idle_comfyui_is_left_alone(stage: Stage, fake: FakeComfyUI) -> None:
    engine = stage.engine(fake)
    stage.make(engine)
    eventually(lambda: fake.sockets_open == 0)
    before = fake.ledger.count("request")
    time.sleep(1.0)  # nothing may happen, so there is nothing to wait for
    assert fake.ledger.count("request") == before


def test_a_poisoned_worker_is_seen_by_what_stands_still(stage: Stage, fakes: Fakes) -> None:
    dead, good = fakes(stall=True), fakes()
    engine = stage.engine(dead, good)
    graph = json.loads((stage.workflows / "wan.json").read_text())
    for number, seed in ((5, 2), (5, 3), (1, 4)):
        graph["7"]["inputs"]["seed"] = seed
        body = {"prompt": graph, "prompt_id": POISON, "number": number}
        httpx2.post(f"{dead.url}/prompt", json=body)
    dead.turn(stall=False)
    eventually(lambda: not dead.worker_lives)
    made = stage.make(engine)
    assert isinstance(made, Made)
    assert made.facts["provider"] == f"127.0.0.1:{good.port}"
