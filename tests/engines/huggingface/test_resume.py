"""A crash at any point: one upstream job, never a second bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.engine import Made
from reelwright.engines.huggingface.card import cards
from reelwright.errors import Code, EngineError
from reelwright.testing import Recorder
from tests.engines.huggingface.stage import TEXT_MODEL, Stage
from tests.engines.remote import Running, phases
from tests.fakes.huggingface import FakeHuggingFace, Reply


@pytest.mark.parametrize("provider", ["fal-ai", "novita", "replicate", "together", "wavespeed"])
def test_an_accepted_job_is_followed_on(stage: Stage, fake: FakeHuggingFace, provider: str) -> None:
    report = Recorder()
    engine = stage.only(provider)
    engine.generate(stage.job(), report)
    state = report.checkpoints[-1]
    assert (state["phase"], state["provider"], state["model"]) == ("accepted", provider, TEXT_MODEL)

    resumed = Recorder()
    made = stage.only(provider).generate(stage.job(checkpoint=state), resumed)

    assert isinstance(made, Made)
    assert made.facts["resumed"] is True
    assert made.facts["request_id"] == state["request_id"]
    assert resumed.checkpoints == []
    assert len(fake.requests("submit")) == 1


def test_the_fal_ticket_names_the_addresses(stage: Stage) -> None:
    report = Recorder()
    stage.only("fal-ai").generate(stage.job(), report)

    answer = report.checkpoints[-1]["answer"]
    assert answer["cancel_url"] == "https://queue.fal.run/fal-ai/wan/requests/req-1/cancel"
    assert {"request_id", "response_url", "status_url"} <= set(answer)


def test_a_crash_while_submitting_is_an_unknown_outcome(stage: Stage, fake: FakeHuggingFace) -> None:
    state = {"phase": "submitting", "provider": "fal-ai", "model": TEXT_MODEL}
    error = stage.fail(stage.only("fal-ai"), checkpoint=state)

    assert error.code is Code.UNKNOWN_OUTCOME
    assert "fal-ai" in error.message
    assert fake.log == []


def test_a_crash_while_waiting_begins_anew(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=503, headers={"Retry-After": "0.01"}), Reply())
    report = Recorder()
    stage.only("fal-ai").generate(stage.job(), report)
    assert phases(report) == ["submitting", "waiting", "submitting", "accepted"]

    stage.make(stage.only("fal-ai"), checkpoint=report.checkpoints[1])
    assert len(fake.requests("submit")) == 3


def test_nothing_is_sent_before_submitting_is_saved(stage: Stage, fake: FakeHuggingFace) -> None:
    seen: list[tuple[str, int]] = []
    report = Recorder(on_checkpoint=lambda state: seen.append((state["phase"], len(fake.requests("submit")))))
    stage.only("fal-ai").generate(stage.job(), report)

    assert seen == [("submitting", 0), ("accepted", 1)]


def test_a_resumed_job_can_be_cancelled_upstream(stage: Stage, fake: FakeHuggingFace) -> None:
    report = Recorder()
    stage.only("fal-ai").generate(stage.job(), report)
    fake.script("status", Reply(status=202, body={"status": "IN_PROGRESS"}))

    second = Recorder()
    job = Running(stage.only("fal-ai"), stage.job(checkpoint=report.checkpoints[-1]), second)
    fake.wait_for("status", times=4)
    second.cancel()
    job.join()
    fake.wait_for("cancel")


def test_an_open_breaker_does_not_send_an_accepted_job_elsewhere(stage: Stage, fake: FakeHuggingFace) -> None:
    report = Recorder()
    routes = [["fal-ai", TEXT_MODEL], ["wavespeed", TEXT_MODEL]]
    engine = stage.engine(text_to_video=routes, breaker_failures=1)
    engine.generate(stage.job(), report)
    fake.script("submit", Reply(status=500, body=b"no"), provider="fal-ai")
    stage.make(engine)
    assert engine.state()["breakers"]["fal-ai"]["state"] == "open"
    before = len(fake.requests("submit"))

    made = stage.make(engine, checkpoint=report.checkpoints[-1])
    assert made.facts["provider"] == "fal-ai"
    assert len(fake.requests("submit")) == before


def test_an_endpoints_video_that_arrived_before_the_crash_is_taken(stage: Stage, fake: FakeHuggingFace) -> None:
    engine = stage.engine(endpoint_url="https://endpoint.example/")
    report = Recorder()
    engine.generate(stage.job(model="endpoint", video_id="video_same"), report)
    [state] = report.checkpoints

    made = stage.make(engine, model="endpoint", video_id="video_same", checkpoint=state)
    assert made.facts["resumed"] is True
    assert len(fake.requests("endpoint")) == 1

    made.clip.path.write_bytes(fake.clip[:-300])
    error = stage.fail(engine, model="endpoint", video_id="video_same", checkpoint=state)
    assert error.code is Code.UNKNOWN_OUTCOME
    assert len(fake.requests("endpoint")) == 1


def test_the_clip_of_one_provider_is_not_taken_for_anothers(stage: Stage, fake: FakeHuggingFace) -> None:
    state = {"phase": "submitting", "provider": "wavespeed", "model": TEXT_MODEL, "stage": "video"}
    stage.job(video_id="video_same").clip.write_bytes(fake.clip)
    error = stage.fail(stage.only("wavespeed"), video_id="video_same", checkpoint=state)
    assert error.code is Code.UNKNOWN_OUTCOME


def test_an_initial_checkpoint_that_is_stored_already_is_not_saved_again(stage: Stage, fake: FakeHuggingFace) -> None:
    engine = stage.engine(endpoint_url="https://endpoint.example/", text_to_video=[["fal-ai", TEXT_MODEL]])
    report = Recorder()
    made = engine.generate(replace(stage.job(model="endpoint"), initial_checkpoint_stored=True), report)
    assert (made.facts["provider"], report.checkpoints) == ("endpoint", [])

    fake.script("endpoint", Reply(status=500, body=b"no"))
    made = engine.generate(replace(stage.job(model="endpoint"), initial_checkpoint_stored=True), report)
    assert made.facts["provider"] == "fal-ai"  # whoever is asked next is named before
    assert [(state["phase"], state["provider"]) for state in report.checkpoints] == [
        ("submitting", "fal-ai"),
        ("accepted", "fal-ai"),
    ]


def test_the_cards_initial_checkpoint_is_what_a_job_saves_first(stage: Stage) -> None:
    options = {"endpoint_url": "https://endpoint.example/"}
    [card] = [card for card in cards(options) if card.model == "endpoint"]
    report = Recorder()
    stage.engine(**options).generate(stage.job(model="endpoint"), report)
    assert report.checkpoints == [card.initial_checkpoint]
    chain = {"text_to_image": ["nscale", "black-forest-labs/FLUX.1-schnell"]}
    assert {card.initial_checkpoint for card in cards({**options, "chain": chain})} == {None}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
def test_a_full_disk_is_named(stage: Stage) -> None:
    job = stage.job(video_id="video_same")
    job.clip.symlink_to("/dev/full")
    assert stage.fail(stage.only("fal-ai"), video_id=job.video_id).code is Code.STORAGE_FULL


# --- a job that has failed --------------------------------------------------------------------------------------------


def left_by(stage: Stage, provider: str, *, seconds: float = 10.0, **fields: Any) -> Mapping[str, Any]:
    """What a job that fails at `provider` saves last."""
    report = Recorder()
    with pytest.raises(EngineError):
        stage.only(provider).generate(stage.job(seconds=seconds, **fields), report)
    return report.checkpoints[-1]


def test_a_resumed_job_does_not_follow_what_the_provider_reported_as_failed(
    stage: Stage, fake: FakeHuggingFace
) -> None:
    fake.script("status", Reply(body={"status": "COMPLETED", "error": "the GPU fell off"}))
    state = left_by(stage, "fal-ai")
    assert (state["phase"], state["code"], state["ticket"]) == ("ended", Code.UPSTREAM_ERROR, None)

    fake.script("status")
    stage.make(stage.only("fal-ai"), checkpoint=state)
    assert len(fake.requests("submit")) == 2


def test_a_rejected_request_is_not_of_unknown_outcome_when_it_is_resumed(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=400, body={"detail": "no such size"}), Reply())
    stage.make(stage.only("fal-ai"), checkpoint=left_by(stage, "fal-ai"))


def test_an_unknown_outcome_stays_one(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(cut=0))
    state = left_by(stage, "fal-ai")
    assert state["phase"] == "submitting"
    assert stage.fail(stage.only("fal-ai"), checkpoint=state).code is Code.UNKNOWN_OUTCOME
    assert len(fake.requests("submit")) == 1


@pytest.mark.parametrize(
    ("step", "reply"),
    [("cdn", Reply(status=404, body=b"gone")), ("status", Reply(body={"id": "x", "status": "queued"}))],
    ids=["the download fails", "it takes too long"],
)
def test_work_that_was_left_at_the_provider_is_had_once_more_and_then_made_anew(
    stage: Stage, fake: FakeHuggingFace, step: str, reply: Reply
) -> None:
    fake.script(step, reply)
    first = left_by(stage, "together", seconds=0.5)
    assert first["ticket"]["request_id"] == "req-1"

    second = left_by(stage, "together", seconds=0.5, checkpoint=first)
    assert (second["phase"], second["ticket"], len(fake.requests("submit"))) == ("ended", None, 1)

    fake.script(step)
    made = stage.make(stage.only("together"), checkpoint=first)
    assert (made.facts["request_id"], len(fake.requests("submit"))) == ("req-1", 1)
    stage.make(stage.only("together"), checkpoint=second)
    assert len(fake.requests("submit")) == 2


def test_a_later_attempt_begins_anew_where_no_clip_was_left(stage: Stage, fake: FakeHuggingFace) -> None:
    """The first one was killed while it waited for another try: there is no file to remove."""
    job = replace(stage.job(), attempt=2, checkpoint={"phase": "waiting"})
    assert not job.clip.exists()
    assert stage.only("fal-ai").generate(job, Recorder()).clip.path == job.clip
    assert len(fake.requests("submit")) == 1


def test_a_crash_after_the_end_bills_nothing(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("status", Reply(body={"status": "COMPLETED", "error": "the GPU fell off"}))
    report, job = Recorder(), stage.job()
    with pytest.raises(EngineError) as first:
        stage.only("fal-ai").generate(job, report)
    again = replace(job, attempt=2, checkpoint=report.checkpoints[-1])
    with pytest.raises(EngineError) as second:
        stage.only("fal-ai").generate(again, Recorder())
    assert (second.value.code, second.value.message) == (first.value.code, first.value.message)
    assert len(fake.requests("submit")) == 1
