"""The `openai` package from PyPI, as it is, pointed at this server."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import PIL.Image
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.api.asks import picture
from tests.api.videos import Gate
from tests.clients.conftest import CROWD
from tests.servers import ServerProcess, eventually

# The package warns of the end of OpenAI's own service.
pytestmark = [
    pytest.mark.client("openai (Python)", "pypi:openai"),
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]

EXTRA: dict[str, Any] = {"num_frames": 4, "fps": 8}
ASKED: dict[str, Any] = {"model": "toy", "size": "64x64", "extra_body": EXTRA}


@pytest.fixture
def client(near: ServerProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{near.url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
async def aclient(near: ServerProcess) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{near.url}/v1", api_key="any", max_retries=0) as client:
        yield client


def test_from_the_prompt_to_the_file(client: OpenAI, tmp_path: Path) -> None:
    created = client.videos.create(prompt="paint", **ASKED)
    assert created.object == "video"
    assert created.status in ("queued", "in_progress")
    assert (created.model, created.size, created.seconds, created.prompt) == ("toy", "64x64", "0.5", "paint")
    video = client.videos.poll(created.id)
    assert (video.status, video.progress, video.error) == ("completed", 100, None)
    assert video.completed_at
    assert video.expires_at
    assert client.videos.retrieve(created.id) == video
    client.videos.download_content(video.id).write_to_file(tmp_path / "video.mp4")
    assert (tmp_path / "video.mp4").read_bytes()[4:8] == b"ftyp"


def test_create_and_poll(client: OpenAI) -> None:
    video = client.videos.create_and_poll(prompt="slow 0.2", seconds="1", model="toy", size="64x64")  # type: ignore[arg-type]
    assert (video.status, video.seconds) == ("completed", "1")


def test_a_video_goes_on(client: OpenAI) -> None:
    """The client takes `{"id": …}` by its types, and then refuses it itself: it sends files only."""
    first = client.videos.create_and_poll(prompt="paint", **ASKED)
    film = client.videos.download_content(first.id).read()
    more = client.videos.extend(prompt="paint", seconds="1", video=film, extra_body={"model": "toy"})  # type: ignore[arg-type]
    longer = client.videos.poll(more.id)
    assert (longer.status, longer.seconds, longer.size) == ("completed", "1.5", "64x64")


def test_the_three_variants(client: OpenAI) -> None:
    video = client.videos.create_and_poll(prompt="paint", **ASKED)
    assert client.videos.download_content(video.id, variant="video").read()[4:8] == b"ftyp"
    for variant, form in (("thumbnail", "WEBP"), ("spritesheet", "JPEG")):
        data = client.videos.download_content(video.id, variant=variant).read()  # type: ignore[arg-type]
        assert PIL.Image.open(io.BytesIO(data)).format == form
    with client.videos.with_streaming_response.download_content(video.id) as answer:
        assert b"".join(answer.iter_bytes())[4:8] == b"ftyp"


def test_retired_models_mean_the_configured_engine(client: OpenAI) -> None:
    video = client.videos.create(prompt="sea", model="sora-2", size="64x64", extra_body={"num_frames": 2})  # type: ignore[arg-type]
    assert video.model == "sketch"
    assert client.videos.poll(video.id).status == "completed"


@pytest.mark.parametrize("kind", ["bytes", "file", "named"])
def test_an_input_reference(client: OpenAI, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(picture())
    references: dict[str, Any] = {
        "bytes": picture(),
        "file": path,
        "named": ("fox.txt", picture("JPEG"), "text/plain"),
    }
    video = client.videos.create_and_poll(prompt="paint", input_reference=references[kind], **ASKED)
    assert video.status == "completed"
    assert video.model_extra
    assert video.model_extra["has_image"] is True


def test_an_input_reference_by_url(client: OpenAI, picture_url: str) -> None:
    """This client's own argument takes files only."""
    for url in (picture_url, f"data:image/webp;base64,{base64.b64encode(picture('WEBP')).decode()}"):
        extra = {**EXTRA, "input_reference": {"image_url": url}}
        video = client.videos.create_and_poll(prompt="paint", model="toy", size="64x64", extra_body=extra)  # type: ignore[arg-type]
        assert video.status == "completed"
        assert video.model_extra
        assert video.model_extra["has_image"] is True


def test_extra_fields_arrive_whole(client: OpenAI) -> None:
    extra = {
        **EXTRA,
        "seed": 2**40,
        "metadata": {"team": "blue", "run": "7"},
        "priority": -1,
        "extra_params": {"flag": True, "list": [1, 2], "loras": [{"n": "a"}, {"n": "b"}]},
    }
    video = client.videos.create(prompt="paint", model="toy", size="64x64", extra_body=extra)  # type: ignore[arg-type]
    assert video.model_extra
    assert video.model_extra["seed"] == 2**40
    assert video.model_extra["metadata"] == {"team": "blue", "run": "7"}
    page = client.videos.list(extra_query={"metadata[team]": "blue"})
    assert video.id in [one.id for one in page.data]


def test_remix(client: OpenAI) -> None:
    source = client.videos.create_and_poll(prompt="paint", **ASKED)
    remix = client.videos.remix(source.id, prompt="repaint")
    assert (remix.remixed_from_video_id, remix.prompt, remix.size) == (source.id, "repaint", "64x64")
    assert client.videos.poll(remix.id).status == "completed"


