"""The unmodified engine in its own process: nothing but environment variables leads it to the fake."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.child import EngineChild, RenderListener, Spec
from reelwright.engines.engine import RenderJob
from reelwright.errors import Code, EngineError
from reelwright.video import Task, VideoSpec
from tests.engines.huggingface.stage import TEXT_MODEL
from tests.fakes.huggingface import TOKEN, ConnectProxy, FakeHuggingFace, Reply


class Record:
    """The durable record of a job, as the server keeps it."""

    def __init__(self) -> None:
        self.states: list[Mapping[str, Any]] = []

    async def save(self, state: Mapping[str, Any]) -> None:
        self.states.append(state)

    def listener(self) -> RenderListener:
        return RenderListener(
            progress=lambda done, total: None, stage=print, preview=lambda data, kind: None, checkpoint=self.save
        )


@pytest.fixture
async def environment(fake: FakeHuggingFace, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    with ConnectProxy(fake.port, tmp_path / "ca.pem") as proxy:
        kept = {name: value for name, value in os.environ.items() if name != "SSL_CERT_DIR"}
        yield kept | proxy.environment() | {"HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf")}


async def start(environment: Mapping[str, str]) -> EngineChild:
    return await EngineChild.start(Spec(engine="huggingface"), environment, lambda line: None)


def job(scratch: Path, checkpoint: Mapping[str, Any] | None = None) -> RenderJob:
    scratch.mkdir(exist_ok=True)
    spec = VideoSpec(
        prompt="A red fox in the snow",
        engine="huggingface",
        model=TEXT_MODEL,
        task=Task.TEXT_TO_VIDEO,
        width=512,
        height=512,
        num_frames=24,
        fps=12,
        seed=7,
    )
    return RenderJob(
        video_id="video_1",
        attempt=1,
        spec=spec,
        scratch=scratch,
        image_path=None,
        checkpoint=checkpoint,
        seconds_left=20,
    )


async def test_a_killed_process_resumes_the_same_upstream_job(
    fake: FakeHuggingFace, environment: dict[str, str], tmp_path: Path
) -> None:
    record = Record()
    fake.polls = 1_000_000
    first = await start(environment)
    rendering = asyncio.create_task(first.render(job(tmp_path / "job"), record.listener()))
    await asyncio.to_thread(fake.wait_for, "status")
    await first.kill()
    with pytest.raises(EngineError):
        await rendering
    assert [state["phase"] for state in record.states] == ["submitting", "accepted"]

    fake.polls = 0
    second = await start(environment)
    clip, facts = await second.render(job(tmp_path / "job", record.states[-1]), record.listener())
    await second.kill()

    assert clip.path is not None
    assert clip.path.read_bytes() == fake.clip
    assert (facts["provider"], facts["request_id"], facts["resumed"]) == ("fal-ai", "req-1", True)
    assert len(fake.requests("submit")) == 1
    assert fake.strangers_with_token == []
    assert second.facts["huggingface_hub"].startswith("2.4")


async def test_a_failure_crosses_the_process_boundary(
    fake: FakeHuggingFace, environment: dict[str, str], tmp_path: Path
) -> None:
    fake.script("submit", Reply(status=402, body={"error": "no credits left"}))
    child = await start(environment)
    with pytest.raises(EngineError) as caught:
        await child.render(job(tmp_path / "job"), Record().listener())
    await child.kill()
    assert caught.value.code is Code.UPSTREAM_PAYMENT_REQUIRED
    assert caught.value.details == '{"error": "no credits left"}'
