"""Each tool by each way: stdio and HTTP, and both eras of the protocol (with a handshake, and without)."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import av
import httpx2
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from PIL import Image

from tests.mcp.assistants import SMALL, call, made, over_http, over_stdio, picture, poster, text
from tests.servers import ServerProcess

KEY = "mcp-canary-key-91c2"
HEADERS = {"Authorization": f"Bearer {KEY}"}
Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that asks for a key and gives assistants tools."""
    folder = tmp_path_factory.mktemp("mcp") / "data"
    running = ServerProcess(folder, REELWRIGHT_API_KEYS=f"{KEY},another-key-770077", REELWRIGHT_MCP="true").start()
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log_text()
    assert KEY not in running.log_text()


@pytest.fixture(params=["stdio", "http"])
def way(request: pytest.FixtureRequest, locked: ServerProcess, tmp_path: Path) -> Connect:
    """Connects an assistant; `key` is the caller's."""

    def stdio(key: str = KEY, mode: str = "auto") -> AbstractAsyncContextManager[Client]:
        return over_stdio("--server", locked.url, cwd=tmp_path, mode=mode, REELWRIGHT_API_KEY=key)

    def http(key: str = KEY, mode: str = "auto") -> AbstractAsyncContextManager[Client]:
        return over_http(locked.url, mode, authorization=f"Bearer {key}")

    return stdio if request.param == "stdio" else http


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_tools_tell_what_they_are(way: Connect, mode: str) -> None:
    async with way(mode=mode) as client:
        assert "get_video" in (client.instructions or "")
        assert client.server_info.name == "reelwright"
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["generate_video", "get_video", "list_videos", "cancel_video", "list_models"]
    for tool in tools.values():
        assert tool.title
        assert tool.description
        assert tool.annotations
        assert tool.output_schema
        assert tool.input_schema["additionalProperties"] is False
    hints = {name: tool.annotations for name, tool in tools.items() if tool.annotations}
    assert [name for name, hint in hints.items() if hint.read_only_hint] == ["get_video", "list_videos", "list_models"]
    assert [name for name, hint in hints.items() if hint.destructive_hint] == ["cancel_video"]
    assert [name for name, hint in hints.items() if hint.open_world_hint] == ["generate_video"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_generate_and_wait(way: Connect, mode: str) -> None:
    async with way(mode=mode) as client:
        result = await call(client, "generate_video", prompt="waves at dusk", seed=7, wait_s=60, **SMALL)
    assert not result.is_error, text(result)
    video = result.structured_content
    assert (video["status"], video["seed"], video["num_frames"], video["size"]) == ("completed", 7, 3, "64x64")
    assert video["content_url"] in text(result)
    assert "API key" in text(result)
    still = poster(result)
    with Image.open(io.BytesIO(base64.b64decode(still.data))) as image:
        assert (image.format, image.size, still.mime_type) == ("JPEG", (64, 64), "image/jpeg")
    for url, start in ((video["content_url"], b"ftyp"), (video["poster_url"], b"JFIF")):
        assert httpx2.get(url).status_code == 401
        answer = httpx2.get(url, headers=HEADERS)
        assert start in answer.content[:12]
    with av.open(io.BytesIO(httpx2.get(video["content_url"], headers=HEADERS).content)) as container:
        assert container.streams.video[0].frames == 3


async def test_a_video_goes_on_and_ends_with_a_picture(way: Connect) -> None:
    async with way() as client:
        first = await call(client, "generate_video", prompt="waves at dusk", wait_s=60, **SMALL)
        earlier = first.structured_content["id"]
        ends = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
        draft = {"prompt": "stars", "extends": earlier, "num_frames": 4, "last_image": ends, "wait_s": 60}
        longer = await call(client, "generate_video", **draft)
        absent = await call(client, "generate_video", prompt="stars", extends="video_1")
        both = await call(client, "generate_video", prompt="stars", extends=earlier, image=ends)
    assert not longer.is_error, text(longer)
    assert longer.structured_content["num_frames"] == 7
    assert absent.is_error
    assert "Invalid extends: there is no video with this id" in text(absent)
    assert "Invalid image: an extension begins with the video's last frame" in text(both)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_generate_returns_at_once_and_get_waits_with_progress(way: Connect, tmp_path: Path, mode: str) -> None:
    async with way(mode=mode) as assistant:
        gate = tmp_path / "go"
        video = await made(assistant, "generate_video", prompt=f"preview {gate}", model="toy", **SMALL)
        assert video["status"] in ("queued", "in_progress")
        assert "content_url" not in video
        told: list[tuple[float, float | None, str | None]] = []

        async def progress(done: float, total: float | None, message: str | None) -> None:
            told.append((done, total, message))
            if done >= 15:  # what the engine tells before it waits
                gate.touch()

        result = await assistant.call_tool(
            "get_video", {"video_id": video["id"], "wait_s": 60}, progress_callback=progress
        )
        assert result.structured_content["status"] == "completed"
        values = [done for done, _, _ in told]
        assert values == sorted(set(values))
        assert any(15 <= value < 100 for value in values), told
        assert {total for _, total, _ in told} == {100}
        assert all(video["id"] in (message or "") for _, _, message in told)


async def test_a_client_that_shows_progress_need_not_say_how_long(way: Connect) -> None:
    async with way() as assistant:

        async def progress(done: float, total: float | None, message: str | None) -> None:
            pass

        result = await assistant.call_tool(
            "generate_video", {"prompt": "a quiet lake", **SMALL}, progress_callback=progress
        )
        assert result.structured_content["status"] == "completed"


async def test_a_wait_that_is_over_names_the_next_step(way: Connect, tmp_path: Path) -> None:
    async with way() as assistant:
        gate = tmp_path / "go"
        result = await call(assistant, "generate_video", prompt=f"until {gate}", model="toy", wait_s=0.5, **SMALL)
        assert not result.is_error
        video_id = result.structured_content["id"]
        assert "get_video" in text(result)
        assert video_id in text(result)
        gate.touch()
        assert (await made(assistant, "get_video", video_id=video_id, wait_s=60))["status"] == "completed"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_that_is_given_up_leaves_the_job(way: Connect, tmp_path: Path, mode: str) -> None:
    prompt = f"until {tmp_path / 'go'}"
    async with way(mode=mode) as assistant:
        with pytest.raises(MCPError, match="timed out"):
            await assistant.call_tool(
                "generate_video", {"prompt": prompt, "model": "toy", "wait_s": 600, **SMALL}, read_timeout_seconds=3
            )
        (video,) = [one for one in (await made(assistant, "list_videos"))["videos"] if one["prompt"] == prompt]
        assert video["status"] in ("queued", "in_progress")
        (tmp_path / "go").touch()
        assert (await made(assistant, "get_video", video_id=video["id"], wait_s=60))["status"] == "completed"


async def test_cancel(way: Connect, tmp_path: Path) -> None:
    async with way() as assistant:
        video = await made(assistant, "generate_video", prompt=f"until {tmp_path / 'never'}", model="toy", **SMALL)
        for _ in range(2):
            ended = await made(assistant, "cancel_video", video_id=video["id"])
            assert (ended["status"], ended["error"]["code"]) == ("failed", "cancelled")


async def test_a_job_that_fails_is_an_error_with_its_reason(way: Connect) -> None:
    async with way() as assistant:
        result = await call(assistant, "generate_video", prompt="refuse this", model="toy", wait_s=60, **SMALL)
        assert result.is_error
        assert "refused" in text(result)
        assert "Prompt refused" in text(result)


async def test_an_image_begins_the_video(way: Connect) -> None:
    async with way() as assistant:
        uri = f"data:image/png;base64,{base64.b64encode(picture('red')).decode()}"
        result = await call(assistant, "generate_video", prompt="it moves", image=uri, wait_s=60, **SMALL)
        assert not result.is_error, text(result)
        assert result.structured_content["has_image"] is True
        with Image.open(io.BytesIO(base64.b64decode(poster(result).data))) as image:
            red, green, blue = image.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
        assert red > 2 * max(green, blue)


async def test_a_shape_and_what_was_not_used_are_told(way: Connect) -> None:
    async with way() as assistant:
        result = await call(
            assistant, "generate_video", prompt="hills", aspect_ratio="9:16", num_frames=2, guidance_scale=4, wait_s=60
        )
        assert not result.is_error, text(result)
        width, height = map(int, result.structured_content["size"].split("x"))
        assert height > 1.5 * width
        (warning,) = result.structured_content["warnings"]
        assert "guidance_scale" in warning
        assert warning in text(result)


async def test_list_and_models(way: Connect) -> None:
    async with way() as assistant:
        first = await made(assistant, "generate_video", prompt="one", wait_s=60, **SMALL)
        second = await made(assistant, "generate_video", prompt="two", wait_s=60, **SMALL)
        page = await made(assistant, "list_videos", limit=1)
        assert [video["id"] for video in page["videos"]] == [second["id"]]
        assert page["videos"][0]["content_url"] == second["content_url"]
        assert page["has_more"] is True
        page = await made(assistant, "list_videos", limit=1, after=page["last_id"], status="completed")
        assert [video["id"] for video in page["videos"]] == [first["id"]]
        for sought, found in ((f"two {second['id']}", [second["id"]]), (f"one {second['id']}", [])):
            page = await made(assistant, "list_videos", q=sought, model=second["model"])
            assert [video["id"] for video in page["videos"]] == found
        models = (await made(assistant, "list_models"))["models"]
        assert models[0]["default"] is True
        assert {"sketch", "toy"} <= {model["card"]["engine"] for model in models}
        assert all("opening" not in model["card"] for model in models)


MISTAKES: tuple[tuple[str, dict[str, object], list[str]], ...] = (
    ("generate_video", {}, ["prompt"]),
    ("generate_video", {"prompt": "  "}, ["prompt", "Say"]),
    ("generate_video", {"prompt": "x", "fps": 99}, ["fps", "99", "60"]),
    ("generate_video", {"prompt": "x", "size": "big"}, ["size", "big"]),
    ("generate_video", {"prompt": "x", "seed": "seven"}, ["seed", "seven"]),
    ("generate_video", {"prompt": "x", "model": "nope"}, ["nope", "toy"]),
    ("generate_video", {"prompt": "x", "colour": 1, "sound": 2}, ["'colour'", "'sound'", "num_frames"]),
    ("generate_video", {"prompt": "x", "wait_s": -1}, ["wait_s", "-1", "600"]),
    ("generate_video", {"prompt": "x", "wait_s": "nan"}, ["wait_s", "nan"]),
    ("generate_video", {"prompt": "x", "image": "data:image/png;base64,AAAA"}, ["image"]),
    ("generate_video", {"prompt": "x", "image": 7}, ["image", "URL"]),
    ("get_video", {"video_id": "video_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, ["list_videos"]),
    ("get_video", {"video_id": "../../etc"}, ["list_videos"]),
    ("get_video", {"video_id": 7}, ["video_id", "7"]),
    ("list_videos", {"limit": 1000}, ["limit", "100"]),
    ("list_videos", {"q": 7}, ["q", "7"]),
    ("list_videos", {"status": "done"}, ["status", "done", "completed"]),
    ("list_models", {"all": True}, ["'all'"]),
    ("make_coffee", {}, ["make_coffee", "generate_video"]),
)


async def test_an_error_names_the_field_the_value_and_the_remedy(way: Connect) -> None:
    async with way() as assistant:
        for tool, arguments, words in MISTAKES:
            result = await call(assistant, tool, **arguments)
            told = text(result)
            assert result.is_error, (tool, arguments, told)
            assert [word for word in words if word not in told] == [], (tool, arguments, told)
            for foreign in ("input_reference", "pydantic", "Traceback", "validation error"):
                assert foreign not in told


async def test_keys_are_the_callers(way: Connect, locked: ServerProcess) -> None:
    async with way() as client:
        video = await made(client, "generate_video", prompt="mine", **SMALL)
    async with way(key="another-key-770077") as client:
        assert (await call(client, "get_video", video_id=video["id"])).is_error
        ids = [one["id"] for one in (await made(client, "list_videos", limit=100))["videos"]]
        assert video["id"] not in ids


async def test_a_wrong_key_over_stdio_is_told_with_its_remedy(locked: ServerProcess, tmp_path: Path) -> None:
    connect = partial(over_stdio, "--server", locked.url, cwd=tmp_path)
    async with connect(REELWRIGHT_API_KEY="wrong-canary-key") as client:
        result = await call(client, "list_videos")
    assert result.is_error
    assert "API key" in text(result)
    assert "REELWRIGHT_API_KEY" in text(result)
    assert "wrong-canary-key" not in text(result)
