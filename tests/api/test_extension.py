"""A video goes on: in every dialect that has a word for it, and whatever becomes of the one that it goes on from."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.media.sound import read_sound
from tests.api.asks import film, picture
from tests.api.videos import Gate, create, ended, made
from tests.contract import checking
from tests.servers import ServerProcess, eventually

URL = "/v1/videos/extensions"
SMALL = {"prompt": "A beautiful sunset over the ocean", "model": "sketch", "size": "96x64", "seed": 5, "fps": 12}
SAME = 3.0
"""Levels by which a picture may differ, at the mean, from itself after it was encoded."""


def frames_of(data: bytes) -> NDArray[np.int16]:
    with av.open(io.BytesIO(data)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(np.int16)


def content(http: httpx2.Client, video: dict[str, Any]) -> bytes:
    answer = http.get(f"/v1/videos/{video['id']}/content")
    assert answer.status_code == 200, answer.text
    return answer.content


def extended(http: httpx2.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = http.post(URL, json=body)
    assert answer.status_code == 200, answer.text
    video = ended(http, answer.json())
    assert video["status"] == "completed", video["error"]
    return video


def refused(answer: httpx2.Response, status: int = 400) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json()["error"])


@pytest.fixture(scope="module")
def source(http: httpx2.Client) -> dict[str, Any]:
    return made(http, **{**SMALL, "num_frames": 12, "generate_audio": True})


def test_it_goes_on_from_the_last_frame_without_a_jump_and_keeps_its_sound(
    http: httpx2.Client, source: dict[str, Any], tmp_path: Path
) -> None:
    body = {"prompt": "Stars over a lake", "video": {"id": source["id"]}, "seconds": "1", "generate_audio": True}
    video = extended(http, body)
    assert (video["num_frames"], video["seconds"], video["fps"], video["size"]) == (24, "2", 12, "96x64")
    assert (video["extended_from_video_id"], video["model"], video["warnings"]) == (source["id"], "sketch", [])
    first, whole = frames_of(content(http, source)), frames_of(content(http, video))
    assert len(whole) == 24
    assert np.abs(whole[:12] - first).mean() < SAME
    steps = np.abs(np.diff(whole, axis=0)).mean(axis=(1, 2, 3))
    assert 0 < steps[11] < steps[:11].max() + SAME  # neither the same frame twice nor a cut
    assert np.abs(whole[-1] - first[-1]).mean() > 10  # the prompt's scene has come
    path = tmp_path / "whole.mp4"
    path.write_bytes(content(http, video))
    sound = read_sound(path, 5)
    assert sound is not None
    assert 96_000 <= sound.shape[1] < 96_000 + 2_048  # AAC comes in packets of 1,024
    parts = np.array_split(np.abs(sound[:, :96_000]), 10, axis=1)
    assert min(part.max() for part in parts[1:-1]) > 0.01


def test_without_new_sound_the_old_one_stays_and_then_it_is_silent(
    http: httpx2.Client, source: dict[str, Any], tmp_path: Path
) -> None:
    video = extended(http, {"prompt": "Fog", "video": {"id": source["id"]}, "num_frames": 12})
    path = tmp_path / "whole.mp4"
    path.write_bytes(content(http, video))
    sound = read_sound(path, 5)
    assert sound is not None
    assert np.abs(sound[:, 10_000:30_000]).max() > 0.01
    assert np.abs(sound[:, 52_000:94_000]).max() < 0.001


def test_a_file_of_another_kind_goes_on_in_its_own_size_and_rate(http: httpx2.Client) -> None:
    sent = film(num_frames=10, fps=25, size=(128, 72))
    answer = http.post(
        URL,
        data={"prompt": "Rain over a city", "seconds": "0.4", "fps": "12", "interpolate": "2", "last_image": ""},
        files={"video": ("upload", sent, "application/octet-stream")},
    )
    assert answer.status_code == 200, answer.text
    video = ended(http, answer.json())
    assert (video["status"], video["num_frames"], video["fps"], video["size"]) == ("completed", 20, 25, "128x72")
    assert video["extended_from_video_id"] is None
    assert video["warnings"] == [
        f"{name} was not used: an extension has the size and the rate of what it goes on from."
        for name in ("fps", "interpolate")
    ]
    whole = frames_of(content(http, video))
    assert len(whole) == 20
    assert np.abs(whole[:10] - frames_of(sent)).mean() < SAME


def test_the_native_dialect_answers_with_the_whole(http: httpx2.Client, source: dict[str, Any]) -> None:
    answer = http.post(f"/api/video/{source['id']}/extend", json={"prompt": "Snow", "num_frames": 4})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "video/mp4"
    assert len(frames_of(answer.content)) == 16
    later = http.post(
        f"/api/video/{source['id']}/extend",
        json={"prompt": "Snow", "num_frames": 4},
        headers={"Prefer": "respond-async"},
    )
    assert later.status_code == 202
    assert ended(http, later.json())["num_frames"] == 16
    absent = http.post("/api/video/video_00000000000000000000000000/extend", json={"prompt": "Snow"})
    assert (absent.status_code, absent.json()["success"]) == (404, False)


def test_openrouters_previous_job_goes_on(http: httpx2.Client, source: dict[str, Any]) -> None:
    answer = http.post("/api/v1/videos", json={"prompt": "Fog", "previous_job_id": source["id"], "duration": 1})
    assert answer.status_code == 202, answer.text
    video = ended(http, {"id": answer.json()["id"]})
    assert (video["num_frames"], video["extended_from_video_id"]) == (24, source["id"])
    gone = http.post("/api/v1/videos", json={"prompt": "Fog", "previous_job_id": "video_1", "duration": 1})
    assert gone.status_code == 404
    assert gone.json()["error"]["metadata"]["field"] == "previous_job_id"


def test_what_cannot_go_on_is_refused_by_name(http: httpx2.Client, source: dict[str, Any], tmp_path: Path) -> None:
    video = {"id": source["id"]}
    shown = refused(http.post(URL, json={"prompt": "x", "video": video, "input_reference": {"image_url": "data:,"}}))
    assert (shown["param"], "last frame" in shown["message"]) == ("input_reference", True)
    assert refused(http.post(URL, json={"prompt": "x"}))["param"] == "video"
    assert refused(http.post(URL, json={"prompt": "x", "video": {"id": "video_1"}}), 404)["param"] == "video"
    text = refused(http.post(URL, data={"prompt": "x"}, files={"video": b"no video at all"}))
    assert "not a video but text" in text["message"]
    cut = film()[:-200]
    assert refused(http.post(URL, data={"prompt": "x"}, files={"video": cut}))["param"] == "video"
    odd = refused(http.post(URL, data={"prompt": "x"}, files={"video": film(size=(70, 64))}))
    assert "multiple of 8" in odd["message"]
    assert refused(http.post(URL, json={"prompt": "x", "video": video, "seconds": "9999"}))["param"] == "seconds"
    with Gate(tmp_path) as gate:
        waiting = create(http, gate.prompt)
        early = refused(http.post(URL, json={"prompt": "x", "video": {"id": waiting["id"]}}), 409)
        assert "completed" in early["message"]
    failed = ended(http, create(http, "refuse"))
    assert refused(http.post(URL, json={"prompt": "x", "video": {"id": failed["id"]}}))["param"] == "video"


@pytest.fixture
def mute(tmp_path: Path) -> Iterator[httpx2.Client]:
    with ServerProcess(tmp_path / "data", TINY_ALONE="text") as server, checking(server.url) as client:
        yield client


def test_a_model_that_begins_with_no_picture_is_named(mute: httpx2.Client) -> None:
    error = refused(mute.post(URL, data={"prompt": "x"}, files={"video": film()}))
    assert error["param"] == "model"
    assert "The engine tiny cannot extend videos" in error["message"]


@pytest.mark.parametrize(
    ("database", "store"), [("sqlite", "folder"), ("postgres", "bucket")], indirect=True, ids=["alone", "fleet"]
)
def test_the_source_may_be_deleted_while_the_job_waits(
    database: dict[str, str], store: dict[str, str], tmp_path: Path
) -> None:
    with ServerProcess(tmp_path / "data", **database, **store) as server, checking(server.url) as http:
        source = made(http, seed=8)
        with Gate(tmp_path) as gate:
            create(http, gate.prompt)
            answer = http.post(URL, json={"prompt": "x", "video": {"id": source["id"]}, "num_frames": 3})
            assert answer.json()["status"] == "queued"
            assert http.delete(f"/v1/videos/{source['id']}").status_code == 200
            assert http.get(f"/v1/videos/{source['id']}").status_code == 404
        video = ended(http, answer.json())
        assert (video["status"], video["num_frames"]) == ("completed", 7)
        assert len(frames_of(content(http, video))) == 7
        if not store:  # what it went on from is kept no longer than it is needed
            eventually(lambda: not list((server.data_dir / "videos").glob("*-0.mp4")))


def test_a_kill_in_between_costs_nothing(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data").start()
    with httpx2.Client(base_url=server.url, timeout=60) as http:
        source = made(http, seed=8)
        gate = Gate(tmp_path)
        answer = http.post(URL, json={"prompt": gate.prompt, "video": {"id": source["id"]}, "num_frames": 3}).json()
        assert http.delete(f"/v1/videos/{source['id']}").status_code == 200
    server.kill()
    gate.open()
    server.start()
    with httpx2.Client(base_url=server.url, timeout=60) as http:
        video = ended(http, answer)
        assert (video["status"], video["num_frames"]) == ("completed", 7)
    assert server.stop() == 0


def test_a_last_image_ends_it(http: httpx2.Client, source: dict[str, Any]) -> None:
    body = {"prompt": "Fog", "video": {"id": source["id"]}, "num_frames": 6}
    video = extended(http, {**body, "last_image": f"data:image/png;base64,{base64.b64encode(picture()).decode()}"})
    whole = frames_of(content(http, video))
    assert video["has_last_image"]
    assert np.abs(whole[-1] - (200, 120, 40)).mean() < SAME
