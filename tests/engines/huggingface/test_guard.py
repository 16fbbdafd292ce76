"""Deadlines and cancels: nothing hangs, nothing polls on."""

from __future__ import annotations

import time

import pytest

from reelwright.errors import Cancelled, Code
from tests.engines.huggingface.stage import Recorder, Running, Stage
from tests.fakes.huggingface import FakeHuggingFace, Reply


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        pytest.param("hub", Reply(hang=True), id="hub-hangs"),
        pytest.param("submit", Reply(hang=True), id="submit-hangs"),
        pytest.param("submit", Reply(drip=0.05), id="submit-drips"),
        pytest.param("status", Reply(status=202, body={"status": "IN_PROGRESS"}), id="never-completes"),
        pytest.param("status", Reply(hang=True), id="status-hangs"),
        pytest.param("status", Reply(drip=0.05), id="status-drips"),
        pytest.param("result", Reply(hang=True), id="result-hangs"),
        pytest.param("cdn", Reply(drip=0.05), id="cdn-drips"),
        pytest.param("cdn", Reply(hang=True), id="cdn-hangs"),
    ],
)
def test_every_stall_ends_at_the_deadline(stage: Stage, fake: FakeHuggingFace, step: str, reply: Reply) -> None:
    fake.script(step, reply)
    engine = stage.only("fal-ai", idle_seconds=30)
    began = time.monotonic()
    error = stage.fail(engine, seconds=0.4)

    assert error.code is Code.TIMED_OUT, (error.message, error.details)
    assert time.monotonic() - began < 5
    assert len(fake.requests("submit")) == (0 if step == "hub" else 1)


@pytest.mark.parametrize("provider", ["fal-ai", "replicate"])
def test_a_late_job_is_cancelled_upstream(stage: Stage, fake: FakeHuggingFace, provider: str) -> None:
    fake.polls = 1_000_000
    assert stage.fail(stage.only(provider), seconds=0.3).code is Code.TIMED_OUT

    fake.wait_for("cancel")
    [cancel] = fake.requests("cancel")
    assert cancel.headers["authorization"].startswith("Bearer hf_")
    assert "/req-1/cancel" in cancel.path


@pytest.mark.parametrize(
    ("provider", "step", "cancels"),
    [
        ("fal-ai", "status", 1),
        ("replicate", "status", 1),
        ("together", "status", 0),
        ("wavespeed", "status", 0),
        ("fal-ai", "submit", 0),
        ("novita", "submit", 0),
        ("fal-ai", "cdn", 0),
    ],
)
def test_a_cancel_is_noticed_within_a_second(
    stage: Stage, fake: FakeHuggingFace, provider: str, step: str, cancels: int
) -> None:
    if step == "status":
        fake.polls = 1_000_000
    else:
        fake.script(step, Reply(hang=True))
    report = Recorder()
    # The pauses are those of production: a cancel must end them too.
    job = Running(
        stage.only(provider, poll_seconds=5.0 if provider == "together" else 0.25), stage.assignment(), report
    )
    if provider == "together":
        fake.wait_for("submit")
    else:
        fake.wait_for(step)
    began = time.monotonic()
    report.cancel()
    outcome = job.join()

    assert isinstance(outcome, Cancelled)
    fake.wait_for("cancel", times=cancels)
    assert time.monotonic() - began < 1


def test_a_cancel_while_the_acceptance_is_saved_reaches_the_provider(stage: Stage, fake: FakeHuggingFace) -> None:
    report = Recorder(on_checkpoint=lambda state: report.cancel() if state["phase"] == "accepted" else None)
    outcome = Running(stage.only("fal-ai"), stage.assignment(), report).join()

    assert isinstance(outcome, Cancelled)
    fake.wait_for("cancel")


def test_a_cancel_while_a_job_is_being_accepted_reaches_the_provider(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(delay=0.15))
    report = Recorder()
    job = Running(stage.only("fal-ai"), stage.assignment(), report)
    fake.wait_for("submit")
    report.cancel()

    assert isinstance(job.join(1), Cancelled)
    fake.wait_for("cancel")
    assert report.phases == ["submitting", "accepted"]


def test_a_cancel_before_the_start_sends_nothing(stage: Stage, fake: FakeHuggingFace) -> None:
    report = Recorder()
    report.cancel()
    assert isinstance(Running(stage.only("fal-ai"), stage.assignment(), report).join(), Cancelled)
    assert fake.requests("submit") == []


def test_many_jobs_side_by_side(stage: Stage, fake: FakeHuggingFace) -> None:
    """All are under way before the first may finish."""
    number = 48
    fake.polls = 1_000_000
    engine = stage.only("fal-ai", poll_seconds=0.05)
    jobs = [Running(engine, stage.assignment(seconds=30), Recorder()) for _ in range(number)]
    fake.wait_for("submit", times=number, seconds=20)
    fake.polls = 0
    for job in jobs:
        outcome = job.join(20)
        assert not isinstance(outcome, BaseException), outcome
    assert len(fake.requests("submit")) == number
