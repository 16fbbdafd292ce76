"""The whole program with the local engine: text → image → Stable Video Diffusion → MP4, over HTTP."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import pictures
from tests.engines.local.conftest import TinyFolder
from tests.servers import ServerProcess, eventually

BODY = {
    "prompt": "A red fox in the snow",
    "size": "64x64",
    "num_frames": 6,
    "fps": 8,
    "seed": 5,
    "motion_bucket_id": 127,
    "noise_aug_strength": 0.02,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_folder: TinyFolder) -> Iterator[ServerProcess]:
    """One for both tests: most of its start is the import of torch and diffusers in the engine's child."""
    model = {"recipe": "svd", "source": str(tiny_folder("svd")), "image_source": str(tiny_folder("sdxl"))}
    options = {"local": {"models": {"svd": model}, "device": "cpu", "checkpoint_steps": 1, "preview_seconds": 0.05}}
    running = ServerProcess(
        tmp_path_factory.mktemp("program") / "data",
        REELWRIGHT_ENGINE="local",
        REELWRIGHT_ENGINE_OPTIONS=json.dumps(options),
        OMP_NUM_THREADS="1",
        HF_HUB_OFFLINE="1",
    )
    yield running.start()
    assert running.stop() == 0


def frames_of(mp4: bytes, folder: Path) -> str:
    """A digest of the decoded frames."""
    import av

    path = folder / "clip.mp4"
    path.write_bytes(mp4)
    with av.open(str(path)) as container:
        digest = hashlib.sha256()
        for frame in container.decode(video=0):
            digest.update(frame.to_ndarray(format="rgb24").tobytes())
    return digest.hexdigest()


def video(server: ServerProcess, video_id: str) -> dict[str, Any]:
    return dict(httpx2.get(f"{server.url}/v1/videos/{video_id}").json())


def submit(server: ServerProcess, **fields: Any) -> str:
    answer = httpx2.post(f"{server.url}/v1/videos", json={**BODY, **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def ended(server: ServerProcess, video_id: str) -> dict[str, Any]:
    return eventually(lambda: (v := video(server, video_id))["status"] in ("completed", "failed") and v, 90)


def test_kill_9_in_the_middle_of_denoising_changes_no_bit_of_the_video(server: ServerProcess, tmp_path: Path) -> None:
    resumed = submit(server, num_inference_steps=25)
    eventually(lambda: 30 <= video(server, resumed)["progress"] < 99, 90, every_s=0.005)
    server.kill()
    # As on another machine: all that the job worked in is gone, and what it goes on from comes out of the store.
    shutil.rmtree(server.data_dir / "work")
    server.start()
    end = ended(server, resumed)
    assert end["status"] == "completed", end
    assert end["made_with"]["resumed_from_step"] > 0
    frames = frames_of(httpx2.get(f"{server.url}/v1/videos/{resumed}/content").content, tmp_path)

    # Deleted, so that the same request is rendered anew, this time in one go and through the native dialect.
    httpx2.delete(f"{server.url}/v1/videos/{resumed}")
    for seed, same in ((5, True), (6, False)):
        body = {**BODY, "num_inference_steps": 25, "seed": seed}
        answer = httpx2.post(f"{server.url}/api/video/generate", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Engine"] == "local"
        assert video(server, answer.headers["X-Video-Id"])["made_with"]["steps"] == 25
        assert (frames_of(answer.content, tmp_path) == frames) is same


def test_a_cancel_stops_between_two_steps_and_previews_come_before(server: ServerProcess) -> None:
    running = submit(server, num_inference_steps=100)
    with httpx2.stream("GET", f"{server.url}/v1/videos/{running}/events", timeout=90) as stream:
        kinds: list[str] = []
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kinds.append(line[7:])
            if kinds and kinds[-1] == "preview" and line.startswith("data: "):
                assert json.loads(line[6:])["image"].startswith("data:image/webp;base64,")
                httpx2.post(f"{server.url}/v1/videos/{running}/cancel")
    assert kinds[-1] == "failed"
    assert video(server, running)["error"]["code"] == "cancelled"
    # The same child goes on with the next job.
    assert ended(server, submit(server, num_inference_steps=2))["status"] == "completed"


def test_a_picture_is_what_it_shows_however_it_is_sent(server: ServerProcess, tmp_path: Path) -> None:
    kinds = pictures.kinds()
    white = pictures.encoded(pictures.badge("RGB", pictures.GREEN, pictures.WHITE), "PNG")
    grey = pictures.encoded(pictures.flat((128, 128, 128)), "PNG")
    for same in (
        (white, kinds["transparent PNG"].data, kinds["transparent WebP"].data, kinds["16-bit colour"].data),
        (grey, kinds["16-bit grey"].data),
    ):
        answers = [
            httpx2.post(
                f"{server.url}/api/video/generate",
                data={**BODY, "num_inference_steps": 2},
                files={"image": data},
                timeout=120,
            )
            for data in same
        ]
        assert [answer.status_code for answer in answers] == [200] * len(same)
        assert len({frames_of(answer.content, tmp_path) for answer in answers}) == 1
    files = {"image": pictures.liars()["damaged pixels"]}
    refused = httpx2.post(f"{server.url}/api/video/generate", data=BODY, files=files)
    assert (refused.status_code, refused.json()["field"]) == (400, "image")
