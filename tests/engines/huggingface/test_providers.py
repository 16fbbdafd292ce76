"""The real client of every provider against the fake: the wire, the record, the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelwright.testing import Recorder
from tests.engines.huggingface.stage import IMAGE_MODEL, PICTURE_MODEL, TEXT_MODEL, Stage
from tests.engines.remote import phases
from tests.fakes.huggingface import FakeHuggingFace, picture

TEXT_PROVIDERS = ("fal-ai", "novita", "replicate", "together", "wavespeed")
IMAGE_PROVIDERS = ("fal-ai", "together", "wavespeed")
PICTURE_PROVIDERS = ("fal-ai", "hf-inference", "nscale", "replicate", "together", "wavespeed", "zai-org")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "input"
    path.write_bytes(picture())
    return path


@pytest.mark.parametrize("provider", TEXT_PROVIDERS)
def test_text_to_video(stage: Stage, fake: FakeHuggingFace, provider: str) -> None:
    engine, report = stage.only(provider), Recorder()
    made = engine.generate(stage.job(), report)

    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == fake.clip
    assert (made.clip.num_frames, made.clip.fps) == (8, 12.0)
    assert made.facts["provider"] == provider
    assert made.facts["model"] == TEXT_MODEL
    assert made.facts["tries"] == [{"provider": provider, "model": TEXT_MODEL, "outcome": "completed"}]
    assert provider == "novita" or made.facts["request_id"].startswith("req-")
    assert len(fake.requests("submit")) == 1
    assert phases(report) == ["submitting", "accepted"]
    assert "hf_" not in json.dumps(report.checkpoints)


@pytest.mark.parametrize("provider", IMAGE_PROVIDERS)
def test_image_to_video(stage: Stage, fake: FakeHuggingFace, image: Path, provider: str) -> None:
    made = stage.make(stage.only(provider, IMAGE_MODEL), model=IMAGE_MODEL, image=image)

    assert made.facts["provider"] == provider
    [sent] = fake.requests("submit")
    assert b"data:image/" in sent.body
    assert b"A red fox in the snow" in sent.body


def test_fal_gets_frames_resolution_and_aspect(stage: Stage, fake: FakeHuggingFace) -> None:
    made = stage.make(
        stage.only("fal-ai"), width=576, height=1024, negative_prompt="blur", guidance_scale=3.5, seed=2**40 + 5
    )

    assert json.loads(fake.requests("submit")[0].body) == {
        "prompt": "A red fox in the snow",
        "negative_prompt": "blur",
        "guidance_scale": 3.5,
        "seed": 5,
        "num_frames": 24,
        "frames_per_second": 12,
        "resolution": "580p",
        "aspect_ratio": "9:16",
    }
    assert made.facts["adjusted"] == {"seed": [2**40 + 5, 5], "size": ["576x1024", "580p 9:16"]}


def test_replicate_gets_at_least_81_frames(stage: Stage, fake: FakeHuggingFace) -> None:
    made = stage.make(stage.only("replicate"))

    assert json.loads(fake.requests("submit")[0].body)["input"]["num_frames"] == 81
    assert made.facts["adjusted"]["num_frames"] == [24, 81]


def test_together_gets_seconds_and_pixels(stage: Stage, fake: FakeHuggingFace) -> None:
    stage.make(stage.only("together"), num_inference_steps=20)

    sent = json.loads(fake.requests("submit")[0].body)
    assert (sent["seconds"], sent["fps"], sent["width"], sent["height"], sent["steps"]) == ("2", 12, 512, 512, 20)


def test_wavespeed_gets_a_size_and_a_duration(stage: Stage, fake: FakeHuggingFace) -> None:
    stage.make(stage.only("wavespeed"), width=720, height=1280, num_frames=70)

    sent = json.loads(fake.requests("submit")[0].body)
    assert (sent["size"], sent["duration"]) == ("720*1280", 8)


@pytest.mark.parametrize("provider", PICTURE_PROVIDERS)
def test_the_chain_makes_a_picture_first(stage: Stage, fake: FakeHuggingFace, provider: str) -> None:
    engine = stage.engine(
        text_to_video=[],
        image_to_video=[["fal-ai", IMAGE_MODEL]],
        chain={"text_to_image": [provider, PICTURE_MODEL]},
    )
    made = stage.make(engine, model=IMAGE_MODEL)

    assert made.facts["chain"] == {"text_to_image": [provider, PICTURE_MODEL]}
    assert len(fake.requests("picture")) == len(fake.requests("submit")) == 1
    assert b"data:image/png;base64" in fake.requests("submit")[0].body


def test_a_finished_picture_is_not_made_again(stage: Stage, fake: FakeHuggingFace) -> None:
    engine = stage.engine(
        text_to_video=[],
        image_to_video=[["fal-ai", IMAGE_MODEL]],
        chain={"text_to_image": ["fal-ai", PICTURE_MODEL]},
    )
    report = Recorder()
    engine.generate(stage.job(model=IMAGE_MODEL, video_id="video_same"), report)
    assert phases(report) == ["submitting", "waiting", "submitting", "accepted"]
    assert [state.get("stage") for state in report.checkpoints] == ["image", None, "video", None]

    stage.make(engine, model=IMAGE_MODEL, video_id="video_same", checkpoint=report.checkpoints[1])
    assert len(fake.requests("picture")) == 1
    assert len(fake.requests("submit")) == 2


def test_the_result_is_fetched_without_a_token(stage: Stage, fake: FakeHuggingFace) -> None:
    stage.make(stage.only("fal-ai"))

    [fetch] = fake.requests("cdn")
    assert fetch.host == "v3.fal.media"
    assert "authorization" not in fetch.headers
