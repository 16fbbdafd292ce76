"""Interpolated videos through the real server: what the file then holds, the record, cancels and deaths."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import pytest

from reelwright.media.probe import decode, probe
from reelwright.media.stills import to_srgb
from tests.api.videos import Video, cancel, create, ended, look, made
from tests.servers import ServerProcess, eventually

LONG: dict[str, Any] = {"size": "256x256", "num_frames": 300, "interpolate": 8}
"""Takes ten seconds and more."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("refining") / "data") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def http(own: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=own.url, timeout=60) as client:
        yield client


def fetched(http: httpx2.Client, video: Video, folder: Path) -> Path:
    path = folder / f"{video['id']}.mp4"
    path.write_bytes(http.get(f"/v1/videos/{video['id']}/content").raise_for_status().content)
    return path


def colours(path: Path) -> list[list[float]]:
    """The mean of each frame."""
    return [to_srgb(frame).to_ndarray().mean((0, 1)).tolist() for frame in decode(path)]


def refiners(server: ServerProcess) -> list[int]:
    """The processes that refine something for this server."""
    assert server.process is not None
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == server.process.pid and b"engines.refiner" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def test_the_frame_rate_is_multiplied_and_what_was_made_stays(http: httpx2.Client, tmp_path: Path) -> None:
    plain = fetched(http, made(http, seed=11, fps=8), tmp_path)
    video = made(http, seed=11, fps=8, interpolate=3)
    path = fetched(http, video, tmp_path)
    found = probe(path)
    assert (found.num_frames, found.fps, found.width) == (12, 24, 64)
    assert found.duration == pytest.approx(probe(plain).duration)
    assert np.abs(np.subtract(colours(path)[::3], colours(plain))).max() < 3
    assert (video["interpolate"], video["final_frames"], video["final_fps"], video["fps"]) == (3, 12, 24, 8)
    record = video["made_with"]["refined"]["interpolate"]
    assert record["factor"] == 3
    assert record["filter"].startswith("minterpolate=mi_mode=mci:")
    assert record["seconds"] >= 0
    with av.open(str(path)) as container:
        assert container.metadata["comment"].endswith("Frame rate multiplied by 3 by motion interpolation.")


def film(path: Path, seconds: float = 1.0) -> Path:
    """A provider's video: 16 frames a second of 96×66 pixels, and a tone."""
    with av.open(str(path), "w", format="mp4") as container:
        pictures = container.add_stream("libx264", rate=16, options={"crf": "1"})
        pictures.width, pictures.height, pictures.pix_fmt = 96, 66, "yuv420p"
        sound = container.add_stream("aac", rate=44_100, layout="mono")
        for number in range(int(16 * seconds)):
            frame = np.full((66, 96, 3), (number * 9, 90, 200), np.uint8)
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(pictures.encode(None))
        for start in range(0, int(44_100 * seconds), 1024):
            wave = np.sin(np.arange(start, start + 1024) * 0.06).astype(np.float32)
            tone = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            tone.sample_rate, tone.pts = 44_100, start
            container.mux(sound.encode(tone))
        container.mux(sound.encode(None))
    return path


def sound_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


def test_an_encoded_video_keeps_its_sound(http: httpx2.Client, tmp_path: Path) -> None:
    source = film(tmp_path / "film.mp4")
    path = fetched(http, made(http, f"film {source}", interpolate=2), tmp_path)
    found = probe(path)
    assert (found.num_frames, found.fps, found.width, found.height) == (32, 32, 96, 66)
    assert np.abs(np.subtract(colours(path)[::2], colours(source))).max() < 4
    assert sound_of(path) == sound_of(source)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].duration * container.streams.audio[0].time_base == pytest.approx(1, abs=0.1)


def test_equal_requests_share_and_others_do_not(http: httpx2.Client) -> None:
    asked = {"seed": 77, "interpolate": 2}
    first, again, other = made(http, **asked), made(http, **asked), made(http, seed=77)
    assert again["made_with"]["shared"] is True
    assert again["made_with"]["refined"] == first["made_with"]["refined"]
    assert "shared" not in other["made_with"]
    remix = http.post(f"/v1/videos/{first['id']}/remix", json={"prompt": "paint again"}).json()
    assert remix["interpolate"] == 2


