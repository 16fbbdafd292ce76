"""Every way in which a server fails, and what the job then does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from reelwright.errors import Code
from reelwright.testing import Recorder
from tests.engines.openai.stage import Stage
from tests.engines.remote import PROMPT, Running, phases
from tests.fakes.videos import TOKEN, FakeLiteLLM, FakeVideos
from tests.fakes.videos.litellm import ALIAS
from tests.fakes.videos.movies import movie

VIDEO = movie(64, 64, 8, 8)


@pytest.fixture
def fake() -> Iterator[FakeVideos]:
    with FakeVideos("vllm-omni", token=TOKEN) as running:
        yield running


@pytest.fixture
def other() -> Iterator[FakeVideos]:
    with FakeVideos("sglang", token=TOKEN) as running:
        yield running


CREATES: list[tuple[str, int, Any, dict[str, str], Code, str]] = [
    ("no token", 401, {"detail": "Unauthorized"}, {}, Code.UPSTREAM_UNAUTHORIZED, "does not accept the token"),
    ("no permission", 403, {"error": {"message": "no"}}, {}, Code.UPSTREAM_FORBIDDEN, "lacks a permission"),
    ("no credits", 402, {"detail": "pay"}, {}, Code.UPSTREAM_PAYMENT_REQUIRED, "out of credits"),
    ("no such route", 404, {"detail": "Not Found"}, {}, Code.ENGINE_NOT_CONFIGURED, "does not speak /v1/videos"),
    ("no such method", 405, {"detail": "Method Not Allowed"}, {}, Code.ENGINE_NOT_CONFIGURED, "/v1/videos"),
    ("moderated", 400, {"error": {"message": "flagged by moderation"}}, {}, Code.REFUSED, "refused the prompt"),
    ("bad field", 400, {"error": {"message": "too long", "param": "fps"}}, {}, Code.ENGINE_FAILED, "the field fps"),
    ("too large", 413, {"detail": "Request Entity Too Large"}, {}, Code.ENGINE_FAILED, "Too Large"),
    (
        "FastAPI's list",
        422,
        {"detail": [{"type": "int_parsing", "loc": ["body", "seed"], "msg": "Input should be an integer"}]},
        {},
        Code.ENGINE_FAILED,
        "the field seed: seed: Input should be an integer",
    ),
    ("another model", 400, {"error": {"message": "no", "param": "model"}}, {}, Code.UPSTREAM_NOT_FOUND, "this model"),
    ("rate limit", 429, {"detail": "slow"}, {"Retry-After": "60"}, Code.UPSTREAM_RATE_LIMITED, "limits the rate"),
    ("conflict", 409, {"detail": "busy"}, {"Retry-After": "60"}, Code.UPSTREAM_RATE_LIMITED, "takes no job"),
    ("full", 503, {"detail": "limit"}, {"Retry-After": "60"}, Code.UPSTREAM_LOADING, "takes no job"),
    ("broken", 500, {"detail": "boom"}, {}, Code.UPSTREAM_ERROR, "answered 500"),
]


@pytest.mark.parametrize(("case", "status", "body", "headers", "code", "words"), CREATES, ids=[c[0] for c in CREATES])
def test_a_create_that_is_refused(
    stage: Stage, fake: FakeVideos, case: str, status: int, body: Any, headers: dict[str, str], code: Code, words: str
) -> None:
    fake.scripts["create"] = [(status, body, headers)] * 9
    error = stage.fail(stage.engine(fake.url))
    assert (error.code, words in error.message) == (code, True), error.message
    assert error.field == ("fps" if case == "bad field" else "seed" if case == "FastAPI's list" else None)
    assert TOKEN not in error.message + (error.details or "")
    assert fake.executions(PROMPT) == 0


@pytest.mark.parametrize("case", ["broken", "no such route", "another model", "full", "down"])
def test_the_next_server_makes_what_one_does_not_take(
    stage: Stage, fake: FakeVideos, other: FakeVideos, case: str
) -> None:
    if case == "down":
        fake.down()
    else:
        fake.scripts["create"] = [
            (status, body, headers) for name, status, body, headers, *_ in CREATES if name == case
        ]
    report = Recorder()
    made = stage.make(stage.engine(fake.url, other.url), report)
    if case == "down":
        fake.up()
    assert (fake.executions(PROMPT), other.executions(PROMPT)) == (0, 1)
    assert [entry["outcome"] for entry in made.facts["tries"]][-1] == "completed"
    assert phases(report) == ["submitting", "submitting", "accepted"]


def test_a_full_server_is_asked_again_when_it_says(stage: Stage) -> None:
    with FakeVideos("reelwright", token=TOKEN) as fake:
        fake.full = 1
        report = Recorder()
        stage.make(stage.engine(fake.url), report)
        assert fake.executions(PROMPT) == 1
        assert phases(report) == ["submitting", "waiting", "submitting", "accepted"]


FAILURES: list[tuple[str, Any, str, Code]] = [
    ("out of memory", 507, "CUDA out of memory. Tried to allocate 20 GiB", Code.OUT_OF_MEMORY),
    ("moderation", "content_policy", "Rejected by the safety checker", Code.REFUSED),
    ("anything else", "engine_error", "boom", Code.UPSTREAM_ERROR),
]


@pytest.mark.parametrize("kind", ["vllm-omni", "sglang", "aquiles", "reelwright", "litellm"])
@pytest.mark.parametrize(("case", "code", "message", "ours"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_job_that_fails_is_told_as_what_it_is(
    stage: Stage, kind: str, case: str, code: Any, message: str, ours: Code
) -> None:
    """Whether its object comes with 200, with 500, or quoted in the message of an error."""
    with FakeVideos("vllm-omni" if kind == "litellm" else kind, token=TOKEN) as fake:
        fake.gpu.failures[PROMPT] = (code, message)
        with FakeLiteLLM(fake, token=TOKEN) as front:
            upstream = {"url": front.url, "model": ALIAS} if kind == "litellm" else {"url": fake.url}
            size = {"width": 1280, "height": 720} if kind == "aquiles" else {}
            error = stage.fail(stage.engine(upstream), **size)
        assert (error.code, error.details) == (ours, message)
        assert fake.executions(PROMPT) == 1


def test_another_server_may_have_the_memory(stage: Stage, fake: FakeVideos, other: FakeVideos) -> None:
    fake.gpu.failures[PROMPT] = (507, "CUDA out of memory")
    made = stage.make(stage.engine(fake.url, other.url))
    assert [entry["outcome"] for entry in made.facts["tries"]] == ["out_of_memory", "completed"]
    assert made.facts["submissions"] == 2


def test_looks_that_fail_are_repeated(stage: Stage, fake: FakeVideos) -> None:
    """Another replica knows nothing, gateways have their moments, and a server may be away for a while."""
    fake.strays = 2
    fake.scripts["look"] = [(502, {"detail": "bad gateway"}, {}), (429, {"detail": "slow"}, {"Retry-After": "0"})]
    fake.gpu.held = True
    job = Running(stage.engine(fake.url), stage.job(), Recorder())
    fake.until(lambda: len(fake.steps("look")) > 4)
    fake.scripts["look"] = [(503, {"detail": "away"}, {})] * 20
    fake.until(lambda: not fake.scripts["look"])
    fake.gpu.held = False
    job.made()
    assert fake.executions(PROMPT) == 1


def test_a_lost_job_is_sent_again_to_a_server_of_ones_own(stage: Stage, fake: FakeVideos) -> None:
    fake.gpu.held = True
    report = Recorder()
    job = Running(stage.engine(fake.url), stage.job(), report)
    fake.until(lambda: fake.gpu.busy)
    fake.restart()
    fake.gpu.held = False
    made = job.made()
    assert made.facts["submissions"] == 2
    assert [state.get("key") for state in report.checkpoints] == ["video_1-1", None, "video_1-2", None]
    assert fake.gpu.finished[PROMPT] == 1


def test_a_lost_job_may_be_billed_elsewhere(stage: Stage, fake: FakeVideos) -> None:
    fake.gpu.held = True
    engine = stage.engine({"url": fake.url, "when_lost": "fail"})
    job = Running(engine, stage.job(), Recorder())
    fake.until(lambda: fake.gpu.busy)
    fake.restart()
    error = job.join()
    assert "has lost the job" in str(error)
    assert fake.executions(PROMPT) == 1


def test_a_job_that_somebody_removed_is_not_made_again(stage: Stage) -> None:
    with FakeVideos("reelwright", token=TOKEN) as fake:
        fake.gpu.held = True
        job = Running(stage.engine(fake.url), stage.job(), Recorder())
        fake.until(lambda: fake.gpu.busy)
        fake.restart()
        fake.gpu.held = False
        assert "was removed at" in str(job.join())
        assert fake.executions(PROMPT) == 1


def test_a_server_that_goes_away_for_long_is_replaced(stage: Stage, fake: FakeVideos, other: FakeVideos) -> None:
    fake.gpu.held = True
    job = Running(stage.engine(fake.url, other.url), stage.job(), Recorder())
    fake.until(lambda: fake.gpu.busy)
    fake.down()
    made = job.made()
    fake.up()
    assert made.facts["left_running"] == [fake.url.removeprefix("http://")]
    assert other.executions(PROMPT) == 1


def test_the_file_may_come_later_and_in_pieces(stage: Stage, fake: FakeVideos) -> None:
    fake.late_files = 3
    fake.cut_at = 400
    made = stage.make(stage.engine(fake.url))
    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == VIDEO


def test_a_file_that_stays_away(stage: Stage, fake: FakeVideos) -> None:
    fake.file_gone = True
    error = stage.fail(stage.engine(fake.url, file_seconds=0.1))
    assert error.code is Code.BAD_OUTPUT
    assert fake.executions(PROMPT) == 1


def test_a_file_in_a_cloud_is_fetched_from_there(stage: Stage, other: FakeVideos) -> None:
    other.cloud = True
    made = stage.make(stage.engine(other.url))
    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == VIDEO
    assert len(other.steps("cloud")) == 1


def test_an_address_elsewhere_needs_tls(stage: Stage, fake: FakeVideos, other: FakeVideos) -> None:
    """What a server names is asked without the token, and never in the clear."""
    fake.scripts["look"] = [(200, {"id": "x", "status": "completed", "url": f"{other.url}/cloud/x"}, {})]
    fake.scripts["content"] = [(400, {"detail": "use the cloud URL"}, {})]
    error = stage.fail(stage.engine(fake.url))
    assert (error.code, "https" in error.message) == (Code.BAD_OUTPUT, True)
    assert other.log == []


def test_a_cancel_ends_the_work(stage: Stage, fake: FakeVideos) -> None:
    fake.slow_deletes = 1
    fake.gpu.held = True
    report = Recorder()
    job = Running(stage.engine(fake.url), stage.job(), report)
    fake.until(lambda: fake.gpu.busy)
    report.cancel()
    assert "cancelled" in str(job.join())
    fake.until(lambda: len(fake.steps("delete")) == 2)
    fake.gpu.held = False
    fake.until(lambda: not fake.gpu.busy)
    assert fake.gpu.finished[PROMPT] == 0


class CancelledOnAcceptance(Recorder):
    """The client cancels while the engine stores that the server has taken the job."""

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        if state["phase"] == "accepted":
            self.cancel()
        super().checkpoint(state)


def test_a_cancel_in_the_moment_of_acceptance_ends_the_work(stage: Stage, fake: FakeVideos) -> None:
    fake.gpu.held = True
    job = Running(stage.engine(fake.url), stage.job(), CancelledOnAcceptance())
    assert "cancelled" in str(job.join())
    fake.until(lambda: fake.steps("delete"))
    fake.gpu.held = False
    fake.until(lambda: not fake.gpu.busy)
    assert fake.gpu.finished[PROMPT] == 0


def test_a_reelwright_is_asked_to_cancel(stage: Stage) -> None:
    with FakeVideos("reelwright", token=TOKEN) as fake:
        fake.gpu.held = True
        report = Recorder()
        job = Running(stage.engine(fake.url), stage.job(), report)
        fake.until(lambda: fake.gpu.busy)
        report.cancel()
        job.join()
        fake.until(lambda: fake.steps("cancel"))
        assert fake.steps("delete") == []


def test_what_cannot_be_cancelled_is_said(stage: Stage, fake: FakeVideos, capfd: pytest.CaptureFixture[str]) -> None:
    with FakeLiteLLM(fake, token=TOKEN) as front:
        fake.gpu.held = True
        report = Recorder()
        job = Running(stage.engine({"url": front.url, "model": ALIAS}), stage.job(), report)
        fake.until(lambda: fake.gpu.busy)
        report.cancel()
        job.join()
        front.until(lambda: any(method == "DELETE" for method, _ in front.log))
        stage.wait_for_ends()
        fake.gpu.held = False
    assert "it may run on" in capfd.readouterr().err


def test_a_server_that_takes_too_long_is_told_to_stop_before_the_next_is_asked(
    stage: Stage, fake: FakeVideos, other: FakeVideos
) -> None:
    fake.gpu.held = True
    made = stage.make(stage.engine(fake.url, other.url, route_seconds=0.3))
    assert [entry["outcome"] for entry in made.facts["tries"]] == ["timed_out", "completed"]
    assert len(fake.steps("delete")) == 1
    fake.gpu.held = False
    fake.until(lambda: not fake.gpu.busy)
    assert (fake.gpu.finished[PROMPT], other.executions(PROMPT)) == (0, 1)


def test_what_may_run_on_is_not_sent_elsewhere(stage: Stage, fake: FakeVideos, other: FakeVideos) -> None:
    fake.gpu.held = True
    upstream = {"url": fake.url, "cancel": "none"}
    assert stage.fail(stage.engine(upstream, other.url, route_seconds=0.3)).code is Code.TIMED_OUT
    assert (fake.steps("delete"), other.creates) == ([], [])
    fake.gpu.held = False


def test_the_token_may_have_a_header_of_its_own(stage: Stage) -> None:
    with FakeVideos("vllm-omni") as fake:
        stage.make(stage.engine(fake.url, auth_header="X-API-Key"))
        assert {entry.headers.get("x-api-key") for entry in fake.log} == {TOKEN}
        assert {entry.headers.get("authorization") for entry in fake.log} == {None}


def test_a_job_ends_at_its_deadline_there_too(stage: Stage, fake: FakeVideos) -> None:
    fake.gpu.held = True
    error = stage.fail(stage.engine(fake.url), seconds=0.3)
    assert error.code is Code.TIMED_OUT
    fake.until(lambda: fake.steps("delete"))
