"""A crash at any point: a job runs once, or its outcome is unknown and said to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reelwright.engines.engine import Made
from reelwright.errors import Code
from reelwright.testing import Recorder
from tests.engines.openai.stage import Stage
from tests.engines.remote import PROMPT, Running, phases
from tests.fakes.videos import TOKEN, FakeLiteLLM, FakeVideos
from tests.fakes.videos.litellm import ALIAS


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeVideos]:
    with FakeVideos(getattr(request, "param", "vllm-omni"), token=TOKEN) as running:
        yield running


def on(*kinds: str) -> Any:
    return pytest.mark.parametrize("fake", kinds, indirect=True)


def states(stage: Stage, fake: FakeVideos) -> list[dict[str, Any]]:
    """What a job saves, in its order; the job itself was executed."""
    report = Recorder()
    stage.make(stage.engine(fake.url), report)
    return [dict(state) for state in report.checkpoints]


@on("vllm-omni", "sglang", "reelwright")
def test_an_accepted_job_is_followed_on(stage: Stage, fake: FakeVideos) -> None:
    accepted = states(stage, fake)[-1]
    report = Recorder()
    made = stage.make(stage.engine(fake.url), report, checkpoint=accepted)
    assert (made.facts["resumed"], made.facts["request_id"]) == (True, accepted["id"])
    assert phases(report) == []
    assert fake.executions(PROMPT) == 1


@on("vllm-omni", "sglang", "reelwright", "aquiles")
@pytest.mark.parametrize("arrived", [True, False])
def test_a_crash_while_it_was_being_submitted(stage: Stage, fake: FakeVideos, arrived: bool) -> None:
    size = {"width": 1280, "height": 720} if fake.profile.name == "aquiles" else {}
    report = Recorder()
    stage.make(stage.engine(fake.url), report, prompt=PROMPT if arrived else "another", **size)
    submitting = report.checkpoints[0]

    outcome = Running(stage.engine(fake.url), stage.job(checkpoint=submitting, **size), Recorder()).join()
    # A Reelwright knows its job by the key; vLLM-Omni's list shows it; the others tell nothing.
    if fake.profile.name == "reelwright" and not arrived:
        # That key belongs to another request, which is no crash but a changed job.
        assert outcome.code is Code.ENGINE_FAILED  # type: ignore[union-attr]
    elif arrived and fake.profile.name in ("reelwright", "vllm-omni"):
        assert isinstance(outcome, Made), outcome
        assert outcome.facts["request_id"] == report.checkpoints[1]["id"]
    else:
        assert outcome.code is Code.UNKNOWN_OUTCOME, outcome  # type: ignore[union-attr]
        assert "when_unknown" in str(outcome)
    assert fake.executions(PROMPT) == int(arrived)


@on("reelwright")
def test_a_create_that_never_arrived_is_made_by_its_key(stage: Stage, fake: FakeVideos) -> None:
    submitting = {"phase": "submitting", "url": fake.url, "n": 1, "key": "video_old-1", "since": 0.0, "others": []}
    stage.make(stage.engine(fake.url), checkpoint=submitting)
    assert [entry.headers["idempotency-key"] for entry in fake.steps("create")] == ["video_old-1"]
    assert fake.executions(PROMPT) == 1


@on("vllm-omni", "sglang", "reelwright")
def test_a_connection_that_breaks_before_the_answer(stage: Stage, fake: FakeVideos) -> None:
    fake.swallowed = 1
    outcome = Running(stage.engine(fake.url), stage.job(), Recorder()).join()
    if fake.profile.name == "sglang":
        assert outcome.code is Code.UNKNOWN_OUTCOME  # type: ignore[union-attr]
    else:
        assert isinstance(outcome, Made), outcome
    fake.until(lambda: fake.executions(PROMPT) == 1)


def test_a_gateway_without_an_answer_is_no_answer(stage: Stage, fake: FakeVideos) -> None:
    fake.scripts["create"] = [(504, {"detail": "Gateway Time-out"}, {})]
    assert stage.fail(stage.engine(fake.url)).code is Code.UNKNOWN_OUTCOME


def test_litellm_is_asked_not_to_repeat_a_create(stage: Stage, fake: FakeVideos) -> None:
    """And where it has lost the answer, nobody else is asked."""
    with FakeLiteLLM(fake, token=TOKEN) as front, FakeVideos("sglang", token=TOKEN) as other:
        engine = stage.engine({"url": front.url, "model": ALIAS}, other.url)
        fake.swallowed = 1
        error = stage.fail(engine)
        assert error.code is Code.UNKNOWN_OUTCOME
        assert (len(fake.steps("create")), other.creates) == (1, [])
        fake.until(lambda: fake.executions(PROMPT) == 1)


def test_litellm_has_no_list(stage: Stage, fake: FakeVideos) -> None:
    with FakeLiteLLM(fake, token=TOKEN) as front:
        state = {"phase": "submitting", "url": front.url, "n": 1, "key": "v-1", "since": 0.0, "others": []}
        error = stage.fail(stage.engine({"url": front.url, "model": ALIAS}), checkpoint=state)
    assert error.code is Code.UNKNOWN_OUTCOME


@on("sglang")
def test_a_server_of_ones_own_may_be_asked_again(stage: Stage, fake: FakeVideos) -> None:
    fake.swallowed = 1
    report = Recorder()
    made = stage.make(stage.engine({"url": fake.url, "when_unknown": "resubmit"}), report)
    assert (made.facts["sent_again"], made.facts["submissions"]) == (True, 2)
    assert fake.executions(PROMPT) == 2  # that is what the setting allows


def test_equal_prompts_are_not_taken_for_each_other(stage: Stage, fake: FakeVideos) -> None:
    """Two new jobs with the prompt that are not known to be others' or ours: neither is taken."""
    submitting = states(stage, fake)[0]
    stage.make(stage.engine(fake.url))
    error = stage.fail(stage.engine(fake.url), checkpoint=submitting)
    assert error.code is Code.UNKNOWN_OUTCOME
    assert fake.executions(PROMPT) == 2