def test_a_cancel_ends_the_refining_and_its_process(own: ServerProcess, http: httpx2.Client) -> None:
    video = create(http, **LONG)
    assert eventually(lambda: look(http, video)["progress"] > 50 and refiners(own))
    [pid] = refiners(own)
    with httpx2.stream("GET", f"{own.url}/v1/videos/{video['id']}/events", timeout=60) as stream:
        lines = iter(stream.iter_lines())
        told = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
    assert 50 < told["progress"] < 99
    assert httpx2.get(f"{own.url}/health", timeout=1).status_code == 200
    assert cancel(http, video)["error"]["code"] == "cancelled"
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert made(http, interpolate=2)["status"] == "completed"


def test_a_refiner_that_is_killed_fails_its_job_only(own: ServerProcess, http: httpx2.Client) -> None:
    assert eventually(lambda: not refiners(own))  # that of a test before may still be about to end
    video = create(http, **LONG)
    [pid] = eventually(lambda: refiners(own))
    os.kill(pid, signal.SIGKILL)
    error = ended(http, video)["error"]
    assert error["code"] == "out_of_memory"
    assert error["message"].startswith("The process that refined the video was killed")
    assert made(http, interpolate=2)["status"] == "completed"


def test_refining_holds_no_slot_and_is_begun_again_after_a_crash(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data").start()
    with httpx2.Client(base_url=server.url, timeout=60) as http:
        slow = create(http, size="128x128", num_frames=40, interpolate=8)
        assert eventually(lambda: refiners(server))
        assert made(http)["status"] == "completed"  # while the other one is refined
        assert look(http, slow)["status"] == "in_progress"
        [pid] = refiners(server)
    server.kill()
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())
    with server, httpx2.Client(base_url=server.url, timeout=60) as http:
        video = ended(http, slow)
        assert (video["status"], video["final_frames"]) == ("completed", 320)
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/video/generate", {"interpolate": 9}, "interpolate"),
        ("/api/video/generate", {"interpolate": 8, "num_frames": 600, "width": 1024, "height": 512}, "interpolate"),
        ("/api/video/generate", {"upscale": 2}, "upscale"),
        ("/v1/videos", {"enable_frame_interpolation": True, "frame_interpolation_exp": 4}, "frame_interpolation_exp"),
        ("/v1/videos", {"enable_frame_interpolation": "perhaps"}, "enable_frame_interpolation"),
        ("/api/v1/videos", {"upscale_factor": 2}, "upscale_factor"),
        ("/v1/predictions", {"input": {"prompt": "paint", "interpolate_output": 12}}, "input.interpolate_output"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    http: httpx2.Client, path: str, body: dict[str, Any], field: str
) -> None:
    named = {"version": "toy"} if "input" in body else {"model": "toy", "prompt": "paint"}
    answer = http.post(path, json={**named, **body})
    assert answer.status_code in (400, 422)
    assert f"Invalid {field}: " in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/videos", {"enable_frame_interpolation": True}),
        ("/v1/videos", {"interpolate": 2, "frame_interpolation_exp": 3}),
        ("/v1/predictions", {"interpolate_output": True}),
        ("/api/v1/videos", {"provider": {"options": {"reelwright": {"interpolate": 2}}}}),
    ],
)
def test_every_dialect_has_a_word_for_it(http: httpx2.Client, path: str, body: dict[str, Any]) -> None:
    whole = {"prompt": "paint", "size": "64x64", **body}
    at_replicate = path == "/v1/predictions"
    asked = {"version": "toy", "input": whole} if at_replicate else {"model": "toy", **whole}
    answer = http.post(path, json=asked).raise_for_status().json()
    assert look(http, http.get("/v1/videos?limit=1").json()["data"][0])["interpolate"] == 2
    assert answer["id"]


def test_a_form_and_the_hugging_face_task_take_it_too(http: httpx2.Client) -> None:
    parts = {"prompt": "paint", "model": "toy", "size": "64x64", "num_frames": "4"}
    switched = {"enable_frame_interpolation": "true", "frame_interpolation_exp": "2"}
    video = http.post("/v1/videos", files=[(name, (None, value)) for name, value in (parts | switched).items()]).json()
    assert (video["interpolate"], video["dropped_fields"]) == (4, [])
    small = {"width": 64, "height": 64, "num_frames": 4, "interpolate": 2}
    answer = http.post("/models/reelwright/toy", json={"inputs": "paint", "parameters": small})
    assert answer.headers["content-type"] == "video/mp4"
    told = http.get("/v1/models/toy").json()["refinements"]
    assert (told["interpolate"], told["upscale"]) == ({"min": 1, "max": 8}, [])
