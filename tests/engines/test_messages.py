"""The messages between the server and a child: each comes back as it was, on one line."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.engines import messages
from reelwright.engines.engine import RenderJob
from reelwright.engines.messages import decode, encode
from reelwright.video import Failure, Task, VideoSpec

JOB = RenderJob(
    video_id="video_1",
    attempt=2,
    spec=VideoSpec(
        prompt="line\nbreak \u2028 日本 \ud800 \x00",
        engine="toy",
        model="toy",
        task=Task.TEXT_TO_VIDEO,
        width=64,
        height=48,
        num_frames=5,
        fps=12,
        seed=7,
    ),
    scratch=Path("/tmp/a b"),
    last_image_path=Path("/tmp/last.png"),
    checkpoint={"step": 3},
    seconds_left=1.5,
    silence_s=60.0,
)
EVERY = [
    messages.Load(engine="toy", options={"a": [1, None, {"b": 0.5}]}),
    messages.Generate(job=JOB),
    messages.Generate(job=replace(JOB, seconds_left=math.inf, image_path=Path("/tmp/first.png"))),
    messages.Cancel(video_id="video_1"),
    messages.Saved(video_id="video_1", serial=7),
    messages.Loaded(facts={"torch": "2.13"}),
    messages.Progress(video_id="video_1", done=1, total=24),
    messages.Stage(video_id="video_1", name="loading the weights"),
    messages.Alive(video_id="video_1"),
    messages.Preview(video_id="video_1", data=bytes(range(256)), media_type="image/webp"),
    messages.Checkpoint(video_id="video_1", serial=1, state={"step": 3}),
    messages.Done(video_id="video_1", fps=12.0, num_frames=24, path=None, facts={}),
    messages.State(state={"memory_mb": 512}),
    messages.Failed(video_id=None, failure=Failure(code="engine_failed", message="x\ny", details="é", retry_after=2.5)),
]


@pytest.mark.parametrize("message", EVERY, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_was(message: messages.Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert decode(line) == message


def test_every_kind_is_tested() -> None:
    assert {type(message) for message in EVERY} == set(messages._KINDS)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"not json\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b'{"type": "nope"}\n',
        b'{"type": null}\n',
        b'{"type": []}\n',
        b'{"type": "cancel"}\n',
        b'{"type": "cancel", "video_id": "video_1", "more": 1}\n',
        b'{"type": "failed", "video_id": null, "failure": null}\n',
        b'{"type": "preview", "video_id": "video_1", "data": "A", "media_type": "image/webp"}\n',
        b"\xff\n",
        b"{\n",
    ],
)
def test_anything_else_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of JSON's or of ours
        decode(line)
