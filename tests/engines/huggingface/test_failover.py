from __future__ import annotations

from typing import Any

import pytest

from reelwright.engines.upstream.failover import Breakers
from reelwright.errors import Code, EngineError
from reelwright.testing import Recorder
from tests.engines.huggingface.stage import TEXT_MODEL, Stage
from tests.fakes.huggingface import FakeHuggingFace, Reply

ORDER = [["fal-ai", TEXT_MODEL], ["wavespeed", TEXT_MODEL], ["together", TEXT_MODEL]]


def providers(made: Any) -> list[str]:
    return [entry["provider"] for entry in made.facts["tries"]]


@pytest.mark.parametrize("status", [404, 410, 408, 429, 500, 502, 503, 504])
def test_the_next_provider_is_asked(stage: Stage, fake: FakeHuggingFace, status: int) -> None:
    fake.script("submit", Reply(status=status, body=b"no"), provider="fal-ai")
    made = stage.make(stage.engine(text_to_video=ORDER))

    assert made.facts["provider"] == "wavespeed"
    assert providers(made) == ["fal-ai", "wavespeed"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 422])
def test_the_next_provider_is_not_asked(stage: Stage, fake: FakeHuggingFace, status: int) -> None:
    fake.script("submit", Reply(status=status, body=b"no"), provider="fal-ai")
    stage.fail(stage.engine(text_to_video=ORDER))

    assert len(fake.requests("submit")) == 1


def test_a_provider_that_does_not_serve_the_model_is_passed_over(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.models[TEXT_MODEL] = [("together", TEXT_MODEL, "text-to-video")]
    made = stage.make(stage.engine(text_to_video=ORDER))

    assert providers(made) == ["fal-ai", "wavespeed", "together"]
    assert len(fake.requests("submit")) == 1


def test_an_unreachable_provider_is_passed_over(stage: Stage, fake: FakeHuggingFace) -> None:
    """A failed generation counts like an unreachable provider: the next one is asked."""
    fake.script("status", Reply(body={"status": "FAILED", "error": "worker lost"}), provider="fal-ai")
    made = stage.make(stage.engine(text_to_video=ORDER))

    assert providers(made) == ["fal-ai", "wavespeed"]
    assert fake.requests("cancel") == []


def test_a_slow_provider_is_cancelled_before_the_next_is_asked(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("status", Reply(status=202, body={"status": "IN_PROGRESS"}), provider="fal-ai")
    made = stage.make(stage.engine(text_to_video=ORDER, route_seconds=0.2))

    assert providers(made) == ["fal-ai", "wavespeed"]
    assert len(fake.requests("cancel")) == 1


def test_a_slow_job_that_cannot_be_cancelled_is_not_sent_again(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("status", Reply(status=202, body={"status": "IN_PROGRESS"}), provider="fal-ai")
    fake.script("cancel", Reply(status=400, body={"status": "ALREADY_COMPLETED"}))
    error = stage.fail(stage.engine(text_to_video=ORDER, route_seconds=0.2))

    assert error.code is Code.TIMED_OUT
    assert len(fake.requests("submit")) == 1


def test_all_say_later_then_the_shortest_wait_is_kept(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=429, headers={"Retry-After": "3600"}), provider="fal-ai")
    fake.script("submit", Reply(status=503, headers={"Retry-After": "0.05"}), Reply(), provider="wavespeed")
    made = stage.make(stage.engine(text_to_video=ORDER[:2]))

    assert providers(made) == ["fal-ai", "wavespeed", "fal-ai", "wavespeed"]


def test_the_error_is_one_that_the_client_can_wait_out(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=404, body=b"gone"), provider="fal-ai")
    fake.script("submit", Reply(status=503, headers={"Retry-After": "900"}), provider="wavespeed")
    error = stage.fail(stage.engine(text_to_video=ORDER[:2]))

    assert (error.code, error.retry_after) == (Code.UPSTREAM_LOADING, 900)


def test_a_chosen_model_is_not_exchanged_for_another(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.models["other/model"] = [("fal-ai", "fal-ai/other", "text-to-video")]
    fake.script("submit", Reply(status=500, body=b"no"), provider="fal-ai")
    engine = stage.engine(text_to_video=[*ORDER[1:], ["fal-ai", "other/model"]])

    assert stage.fail(engine, model="other/model").code is Code.UPSTREAM_ERROR
    assert len(fake.requests("submit")) == 1


def test_an_open_breaker_moves_its_provider_to_the_end(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=500, body=b"no"), provider="fal-ai")
    engine = stage.engine(text_to_video=ORDER[:2], breaker_failures=2)
    for _ in range(2):
        assert providers(stage.make(engine)) == ["fal-ai", "wavespeed"]

    assert engine.state()["breakers"]["fal-ai"]["state"] == "open"
    assert providers(stage.make(engine)) == ["wavespeed"]


def test_a_provider_that_answers_between_two_failures_is_not_taken_for_dead(
    stage: Stage, fake: FakeHuggingFace
) -> None:
    """Two failures in a row would open its breaker; with a "not now" between them it is alive."""
    engine = stage.engine(text_to_video=ORDER[:2], breaker_failures=2)
    for status in (500, 429, 500):
        fake.script("submit", Reply(status=status, body=b"no"), provider="fal-ai")
        assert providers(stage.make(engine)) == ["fal-ai", "wavespeed"]
    assert engine.state()["breakers"]["fal-ai"]["state"] == "closed"


def test_the_only_provider_is_asked_even_with_an_open_breaker(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=500, body=b"no"), Reply(status=500, body=b"no"), Reply())
    engine = stage.only("fal-ai", breaker_failures=1)
    stage.fail(engine)
    stage.fail(engine)
    assert engine.state()["breakers"]["fal-ai"]["state"] == "open"

    stage.make(engine)
    assert engine.state()["breakers"]["fal-ai"] == {
        "state": "closed",
        "failures": 0,
        "last_error": None,
        "retry_in": 0.0,
    }


def test_checkpoints_of_a_failover(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=500, body=b"no"), provider="fal-ai")
    report = Recorder()
    stage.engine(text_to_video=ORDER).generate(stage.job(), report)

    assert [(state["phase"], state["provider"]) for state in report.checkpoints] == [
        ("submitting", "fal-ai"),
        ("submitting", "wavespeed"),
        ("accepted", "wavespeed"),
    ]


def test_a_breaker_closes_by_time_and_opens_again_at_once() -> None:
    now = 100.0
    breakers = Breakers(failures=2, seconds=60, clock=lambda: now)
    error = EngineError("down", code=Code.UPSTREAM_ERROR)
    breakers.failed("x", error)
    assert not breakers.open("x")
    breakers.failed("x", error)
    assert breakers.open("x")
    assert breakers.state() == {"x": {"state": "open", "failures": 2, "last_error": "upstream_error", "retry_in": 60.0}}

    now = 161.0
    assert not breakers.open("x")
    breakers.failed("x", error)
    assert breakers.open("x")
    breakers.succeeded("x")
    assert not breakers.open("x")