def test_our_own_other_job_is_not_taken(stage: Stage, fake: FakeVideos) -> None:
    engine = stage.engine(fake.url)
    first, second = Recorder(), Recorder()
    stage.make(engine, first)
    stage.make(engine, second)
    assert second.checkpoints[0]["others"] == [first.checkpoints[1]["id"]]
    # Of the second nothing arrived but what is saved; the first is in the list, and it is not the second.
    fake.jobs.pop(second.checkpoints[1]["id"])
    error = stage.fail(stage.engine(fake.url), checkpoint=second.checkpoints[0])
    assert error.code is Code.UNKNOWN_OUTCOME


def test_a_crash_while_waiting_begins_anew(stage: Stage, fake: FakeVideos) -> None:
    stage.make(stage.engine(fake.url), checkpoint={"phase": "waiting", "n": 1})
    assert fake.executions(PROMPT) == 1


def test_nothing_is_sent_before_it_is_saved(stage: Stage, fake: FakeVideos) -> None:
    seen: list[tuple[str, int]] = []
    report = Recorder(lambda state: seen.append((state["phase"], len(fake.steps("create")))))
    stage.make(stage.engine(fake.url), report)
    assert seen == [("submitting", 0), ("accepted", 1)]


@pytest.mark.parametrize("phase", ["submitting", "accepted"])
def test_an_upstream_that_was_taken_out_of_the_settings(stage: Stage, fake: FakeVideos, phase: str) -> None:
    state = {"phase": phase, "url": "http://gone:1", "n": 1, "key": "v-1", "since": 0.0, "others": [], "id": "x"}
    error = stage.fail(stage.engine(fake.url), checkpoint=state)
    assert (error.code, "not configured any more" in error.message) == (Code.UNKNOWN_OUTCOME, True)
    assert fake.log == []
