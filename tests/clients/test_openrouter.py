"""The `openrouter` package from PyPI, as it is, through its `server_url`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openrouter import OpenRouter, errors

from tests.api.asks import picture
from tests.api.videos import Gate
from tests.servers import ServerProcess, eventually

pytestmark = pytest.mark.client("openrouter (Python)", "pypi:openrouter")

TOY = "reelwright/toy"
SMALL: dict[str, Any] = {"model": TOY, "size": "64x64", "duration": 1}
RUNNING = ("pending", "in_progress")


@pytest.fixture(scope="module")
def client(near: ServerProcess) -> Iterator[OpenRouter]:
    with OpenRouter(api_key="any", server_url=f"{near.url}/api/v1") as client:
        yield client


def ended(client: OpenRouter, job_id: str) -> Any:
    """The job once it runs no more."""
    jobs = client.video_generation
    return eventually(lambda: (job := jobs.get_generation(job_id=job_id)).status not in RUNNING and job)


def test_from_the_prompt_to_the_file(client: OpenRouter) -> None:
    created = client.video_generation.generate(prompt="paint for the first time", seed=3, **SMALL)
    assert created.status in RUNNING
    assert created.polling_url.endswith(f"/api/v1/videos/{created.id}")
    job = ended(client, created.id)
    assert (job.status, job.error, job.usage.cost) == ("completed", None, 0)
    assert job.unsigned_urls == [f"{created.polling_url}/content?index=0"]
    content = client.video_generation.get_video_content(job_id=job.id)
    assert content.read()[4:8] == b"ftyp"


async def test_the_same_async(near: ServerProcess) -> None:
    async with OpenRouter(api_key="any", server_url=f"{near.url}/api/v1") as client:
        jobs = client.video_generation
        job = await jobs.generate_async(prompt="paint", **SMALL)
        while job.status in RUNNING:
            job = await jobs.get_generation_async(job_id=job.id)
        assert job.status == "completed"
        content = await jobs.get_video_content_async(job_id=job.id, index=0)
        assert (await content.aread())[4:8] == b"ftyp"
        assert [model.id for model in (await jobs.list_videos_models_async()).data] == ["reelwright/sketch", TOY]


@pytest.mark.parametrize("kind", ["data", "address"])
def test_the_first_frame(client: OpenRouter, picture_url: str, kind: str) -> None:
    data = "data:image/png;base64," + base64.b64encode(picture(width=90, height=160)).decode()
    url = data if kind == "data" else picture_url
    created = client.video_generation.generate(
        model=TOY,
        prompt="paint",
        duration=1,
        frame_images=[{"type": "image_url", "image_url": {"url": url}, "frame_type": "first_frame"}],
    )
    assert ended(client, created.id).status == "completed"


def test_a_resolution_and_an_aspect_ratio(client: OpenRouter) -> None:
    created = client.video_generation.generate(
        model=TOY, prompt="paint", duration=1, resolution="360p", aspect_ratio="9:16", generate_audio=False, user="me"
    )
    assert ended(client, created.id).status == "completed"


def test_models(client: OpenRouter) -> None:
    for model in client.video_generation.list_videos_models().data:
        assert model.canonical_slug == model.id
        assert (model.generate_audio, model.seed) == (model.id != TOY, True)
        assert model.supported_durations[0] == 1
        assert "1280x720" in model.supported_sizes
        assert {"720p", "1080p"} <= set(model.supported_resolutions)
        assert {"16:9", "9:16", "1:1"} <= set(model.supported_aspect_ratios)
        assert model.supported_frame_images == ["first_frame", *(["last_frame"] if model.id != TOY else [])]


def test_a_failed_job_is_not_an_exception(client: OpenRouter) -> None:
    job = ended(client, client.video_generation.generate(prompt="refuse", **SMALL).id)
    assert (job.status, job.error) == ("failed", "Prompt refused")


def test_errors_have_their_classes(client: OpenRouter, tmp_path: Path) -> None:
    jobs = client.video_generation
    with pytest.raises(errors.BadRequestResponseError, match="duration") as bad:
        jobs.generate(prompt="paint", model=TOY, duration=9_999)
    assert (bad.value.data.error.code, bad.value.data.error.metadata["field"]) == (400, "duration")
    with pytest.raises(errors.BadRequestResponseError, match="This server has sketch, toy"):
        jobs.generate(prompt="paint", model="google/veo-3.1")
    with pytest.raises(errors.NotFoundResponseError):
        jobs.get_generation(job_id="gen-vid-1")
    with Gate(tmp_path) as gate:
        job = jobs.generate(prompt=gate.prompt, **SMALL)
        with pytest.raises(errors.ConflictResponseError, match="completed"):
            jobs.get_video_content(job_id=job.id)
    with pytest.raises(errors.NotFoundResponseError, match="one, index=0"):
        jobs.get_video_content(job_id=ended(client, job.id).id, index=1)


def test_a_video_that_is_gone_is_told_at_once(client: OpenRouter, near: ServerProcess) -> None:
    """The client repeats every 5xx for an hour."""
    job = ended(client, client.video_generation.generate(prompt="paint", **SMALL).id)
    (file,) = near.data_dir.rglob(f"{job.id}-1.mp4")
    file.unlink()
    assert client.video_generation.get_generation(job_id=job.id).status == "expired"
    with pytest.raises(errors.GoneResponseError):
        client.video_generation.get_video_content(job_id=job.id)


def test_a_wrong_key_and_a_full_queue_have_their_classes(keyed: ServerProcess, tmp_path: Path) -> None:
    address = f"{keyed.url}/api/v1"
    with OpenRouter(api_key="wrong", server_url=address) as client, pytest.raises(errors.UnauthorizedResponseError):
        client.video_generation.generate(prompt="paint", **SMALL)
    with OpenRouter(api_key="right-key-0123456789", server_url=address) as client, Gate(tmp_path) as gate:
        jobs = client.video_generation
        first = jobs.generate(prompt=gate.prompt, **SMALL)
        eventually(lambda: jobs.get_generation(job_id=first.id).status == "in_progress")
        second = jobs.generate(prompt=gate.prompt, seed=1, **SMALL)
        with pytest.raises(errors.TooManyRequestsResponseError):
            jobs.generate(prompt=gate.prompt, seed=2, **SMALL)
        gate.open()
        for job in (first, second):
            assert ended(client, job.id).status == "completed"
