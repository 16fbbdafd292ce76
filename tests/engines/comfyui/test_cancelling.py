"""A cancelled job leaves nothing behind at ComfyUI, and hurts no other one; `fakes` sees to the latter."""

from __future__ import annotations

import httpx2
import pytest

from reelwright.errors import Cancelled, Code, EngineError
from tests.engines.comfyui.conftest import Fakes, cancelling
from tests.engines.comfyui.stage import Stage
from tests.engines.remote import Running
from tests.fakes.comfyui import NEW, OLD, USUAL, FakeComfyUI
from tests.servers import eventually

VERSIONS = pytest.mark.parametrize("version", [OLD, USUAL, NEW])


def queued(fake: FakeComfyUI) -> list[str]:
    return [item[1] for items in httpx2.get(f"{fake.url}/queue").json().values() for item in items]


@VERSIONS
def test_a_job_that_waits_is_taken_out(stage: Stage, fakes: Fakes, version: str) -> None:
    fake = fakes(version=version, hold_at=1)
    strangers = fake.foreign(2)
    job = Running(stage.engine(fake), stage.job())
    fake.ledger.wait_for("submitted")
    fake.ledger.wait_for("request", route="history")
    job.report.cancel()
    assert isinstance(job.join(), Cancelled)
    eventually(lambda: set(queued(fake)) == set(strangers))
    fake.turn(hold_at=None)
    eventually(lambda: fake.ledger.count("ended", outcome="success") == 2)
    assert fake.ledger.count("began", id=fake.ledger.ids("submitted")[0]) == 0
    assert fake.sockets_open == 0


@pytest.mark.parametrize("version", [USUAL, NEW])
def test_a_job_that_runs_is_stopped(stage: Stage, fakes: Fakes, version: str) -> None:
    fake = fakes(version=version, hold_at=2)
    job = Running(stage.engine(fake), stage.job())
    [began] = fake.ledger.wait_for("began")
    [stranger] = fake.foreign()
    job.report.cancel()
    assert isinstance(job.join(), Cancelled)
    assert fake.ledger.wait_for("ended", id=began["id"])[0]["outcome"] == "interrupted"
    fake.turn(hold_at=None)
    assert fake.ledger.wait_for("ended", id=stranger)[0]["outcome"] == "success"
    assert fake.files() != []  # the stranger's; ours is not among them
    assert all("reelwright" not in path.parts for path in fake.files())


def test_where_ids_are_not_read_a_running_job_runs_on(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(version=OLD, hold_at=2)
    job = Running(stage.engine(fake), stage.job())
    fake.ledger.wait_for("began")
    job.report.cancel()
    assert isinstance(job.join(), Cancelled)
    fake.ledger.wait_for("request", route="queue")
    fake.turn(hold_at=None)
    assert fake.ledger.wait_for("ended")[0]["outcome"] == "success"
    assert fake.ledger.count("request", route="interrupt") == 0


def test_where_nobody_else_is_it_is_stopped_all_the_same(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(version=OLD, hold_at=2)
    job = Running(stage.engine(fake, exclusive=True), stage.job())
    fake.ledger.wait_for("began")
    job.report.cancel()
    assert fake.ledger.wait_for("ended")[0]["outcome"] == "interrupted"


@VERSIONS
def test_a_job_that_is_ending_is_left(stage: Stage, fakes: Fakes, version: str) -> None:
    fake = fakes(version=version, replies={"view": [1, {"drip": 0.3}]})
    job = Running(stage.engine(fake), stage.job())
    fake.ledger.wait_for("request", route="view")
    [stranger] = fake.foreign()
    job.report.cancel()
    assert isinstance(job.join(2), Cancelled)
    assert fake.ledger.wait_for("ended", id=stranger)[0]["outcome"] == "success"
    assert not job.job.clip.exists()


def test_a_cancel_while_it_is_submitted_reaches_comfyui(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1, replies={"prompt": [1, {"delay": 0.2}]})
    job = Running(stage.engine(fake), stage.job())
    fake.ledger.wait_for("submitted")
    job.report.cancel()
    assert isinstance(job.join(), Cancelled)
    assert fake.ledger.wait_for("ended")[0]["outcome"] == "interrupted"


def test_a_late_job_is_stopped(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1)
    job = Running(stage.engine(fake), stage.job(seconds=1.5))
    error = job.join()
    assert isinstance(error, EngineError)
    assert error.code is Code.TIMED_OUT
    assert fake.ledger.wait_for("ended")[0]["outcome"] == "interrupted"


def test_a_job_at_a_comfyui_that_does_not_answer_is_ended_when_it_is_back(
    stage: Stage, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reelwright.engines.comfyui import servers

    monkeypatch.setattr(servers, "CHECK_SECONDS", 0.2)
    fake = fakes(hold_at=1)
    job = Running(stage.engine(fake), stage.job())
    fake.ledger.wait_for("began")
    deaf = {route: (-1, {"status": 502, "before": True}) for route in ("queue", "history", "interrupt", "unqueue")}
    fake.turn(replies=deaf)
    job.report.cancel()
    assert isinstance(job.join(), Cancelled)
    fake.ledger.wait_for("request", route="queue", times=2)
    assert fake.ledger.count("ended") == 0
    fake.turn(replies={})
    assert fake.ledger.wait_for("ended")[0]["outcome"] == "interrupted"


def test_both_of_two_twins_are_taken_out(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(hold_at=1)
    strangers = fake.foreign()
    fake.turn(replies={"prompt": [1, {"cut": 0}], "queue": [2, {"status": 502}]})
    job = Running(stage.engine(fake), stage.job())
    fake.ledger.wait_for("submitted", times=2)
    assert len(queued(fake)) == 3
    job.report.cancel()
    job.join()
    eventually(lambda: queued(fake) == strangers)
    fake.turn(hold_at=None)


def test_an_interrupt_that_comes_too_late_hurts_nobody(stage: Stage, fakes: Fakes) -> None:
    """Between the look at the queue and the interrupt our job ends, and a stranger's begins."""
    fake = fakes(hold_at=0)
    job = Running(stage.engine(fake), stage.job(num_inference_steps=1))
    fake.ledger.wait_for("began")
    [stranger] = fake.foreign(steps=3)
    fake.turn(replies={"interrupt": [1, {"late": 0.3}]})
    job.report.cancel()
    fake.ledger.wait_for("request", route="interrupt")
    fake.turn(hold_at=2)  # ours has one step
    fake.ledger.wait_for("began", id=stranger)
    assert isinstance(job.join(), Cancelled)
    eventually(lambda: fake.ledger.count("request", route="interrupt") and not cancelling())
    fake.turn(hold_at=None)
    assert fake.ledger.wait_for("ended", id=stranger)[0]["outcome"] == "success"
