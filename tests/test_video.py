"""The words of the house: plain values that survive the database and cannot be changed."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from reelwright.clock import SystemClock, iso_milliseconds
from reelwright.errors import (
    BadRequest,
    Cancelled,
    Code,
    EngineError,
    ReelwrightError,
    invalid,
)
from reelwright.video import Failure, Image, Status, Task, Unused, Video, VideoSpec

NOW = datetime(2026, 11, 5, 12, 0, 0, 999_999, UTC)
SPEC = VideoSpec(
    prompt="שלום \ud83c🎬",
    engine="toy",
    model="toy",
    task=Task.IMAGE_TO_VIDEO,
    width=64,
    height=128,
    num_frames=30,
    fps=12,
    seed=2**63 - 1,
    seed_given=True,
    guidance_scale=0.1,
    image=Image(sha256="0" * 64, media_type="image/png", width=1, height=2),
    params={"a": [None, {"b": True}]},
    unused=(Unused(field="negative_prompt", reason="the model cannot do it."),),
)


def test_a_request_survives_json() -> None:
    assert VideoSpec.from_json(json.loads(json.dumps(SPEC.to_json()))) == SPEC
    plain = dataclasses.replace(SPEC, image=None, params={}, unused=())
    assert VideoSpec.from_json(json.loads(json.dumps(plain.to_json()))) == plain


def test_a_request_of_an_unknown_task_is_no_request() -> None:
    with pytest.raises(ValueError, match="nope"):
        VideoSpec.from_json({**SPEC.to_json(), "task": "nope"})


def test_values_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SPEC.prompt = "another"  # type: ignore[misc]


def test_the_length_of_a_video() -> None:
    assert SPEC.seconds == 2.5


def test_the_states_that_end_a_video() -> None:
    assert {status for status in Status if status.terminal} == {Status.COMPLETED, Status.FAILED}


def test_how_long_it_took_is_known_once_it_has_ended() -> None:
    video = Video(id="v", owner="", status=Status.QUEUED, spec=SPEC, created_at=NOW)
    assert video.generation_seconds is None
    begun = dataclasses.replace(video, started_at=NOW)
    assert begun.generation_seconds is None
    assert dataclasses.replace(begun, completed_at=NOW + timedelta(seconds=12.34)).generation_seconds == 12.34


def test_times_are_written_as_javascript_does() -> None:
    assert iso_milliseconds(NOW) == "2026-11-05T12:00:00.999Z"
    assert iso_milliseconds(datetime.fromisoformat("2026-11-05T13:30:00.000+02:00")) == "2026-11-05T11:30:00.000Z"
    assert SystemClock().now().tzinfo is UTC


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", list(Code))
def test_a_failure_comes_back_as_the_error_it_was(code: Code) -> None:
    failure = Failure(code=code, message="It went wrong", details="…", retry_after=2.5)
    error = EngineError.from_failure(failure)
    assert error.to_failure() == failure
    assert isinstance(error, Cancelled) == (code is Code.CANCELLED)


def test_a_message_can_always_be_sent() -> None:
    error = ReelwrightError("half \ud800 of a pair", field="\udfff", details="\ud800")
    for text in (error.message, error.field, error.details):
        assert text
        text.encode()


def test_a_refusal_names_the_field_the_value_and_the_remedy() -> None:
    error = invalid("fps", 61, "Must be between 1 and 60.")
    assert isinstance(error, BadRequest)
    assert (error.message, error.field) == ("Invalid fps: 61. Must be between 1 and 60.", "fps")


@pytest.mark.parametrize("value", ["x" * 10_000_000, ["x" * 1_000] * 10, {"a": "b" * 1_000}, 10**4_000, "\ud800" * 500])
def test_a_long_value_is_shortened(value: object) -> None:
    assert len(invalid("field", value, "Send less.").message) < 130