def test_delete_stops_a_running_job(client: OpenAI, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = client.videos.create(prompt=gate.prompt, **ASKED)
        eventually(lambda: client.videos.retrieve(video.id).status == "in_progress")
        gone = client.videos.delete(video.id)
        assert (gone.id, gone.object, gone.deleted) == (video.id, "video.deleted", True)
        with pytest.raises(openai.NotFoundError):
            client.videos.retrieve(video.id)
        # The engine is free again, though the gate is still closed.
        assert client.videos.create_and_poll(prompt="paint", **ASKED).status == "completed"


def test_a_cancelled_and_a_failed_video_end_the_poll(client: OpenAI, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = client.videos.create(prompt=gate.prompt, **ASKED)
        client.post(f"/videos/{video.id}/cancel", cast_to=object)
        cancelled = client.videos.poll(video.id)
    failed = client.videos.create_and_poll(prompt="refuse", **ASKED)
    for one, code in ((cancelled, "cancelled"), (failed, "refused")):
        assert one.status == "failed"
        assert one.error
        assert one.error.code == code


def test_the_list_goes_over_all_pages(crowd: ServerProcess) -> None:
    with OpenAI(base_url=f"{crowd.url}/v1", api_key="any") as client:
        newest = [video.id for video in client.videos.list()]
        oldest = [video.id for video in client.videos.list(order="asc", limit=50)]
    assert len(newest) == CROWD
    assert newest == oldest[::-1]


async def test_the_list_goes_over_all_pages_async(crowd: ServerProcess) -> None:
    async with AsyncOpenAI(base_url=f"{crowd.url}/v1", api_key="any") as client:
        ids = [video.id async for video in client.videos.list(limit=100)]
    assert len(set(ids)) == CROWD


def test_errors_have_their_classes(client: OpenAI, near: ServerProcess) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        client.videos.create(prompt="paint", model="unheard-of")  # type: ignore[arg-type]
    assert (bad.value.param, bad.value.code, bad.value.type) == ("model", "model_not_found", "invalid_request_error")
    assert "toy" in bad.value.message
    assert bad.value.request_id
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve("video_1")
    with pytest.raises(openai.BadRequestError, match="spritesheet"):
        client.videos.download_content("video_1", variant="film")  # type: ignore[arg-type]
    once = {"Idempotency-Key": "clients"}
    client.videos.create(prompt="one", **ASKED, extra_headers=once)
    with pytest.raises(openai.UnprocessableEntityError):
        client.videos.create(prompt="other", **ASKED, extra_headers=once)
    with pytest.raises(openai.BadRequestError, match="cannot edit"):
        client.videos.edit(prompt="x", video=b"film")
    with pytest.raises(openai.BadRequestError, match="not a video"):
        client.videos.extend(prompt="x", seconds="4", video=b"film")


def test_a_wrong_key_and_a_full_queue_have_their_classes(keyed: ServerProcess, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate, OpenAI(base_url=f"{keyed.url}/v1", api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.videos.create(prompt=gate.prompt, **ASKED)
        right = client.with_options(api_key="right-key-0123456789")
        video = right.videos.create(prompt=gate.prompt, **ASKED)
        eventually(lambda: right.videos.retrieve(video.id).status == "in_progress")
        waiting = right.videos.create(prompt="paint", **ASKED)
        with pytest.raises(openai.RateLimitError) as full:
            right.videos.create(prompt="paint", **ASKED)
        assert int(full.value.response.headers["Retry-After"]) > 0
        gate.open()
        assert right.videos.poll(waiting.id).status == "completed"


def test_what_cannot_get_better_is_not_repeated(near: ServerProcess) -> None:
    asked: list[httpx2.Request] = []
    http = httpx2.Client(event_hooks={"request": [asked.append]})
    with OpenAI(base_url=f"{near.url}/v1", api_key="any", max_retries=2, http_client=http) as client:
        body = {"prompt": "raise x", "model": "toy", "size": "64x64", **EXTRA}
        with pytest.raises(openai.InternalServerError):
            client.post("/videos/sync", cast_to=object, body=body)
    assert len(asked) == 1


def test_models(client: OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert {"toy", "sketch"} <= set(models)
    assert client.models.retrieve("toy").owned_by == "toy"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("unheard-of")


async def test_the_same_async(aclient: AsyncOpenAI) -> None:
    video = await aclient.videos.create_and_poll(prompt="paint", input_reference=picture(), **ASKED)
    assert video.status == "completed"
    assert await aclient.videos.retrieve(video.id) == video
    for variant, magic in (("video", b"ftyp"), ("thumbnail", b"WEBP"), ("spritesheet", b"JFIF")):
        content = await aclient.videos.download_content(video.id, variant=variant)  # type: ignore[arg-type]
        assert magic in (await content.aread())[:16]
    remix = await aclient.videos.remix(video.id, prompt="repaint")
    assert (await aclient.videos.poll(remix.id)).remixed_from_video_id == video.id
    assert (await aclient.videos.delete(video.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await aclient.videos.download_content(video.id)
