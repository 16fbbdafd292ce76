"""The unmodified engine in its own process: nothing but environment variables leads it to the fake."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from reelwright.engines.child import EngineChild, Spec
from reelwright.errors import Code, EngineError
from reelwright.testing import Recorder
from tests.engines.huggingface.stage import Stage
from tests.engines.remote import phases
from tests.fakes.huggingface import TOKEN, ConnectProxy, FakeHuggingFace, Reply


@pytest.fixture
async def environment(fake: FakeHuggingFace, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    with ConnectProxy(fake.port, tmp_path / "ca.pem") as proxy:
        kept = {name: value for name, value in os.environ.items() if name != "SSL_CERT_DIR"}
        yield kept | proxy.environment() | {"HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf")}


async def start(environment: Mapping[str, str]) -> EngineChild:
    return await EngineChild.start(Spec(engine="huggingface"), environment, lambda line: None)


async def test_a_killed_process_resumes_the_same_upstream_job(
    stage: Stage, fake: FakeHuggingFace, environment: dict[str, str]
) -> None:
    record = Recorder()
    fake.polls = 1_000_000
    first = await start(environment)
    rendering = asyncio.create_task(first.render(stage.job(), record.listener()))
    await asyncio.to_thread(fake.wait_for, "status")
    await first.kill()
    with pytest.raises(EngineError):
        await rendering
    assert phases(record) == ["submitting", "accepted"]

    fake.polls = 0
    second = await start(environment)
    clip, facts = await second.render(stage.job(checkpoint=record.checkpoints[-1]), record.listener())
    await second.kill()

    assert clip.path is not None
    assert clip.path.read_bytes() == fake.clip
    assert (facts["provider"], facts["request_id"], facts["resumed"]) == ("fal-ai", "req-1", True)
    assert len(fake.requests("submit")) == 1
    assert second.facts["huggingface_hub"].startswith("2.4")


async def test_a_failure_crosses_the_process_boundary(
    stage: Stage, fake: FakeHuggingFace, environment: dict[str, str]
) -> None:
    fake.script("submit", Reply(status=402, body={"error": "no credits left"}))
    child = await start(environment)
    with pytest.raises(EngineError) as caught:
        await child.render(stage.job(), Recorder().listener())
    await child.kill()
    assert caught.value.code is Code.UPSTREAM_PAYMENT_REQUIRED
    assert caught.value.details == '{"error": "no credits left"}'
