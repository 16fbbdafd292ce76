"""Every kind of server makes a video, each in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from reelwright.engines.openai.engine import OpenAIEngine
from reelwright.testing import Recorder
from tests.engines.openai.stage import Stage
from tests.engines.remote import PROMPT, Running, parts, phases
from tests.fakes.videos import PROFILES, TOKEN, FakeLiteLLM, FakeVideos
from tests.fakes.videos.litellm import ALIAS
from tests.fakes.videos.movies import movie, still

KINDS = [*PROFILES, "litellm"]


@dataclass
class Upstream:
    """A running server of some kind: `gpu` is the one that does the work, maybe behind a LiteLLM."""

    kind: str
    gpu: FakeVideos
    url: str

    def engine(self, stage: Stage, **options: object) -> OpenAIEngine:
        model = ALIAS if self.kind == "litellm" else None
        return stage.engine({"url": f"{self.url}/v1", "model": model}, **options)


def among(*kinds: str) -> Any:
    return pytest.mark.parametrize("upstream", kinds, indirect=True)


@pytest.fixture
def upstream(request: pytest.FixtureRequest) -> Iterator[Upstream]:
    with ExitStack() as stack:
        kind = request.param
        gpu = stack.enter_context(FakeVideos("vllm-omni" if kind == "litellm" else kind, token=TOKEN))
        url = stack.enter_context(FakeLiteLLM(gpu, token=TOKEN)).url if kind == "litellm" else gpu.url
        yield Upstream(kind, gpu, url)


@among(*KINDS)
def test_a_video_is_made_once_and_the_record_says_where(stage: Stage, upstream: Upstream) -> None:
    report = Recorder()
    size = {"width": 1280, "height": 720} if upstream.kind == "aquiles" else {}
    made = stage.make(upstream.engine(stage), report, **size)

    frames, fps = (9, 16) if upstream.kind == "aquiles" else (8, 8)
    width, height = (1280, 720) if upstream.kind == "aquiles" else (64, 64)
    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == movie(width, height, frames, fps)
    assert upstream.gpu.executions(PROMPT) == 1
    assert phases(report) == ["submitting", "accepted"]
    assert made.facts["provider"] == upstream.url.removeprefix("http://")
    assert made.facts["request_id"] == report.checkpoints[-1]["id"]
    # Aquiles-Image makes what it always makes, and the record says so.
    assert made.facts["adjusted"] == ({"num_frames": [8, 9], "fps": [8, 16.0]} if upstream.kind == "aquiles" else {})
    assert TOKEN not in str(made.facts) + str(report.checkpoints)


@among("vllm-omni", "sglang", "sglang-old", "reelwright")
def test_every_create_carries_a_key_of_its_job(stage: Stage, upstream: Upstream) -> None:
    report = Recorder()
    stage.make(upstream.engine(stage), report)
    keys = {entry.headers["idempotency-key"] for entry in upstream.gpu.steps("create")}
    assert keys == {report.checkpoints[0]["key"]} == {"video_1-1"}


@among("vllm-omni", "sglang", "sglang-old", "reelwright", "litellm")
def test_progress_is_told_where_it_moves_before_the_end(stage: Stage, upstream: Upstream) -> None:
    report = Recorder()
    upstream.gpu.gpu.step_s = 0.03
    made = stage.make(upstream.engine(stage), report)
    if upstream.kind == "reelwright":
        assert parts(report) == sorted(set(parts(report)))
        assert {0.25, 0.5} <= set(parts(report))
        assert made.facts["progress"] == "upstream"
        assert (still(1), "image/webp") in report.previews
    else:
        assert parts(report) == []
        assert "progress" not in made.facts


@pytest.mark.parametrize(
    ("kind", "body"), [("vllm-omni", "auto"), ("sglang", "json"), ("sglang-old", "auto"), ("reelwright", "auto")]
)
def test_an_image_goes_along(stage: Stage, kind: str, body: str) -> None:
    with FakeVideos(kind, token=TOKEN) as fake:
        picture = stage.picture()
        stage.make(stage.engine({"url": fake.url, "body": body}), image=picture)
        assert [asked.image for asked in fake.creates] == [picture.read_bytes()]


def test_what_a_server_reads_is_learnt_once(stage: Stage) -> None:
    with FakeVideos("sglang-old", token=TOKEN) as fake:
        engine = stage.engine(fake.url)
        for _ in range(2):
            stage.make(engine)
        kinds = [entry.headers["content-type"].partition(";")[0] for entry in fake.steps("create")]
        assert kinds == ["multipart/form-data", "application/json", "application/json"]
        assert fake.executions(PROMPT) == 2


def test_the_fields_go_by_the_names_of_vllm_omni(stage: Stage) -> None:
    with FakeVideos("vllm-omni", token=TOKEN) as fake:
        stage.make(
            stage.engine(fake.url),
            negative_prompt="blur",
            num_inference_steps=9,
            guidance_scale=4.5,
            params={"flow_shift": 3.0, "own": [1]},
        )
        assert fake.creates[0].fields == {
            "prompt": PROMPT,
            "size": "64x64",
            "num_frames": "8",
            "fps": "8",
            "seconds": "1",
            "seed": "7",
            "negative_prompt": "blur",
            "num_inference_steps": "9",
            "guidance_scale": "4.5",
            "flow_shift": "3.0",
            "extra_params": '{"own":[1]}',
        }
        stage.make(stage.engine(fake.url), num_frames=9)
        assert "seconds" not in fake.creates[1].fields  # 1.125 of them would be refused


def test_the_less_busy_of_two_servers_gets_the_next_job(stage: Stage) -> None:
    with FakeVideos("vllm-omni", token=TOKEN) as one, FakeVideos("sglang", token=TOKEN) as two:
        engine = stage.engine(one.url, two.url)
        one.gpu.held = True
        first = Running(engine, stage.job(), Recorder())
        one.until(lambda: one.gpu.busy)
        stage.make(engine)
        assert two.executions(PROMPT) == 1
        one.gpu.held = False
        first.join()
        assert one.executions(PROMPT) == 1
