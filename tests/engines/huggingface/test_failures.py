"""Every row of the failure table: what the upstream does, and the error that the job ends with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelwright.engines.upstream.outcomes import Scrubber, from_status
from reelwright.errors import Code
from tests.engines.huggingface.stage import IMAGE_MODEL, TEXT_MODEL, Stage
from tests.fakes.huggingface import TOKEN, FakeHuggingFace, Reply

HTML = b"<!doctype html><html><body>Sign in</body></html>"
FLAGGED = {
    "detail": [
        {
            "loc": ["body", "prompt"],
            "msg": "The content could not be processed because it was flagged by a content checker.",
            "type": "content_policy_violation",
        }
    ]
}
INVALID = {"detail": [{"loc": ["body", "num_frames"], "msg": "must be at least 81", "type": "greater_than_equal"}]}


@pytest.mark.parametrize(
    ("step", "reply", "code"),
    [
        pytest.param("hub", Reply(status=401, body={"error": "bad"}), Code.UPSTREAM_UNAUTHORIZED, id="hub-401"),
        pytest.param(
            "hub",
            Reply(status=403, headers={"X-Error-Code": "GatedRepo"}, body={"error": "gated"}),
            Code.UPSTREAM_FORBIDDEN,
            id="gated-model",
        ),
        pytest.param("submit", Reply(status=401, body={"error": "bad"}), Code.UPSTREAM_UNAUTHORIZED, id="401"),
        pytest.param(
            "submit",
            Reply(status=402, body={"error": "You have exceeded your monthly included credits"}),
            Code.UPSTREAM_PAYMENT_REQUIRED,
            id="402",
        ),
        pytest.param("submit", Reply(status=403, body={"error": "no"}), Code.UPSTREAM_FORBIDDEN, id="403"),
        pytest.param("submit", Reply(status=404, body={"error": "gone"}), Code.UPSTREAM_NOT_FOUND, id="404"),
        pytest.param("submit", Reply(status=410, body={"error": "gone"}), Code.UPSTREAM_ERROR, id="410"),
        pytest.param("submit", Reply(status=500, body={"error": "oops"}), Code.UPSTREAM_ERROR, id="500"),
        pytest.param("submit", Reply(status=504, body=b""), Code.UPSTREAM_ERROR, id="504"),
        pytest.param("submit", Reply(status=422, body=FLAGGED), Code.REFUSED, id="moderation-422"),
        pytest.param("submit", Reply(status=422, body=b"refused"), Code.REFUSED, id="plain-422"),
        pytest.param("submit", Reply(status=422, body=INVALID), Code.UPSTREAM_ERROR, id="invalid-field-422"),
        pytest.param("submit", Reply(status=400, body={"error": "NSFW prompt"}), Code.REFUSED, id="moderation-400"),
        pytest.param("submit", Reply(body=HTML), Code.UPSTREAM_ERROR, id="html-for-json"),
        pytest.param("submit", Reply(body=b""), Code.UPSTREAM_EMPTY, id="empty"),
        pytest.param("submit", Reply(cut=5), Code.UNKNOWN_OUTCOME, id="submit-cut"),
        pytest.param("submit", Reply(body={"nothing": "useful"}), Code.UPSTREAM_ERROR, id="no-request-id"),
        pytest.param("status", Reply(body=HTML), Code.UPSTREAM_ERROR, id="html-status"),
        pytest.param("status", Reply(body={"status": "FAILED"}), Code.UPSTREAM_ERROR, id="failed-status"),
        pytest.param("result", Reply(status=422, body=FLAGGED), Code.REFUSED, id="moderation-result"),
        pytest.param("result", Reply(status=500, body={"detail": "oops"}), Code.UPSTREAM_ERROR, id="result-500"),
        pytest.param("result", Reply(body={"detail": "no video"}), Code.UPSTREAM_ERROR, id="result-without-video"),
        pytest.param("result", Reply(body=HTML), Code.UPSTREAM_ERROR, id="result-html"),
        pytest.param(
            "result", Reply(body={"video": {"url": "http://v3.fal.media/x.mp4"}}), Code.BAD_OUTPUT, id="plain-http"
        ),
        pytest.param("cdn", Reply(status=404, body=b"not here"), Code.BAD_OUTPUT, id="cdn-404"),
        pytest.param("cdn", Reply(status=500, body=b"oops"), Code.UPSTREAM_ERROR, id="cdn-500"),
        pytest.param("cdn", Reply(body=HTML), Code.BAD_OUTPUT, id="cdn-html"),
        pytest.param("cdn", Reply(body=b""), Code.UPSTREAM_EMPTY, id="cdn-empty"),
        pytest.param("cdn", Reply(cut=100), Code.BAD_OUTPUT, id="cdn-cut"),
        pytest.param("cdn", Reply(stall=100), Code.TIMED_OUT, id="cdn-stall"),
        pytest.param("cdn", Reply(hang=True), Code.TIMED_OUT, id="cdn-hang"),
        pytest.param("cdn", Reply(body=b"\x00\x00\x00\x18ftypmp42" + bytes(4000)), Code.BAD_OUTPUT, id="garbage-mp4"),
    ],
)
def test_fal(stage: Stage, fake: FakeHuggingFace, step: str, reply: Reply, code: Code) -> None:
    fake.script(step, reply)
    error = stage.fail(stage.only("fal-ai"))

    assert error.code is code, (error.message, error.details)
    assert len(fake.requests("submit")) == (0 if step == "hub" else 1)
    assert TOKEN not in f"{error.message} {error.details}"


@pytest.mark.parametrize(
    ("provider", "step", "body", "code"),
    [
        ("wavespeed", "status", {"data": {"status": "failed", "error": "flagged as sensitive"}}, Code.REFUSED),
        ("wavespeed", "status", {"data": {"status": "failed", "error": "out of memory"}}, Code.UPSTREAM_ERROR),
        ("wavespeed", "status", {"data": {"status": "puzzled"}}, Code.UPSTREAM_ERROR),
        ("wavespeed", "status", {"data": {"status": "completed", "outputs": []}}, Code.UPSTREAM_ERROR),
        ("together", "status", {"status": "failed", "error": {"message": "moderation"}}, Code.REFUSED),
        ("together", "status", {"status": "failed", "error": {"message": "crashed"}}, Code.UPSTREAM_ERROR),
        ("together", "submit", {"id": "x", "status": "failed", "error": {"message": "crash"}}, Code.UPSTREAM_ERROR),
        ("replicate", "submit", {"id": "x", "status": "failed", "error": "NSFW content"}, Code.REFUSED),
        ("replicate", "status", {"id": "x", "status": "failed", "error": "CUDA error"}, Code.UPSTREAM_ERROR),
        ("replicate", "submit", {"id": "x", "status": "starting", "output": None}, Code.UPSTREAM_LOADING),
        ("novita", "submit", {"video": {}}, Code.UPSTREAM_ERROR),
    ],
)
def test_the_others(
    stage: Stage, fake: FakeHuggingFace, provider: str, step: str, body: dict[str, Any], code: Code
) -> None:
    fake.script(step, Reply(body=body))
    error = stage.fail(stage.only(provider, tries=1))

    assert error.code is code, (error.message, error.details)
    assert len(fake.requests("submit")) == 1


@pytest.mark.parametrize(
    ("headers", "body", "retry_after"),
    [
        ({"Retry-After": "0.02"}, {}, 0.02),
        ({}, {"error": "slow down"}, 60.0),
    ],
)
def test_a_rate_limit_is_tried_three_times(
    stage: Stage, fake: FakeHuggingFace, headers: dict[str, str], body: dict[str, Any], retry_after: float
) -> None:
    fake.script("submit", Reply(status=429, headers=headers, body=body))
    error = stage.fail(stage.only("fal-ai"))

    assert (error.code, error.retry_after) == (Code.UPSTREAM_RATE_LIMITED, retry_after)
    assert len(fake.requests("submit")) == 3


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Retry-After": "9" * 400}, {}),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}, {}),
        ({"Retry-After": "soon"}, {}),
        ({}, b'{"estimated_time": NaN}'),
        ({}, b'{"estimated_time": 1e999}'),
        ({}, b'{"estimated_time": ' + b"9" * 400 + b"}"),
    ],
)
def test_a_wait_that_is_none_counts_as_absent(headers: dict[str, str], body: bytes | dict[str, Any]) -> None:
    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
    lowered = {name.lower(): value for name, value in headers.items()}
    assert from_status(429, lowered, text, "fal-ai", Scrubber([])).wait is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Retry-After": "999999999"}, {}),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, {}),
        ({"ratelimit": '"api";r=0;t=' + "9" * 400}, {}),
        ({}, {"estimated_time": 1e12}),
    ],
)
def test_no_provider_makes_a_client_wait_for_years(
    stage: Stage, fake: FakeHuggingFace, headers: dict[str, str], body: dict[str, Any]
) -> None:
    fake.script("submit", Reply(status=429, headers=headers, body=body))
    error = stage.fail(stage.only("fal-ai"))
    assert (error.code, error.retry_after) == (Code.UPSTREAM_RATE_LIMITED, 3600)
    assert len(fake.requests("submit")) == 1


def test_the_ratelimit_header_names_the_wait(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=429, headers={"ratelimit": '"api";r=0;t=55'}))
    assert stage.fail(stage.only("fal-ai")).retry_after == 55


def test_loading_is_waited_for(stage: Stage, fake: FakeHuggingFace) -> None:
    loading = Reply(status=503, body={"error": "Model is currently loading", "estimated_time": 0.05})
    fake.script("submit", loading, loading, Reply())
    made = stage.make(stage.only("fal-ai"))

    assert [entry["outcome"] for entry in made.facts["tries"]] == ["upstream_loading", "upstream_loading", "completed"]


def test_loading_for_longer_than_the_deadline_ends_at_once(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=503, body={"error": "loading", "estimated_time": 400}))
    error = stage.fail(stage.only("fal-ai"))

    assert (error.code, error.retry_after) == (Code.UPSTREAM_LOADING, 400)
    assert len(fake.requests("submit")) == 1
    assert error.details == '{"error": "loading", "estimated_time": 400}'


def test_without_a_token_nothing_is_asked(stage: Stage, fake: FakeHuggingFace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    error = stage.fail(stage.only("fal-ai"))

    assert error.code is Code.ENGINE_NOT_CONFIGURED
    assert "HF_TOKEN" in error.message
    assert fake.log == []


def test_a_foreign_token_is_sent_to_nobody(
    stage: Stage, fake: FakeHuggingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "sk-not-a-hub-token")
    assert stage.fail(stage.only("fal-ai")).code is Code.UPSTREAM_UNAUTHORIZED
    assert fake.log == []


def test_a_wrong_token(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    error = stage.fail(stage.only("fal-ai"))
    assert (error.code, error.details) == (Code.UPSTREAM_UNAUTHORIZED, '{"error": "Invalid username or password."}')


def test_an_unknown_model(stage: Stage, fake: FakeHuggingFace) -> None:
    error = stage.fail(stage.only("fal-ai", "nobody/nothing"), model="nobody/nothing")
    assert error.code is Code.UPSTREAM_NOT_FOUND


@pytest.mark.parametrize("mapping", [[], [("novita", "x", "text-to-video")], [("fal-ai", "x", "text-to-image")]])
def test_a_model_that_the_provider_does_not_serve(
    stage: Stage, fake: FakeHuggingFace, mapping: list[tuple[str, str, str]]
) -> None:
    fake.models[TEXT_MODEL] = mapping
    assert stage.fail(stage.only("fal-ai")).code is Code.UPSTREAM_NOT_FOUND


def test_details_are_scrubbed_and_cut(stage: Stage, fake: FakeHuggingFace) -> None:
    text = f"no: Bearer abc.def {TOKEN} hf_anotherToken123 " + "x" * 5000
    fake.script("submit", Reply(status=500, body=text.encode()))
    error = stage.fail(stage.only("fal-ai"))

    assert error.details is not None
    assert error.details.startswith("no: [token] [token] [token] xxx")
    assert len(error.details) == 2000


def test_a_result_over_the_limit_is_refused(stage: Stage, fake: FakeHuggingFace) -> None:
    error = stage.fail(stage.only("fal-ai", max_bytes=500))
    assert error.code is Code.BAD_OUTPUT
    assert "500 bytes" in error.message


def test_an_answer_without_end_does_not_fill_the_memory(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(body=b"x" * (6 * 1024 * 1024)))
    error = stage.fail(stage.only("fal-ai"))
    assert error.code is Code.BAD_OUTPUT
    assert "larger than" in error.message


def test_a_broken_download_is_begun_again(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("cdn", Reply(cut=100), Reply(status=503), Reply())
    made = stage.make(stage.only("fal-ai"))

    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == fake.clip
    assert len(fake.requests("cdn")) == 3
    assert len(fake.requests("submit")) == 1


def test_failing_polls_are_repeated_not_sent_again(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("status", Reply(status=502), Reply(status=503), Reply(cut=3), Reply())
    stage.make(stage.only("fal-ai"))
    assert len(fake.requests("submit")) == 1


@pytest.mark.parametrize(
    ("step", "host"), [("submit", "evil.example"), ("status", "evil.example"), ("hub", "evil.example")]
)
def test_a_redirect_to_another_host_is_not_followed(stage: Stage, fake: FakeHuggingFace, step: str, host: str) -> None:
    fake.script(step, Reply(status=302, headers={"Location": f"https://{host}/steal"}))
    error = stage.fail(stage.only("fal-ai"))

    assert error.code is Code.UPSTREAM_ERROR
    assert [entry for entry in fake.log if entry.host == host] == []


def test_a_redirected_result_is_fetched_without_a_token(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("cdn", Reply(status=302, headers={"Location": "https://storage.example/file.mp4"}), Reply())
    stage.make(stage.only("fal-ai"))

    assert [entry.host for entry in fake.requests("cdn")] == ["v3.fal.media", "storage.example"]


def test_the_picture_of_a_chain_must_be_one(stage: Stage, fake: FakeHuggingFace) -> None:
    engine = stage.engine(
        text_to_video=[],
        image_to_video=[["fal-ai", IMAGE_MODEL]],
        chain={"text_to_image": ["hf-inference", "black-forest-labs/FLUX.1-schnell"]},
    )
    fake.script("picture", Reply(body=HTML))
    assert stage.fail(engine, model=IMAGE_MODEL).code is Code.BAD_OUTPUT
    assert fake.requests("submit") == []
