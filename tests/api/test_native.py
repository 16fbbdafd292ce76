"""The native dialect when all goes well: bodies, sizes, headers, the asynchronous answer, one request in each form."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.media.probe import probe
from tests.api.asks import PATH, SMALL, generate, picture, send
from tests.servers import ServerProcess, eventually


def seen(answer: httpx2.Response, folder: Path) -> Any:
    assert answer.status_code == 200, answer.text
    path = folder / "answer.mp4"
    path.write_bytes(answer.content)
    return probe(path)


def test_the_answer_is_the_video_with_the_contracts_headers(http: httpx2.Client, tmp_path: Path) -> None:
    before = int(time.time() * 1000)
    answer = generate(http, "paint", seed=7, fps=8)
    found = seen(answer, tmp_path)
    assert (found.width, found.height, found.num_frames, found.fps, found.codec) == (64, 64, 4, 8, "h264")
    headers = answer.headers
    assert headers["Content-Type"] == "video/mp4"
    assert int(headers["Content-Length"]) == len(answer.content)
    named = re.fullmatch(r'attachment; filename="generated-video-([0-9]{13})\.mp4"', headers["Content-Disposition"])
    assert named
    assert before <= int(named[1]) <= time.time() * 1000
    assert re.fullmatch(r"[0-9]+\.[0-9]{2}s", headers["X-Generation-Time"])
    assert headers["X-Video-Size"] == f"{len(answer.content) / 1024 / 1024:.2f}MB"
    assert re.fullmatch(r"video_[0-9A-HJKMNP-TV-Z]{26}", headers["X-Video-Id"])
    assert (headers["X-Seed"], headers["X-Engine"]) == ("7", "toy")
    assert re.fullmatch(r'"[0-9a-f]{32}"', headers["ETag"])
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_defaults_are_24_frames_at_12_fps_in_512x512(http: httpx2.Client, tmp_path: Path) -> None:
    found = seen(http.post(PATH, json={"prompt": "paint", "engine": "toy"}), tmp_path)
    assert (found.width, found.height, found.num_frames, found.fps) == (512, 512, 24, 12)


def test_they_are_the_defaults_where_the_models_own_are_others(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", TINY_ALONE="1") as server, httpx2.Client(base_url=server.url) as http:
        (card,) = http.get("/v1/models").json()["data"]
        own = [card["card"][name] for name in ("default_width", "default_height", "default_frames")]
        assert own == [64, 64, 4], "else this would prove nothing"
        found = seen(http.post(PATH, json={"prompt": "paint"}, timeout=60), tmp_path)
        assert (found.width, found.height, found.num_frames, found.fps) == (512, 512, 24, 12)


def test_the_default_engine_is_used_when_none_is_named(http: httpx2.Client) -> None:
    answer = generate(http, "A calm sea", engine=None)
    assert answer.headers["X-Engine"] == "sketch"


def test_a_seed_is_drawn_and_reported(http: httpx2.Client) -> None:
    seeds = {generate(http, "paint").headers["X-Seed"] for _ in range(3)}
    assert len(seeds) == 3
    assert all(0 <= int(seed) < 2**53 for seed in seeds)


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_the_whole_range_of_seeds_is_told_exactly(http: httpx2.Client, seed: int) -> None:
    assert generate(http, "paint", seed=seed).headers["X-Seed"] == str(seed)


@pytest.mark.parametrize(
    "size",
    [
        {"size": "128x64"},
        {"resolution": "128x64"},
        {"size": "128X64"},
        {"width": 128, "height": 64},
        {"size": "128x64", "resolution": "128x64", "width": 128, "height": 64},
        {"size": "128x64", "width": 128},
        {"size": None, "width": 128, "height": 64},
    ],
)
def test_a_size_may_be_given_in_several_ways(http: httpx2.Client, tmp_path: Path, size: dict[str, Any]) -> None:
    body = {"prompt": "paint", "engine": "toy", "num_frames": 4, **size}
    found = seen(http.post(PATH, json=body), tmp_path)
    assert (found.width, found.height) == (128, 64)


@pytest.mark.parametrize(
    "size",
    [
        {"size": "128x64", "width": 64},
        {"size": "128x64", "resolution": "64x128"},
        {"resolution": "128x64", "height": 128},
    ],
)
def test_sizes_that_contradict_each_other_are_refused(http: httpx2.Client, size: dict[str, Any]) -> None:
    answer = http.post(PATH, json={"prompt": "paint", "engine": "toy", "num_frames": 4, **size})
    assert answer.status_code == 400
    assert answer.json()["field"] in size
    assert "contradicts" in answer.json()["error"]


def test_a_form_is_taken(http: httpx2.Client, tmp_path: Path) -> None:
    form = {"prompt": "paint ünïcode 日本 & more", "engine": "toy", "size": "64x64", "num_frames": "4", "fps": "6"}
    found = seen(http.post(PATH, data=form), tmp_path)
    assert (found.num_frames, found.fps) == (4, 6)


def test_a_form_that_does_not_escape_its_utf_8_is_taken(http: httpx2.Client) -> None:
    body = "prompt=paint 日本&engine=toy&size=64x64&num_frames=4".encode()
    answer = send(http, body, "application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert prompt_of(http, answer) == "paint 日本"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_multipart_form_with_an_image_is_taken(http: httpx2.Client, tmp_path: Path, form: str) -> None:
    files = {"image": ("anything.exe", picture(form), "application/octet-stream")}
    data = {"prompt": "paint", "engine": "toy", "size": "64x64", "num_frames": "4"}
    answer = http.post(PATH, data=data, files=files)
    seen(answer, tmp_path)
    assert video_of(http, answer)["has_image"] is True


def test_a_file_field_in_which_nothing_was_chosen_is_no_image(http: httpx2.Client) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\npaint\r\n'
        b'--x\r\nContent-Disposition: form-data; name="engine"\r\n\r\ntoy\r\n'
        b'--x\r\nContent-Disposition: form-data; name="size"\r\n\r\n64x64\r\n'
        b'--x\r\nContent-Disposition: form-data; name="num_frames"\r\n\r\n4\r\n'
        b'--x\r\nContent-Disposition: form-data; name="image"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
    )
    answer = send(http, body, "multipart/form-data; boundary=x")
    assert answer.status_code == 200, answer.text
    assert video_of(http, answer)["has_image"] is False


def test_an_image_may_be_a_data_uri(http: httpx2.Client) -> None:
    uri = "data:image/png;base64," + base64.b64encode(picture()).decode()
    answer = generate(http, "paint", image=uri)
    assert answer.status_code == 200, answer.text
    assert video_of(http, answer)["has_image"] is True


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("holiday.png", "Send a PNG, JPEG or WebP file"),
        ("data:image/png,rawdata", "neither PNG nor JPEG nor WebP"),
        ("data:image/png;base64", "must have a comma"),
        ("data:image/png;base64,AAAAA", "base64 is damaged"),
        ("data:image/png;base64,@@@@", "base64 is damaged"),
        ("data:image/png;base64," + base64.b64encode(b"<svg/>" * 20).decode(), "PNG, JPEG or WebP"),
        ("data:" + ";" * 200_000, "must have a comma"),
        (17, "Send a PNG, JPEG or WebP file"),
        (["a"], "Send a PNG, JPEG or WebP file"),
    ],
)
def test_what_is_no_image_is_refused_by_name(http: httpx2.Client, image: object, told: str) -> None:
    answer = generate(http, "paint", image=image)
    assert answer.status_code == 400
    assert answer.json()["field"] == "image"
    assert told in answer.json()["error"]
    assert len(answer.text) < 500


def test_an_asynchronous_request_is_accepted_and_its_links_work(http: httpx2.Client) -> None:
    answer = http.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    told = answer.json()
    base = f"/v1/videos/{told['id']}"
    assert told == {
        "success": True,
        "id": told["id"],
        "status": "queued",
        "status_url": base,
        "events_url": f"{base}/events",
        "video_url": f"{base}/content",
    }
    assert answer.headers["Location"] == base
    assert answer.headers["Preference-Applied"] == "respond-async"
    eventually(lambda: http.get(told["status_url"]).json()["status"] == "completed")
    content = http.get(told["video_url"])
    assert (content.status_code, content.headers["Content-Type"]) == (200, "video/mp4")
    assert content.content[4:8] == b"ftyp"
    assert http.get(told["events_url"]).status_code == 200


@pytest.mark.parametrize("prefer", ["RESPOND-ASYNC", "wait=10, respond-async", 'respond-async; foo="bar"'])
def test_the_preference_is_found_however_it_is_written(http: httpx2.Client, prefer: str) -> None:
    assert http.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Prefer": prefer}).status_code == 202


def test_other_preferences_are_no_obstacle(http: httpx2.Client) -> None:
    answer = http.post(PATH, json={"prompt": "paint", **SMALL}, headers={"Prefer": "return=minimal"})
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    "prompt",
    [
        "x" * 4_000,
        "[" * 500 + "{" * 500,
        "שלום \u202eabc\u202c \u200fend",
        "emoji 🎬🏽‍🚀 and ﷽ and e\u0301",
        'quotes " \\ / and\nnew\tlines\r\n, <b>tags</b>',
    ],
)
def test_a_prompt_is_kept_exactly(http: httpx2.Client, prompt: str) -> None:
    assert prompt_of(http, generate(http, prompt)) == prompt


def test_a_prompt_loses_only_the_white_space_around_it(http: httpx2.Client) -> None:
    assert prompt_of(http, generate(http, " \n\u3000 a  b \t ")) == "a  b"


def video_of(http: httpx2.Client, answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(http.get(f"/v1/videos/{answer.headers['X-Video-Id']}").json())


def prompt_of(http: httpx2.Client, answer: httpx2.Response) -> str:
    return str(video_of(http, answer)["prompt"])
