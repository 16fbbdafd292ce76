"""Both clients against the real server: from the prompt to the file, progress, cancel, list, delete."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
from PIL import Image

from reelwright.client import AsyncClient, BadRequest, Client, Fields, NotFound, VideoFailed
from tests.servers import ServerProcess

SMALL: Fields = {"size": "96x64", "num_frames": 4, "fps": 8, "engine": "sketch"}


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with Client(server.url) as connection:
        yield connection


def test_from_the_prompt_to_the_file(client: Client, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    video = client.generate("Waves at dusk", seed=5, metadata={"shelf": "a"}, **SMALL)
    done = video.wait(60, lambda v: seen.append((v.status, v.progress)))
    assert (done.status, done.seed, done.width, done.height, done.num_frames) == ("completed", 5, 96, 64, 4)
    assert seen[-1] == ("completed", 100)
    assert [progress for _, progress in seen] == sorted(progress for _, progress in seen)
    with av.open(done.save(tmp_path / "waves.mp4")) as container:
        (stream,) = container.streams.video
        assert (stream.codec.name, stream.width, stream.frames) == ("h264", 96, 4)
    with Image.open(done.save(tmp_path / "waves.gif", variant="gif")) as picture:
        assert picture.format == "GIF"
    assert done.raw["metadata"] == {"shelf": "a"}
    assert [event.kind for event in done.events()] == ["completed"]
    done.delete()
    with pytest.raises(NotFound):
        done.refresh()


def test_an_image_becomes_a_video(client: Client) -> None:
    picture = io.BytesIO(picture_of("navy"))
    video = client.generate("The camera moves in", image=picture.getvalue(), **SMALL)
    assert video.wait(60).raw["has_image"] is True


def test_cancel_ends_the_job_and_the_wait(client: Client) -> None:
    video = client.generate("Waves", size="640x384", num_frames=600, engine="sketch")
    cancelled = video.cancel()
    assert cancelled.error is not None
    assert cancelled.error.code == "cancelled"
    with pytest.raises(VideoFailed):
        video.wait(10)
    assert video.id in [item.id for item in client.list(status="failed").videos]
    with pytest.raises(BadRequest):
        video.save("never.mp4")


def test_one_key_makes_one_video(client: Client) -> None:
    first = client.generate("Fog", idempotency_key="one", **SMALL)
    assert client.generate("Fog", idempotency_key="one", **SMALL).id == first.id
    assert first.remix("Rain").prompt == "Rain"


def picture_of(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (96, 64), colour).save(file, "PNG")
    return file.getvalue()


def test_a_video_goes_on_and_ends_with_a_picture(client: Client) -> None:
    first = client.generate("Fog", **SMALL).wait()
    longer = first.extend("Rain", num_frames=2, last_image=picture_of("navy"), idempotency_key="on").wait()
    assert longer.num_frames == (first.num_frames or 0) + 2
    assert (longer.raw["extended_from_video_id"], longer.raw["has_last_image"]) == (first.id, True)
    assert (
        client.extend(first.id, "Rain", num_frames=2, last_image=picture_of("navy"), idempotency_key="on").id
        == longer.id
    )


def test_a_file_goes_on_as_well(client: Client, tmp_path: Path) -> None:
    path = client.generate("Fog", **SMALL).wait().save(tmp_path / "fog.mp4")
    longer = client.extend(path, "Rain", num_frames=2, metadata={"from": "disk"}, engine="sketch").wait()
    assert (longer.num_frames, longer.raw["metadata"]) == (6, {"from": "disk"})


def test_videos_are_found_marked_and_shared(client: Client) -> None:
    tall = client.generate("An otter at noon", **{**SMALL, "size": "64x96"}).wait()
    wide = client.generate("An otter at night", **SMALL).wait()

    def found(**asked: Any) -> list[str]:
        return [video.id for video in client.list(**asked).videos]

    assert found(q="otter") == [wide.id, tall.id]
    assert found(q="OTTER 64x96", status="completed", model="sketch") == [tall.id]
    assert found(q="otter", shape="landscape") == [wide.id]
    assert found(q="otter", model="svd") == []
    assert wide.annotate({"shelf": "b", "none": None}).raw["metadata"] == {"shelf": "b"}
    assert found(metadata={"shelf": "b"}) == [wide.id]
    shared = wide.share(days=2)
    assert httpx2.get(shared.url).status_code == 200
    assert 1.9 < (shared.expires_at - datetime.now(UTC)).total_seconds() / 86400 <= 2
    assert client.usage(since=date(2026, 1, 1))["object"] == "list"


def test_refusals_name_the_field(client: Client) -> None:
    with pytest.raises(BadRequest, match="fps") as caught:
        client.generate("Fog", fps=999)
    assert caught.value.param == "fps"
    assert caught.value.request_id


def test_what_there_is(client: Client) -> None:
    (sketch,) = [model for model in client.models() if model.id == "sketch"]
    assert (sketch.default, sketch.card["engine"]) == (True, "sketch")
    assert client.model("sora-2").id == client.model("sketch").id == "sketch"
    with pytest.raises(NotFound):
        client.model("no/such")
    assert client.health()["status"] == "healthy"
    assert client.ready()


async def test_the_asynchronous_client_does_the_same(server: ServerProcess, tmp_path: Path) -> None:
    async with AsyncClient(server.url) as client:
        video = await client.generate("Snow", **SMALL)
        done = await video.wait(60)
        path = await done.save(tmp_path / "snow.mp4")
        assert path.stat().st_size == done.raw["bytes"]
        assert [event.kind async for event in done.events()] == ["completed"]
        assert done.id in [item.id for item in (await client.list()).videos]
