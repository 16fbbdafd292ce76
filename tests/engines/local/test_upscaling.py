"""Videos that a server enlarges with an upscaling model of its folder, asked for and looked at over HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.encode import encode_mp4
from reelwright.media.probe import decode, probe
from reelwright.media.stills import to_srgb
from tests.api.videos import create, ended, made
from tests.cli.command import run
from tests.servers import ServerProcess

pytest.importorskip("torch", reason="upscaling needs torch: pip install 'reelwright[upscale]'")
pytest.importorskip("einops", reason="upscaling needs einops: pip install 'reelwright[upscale]'")

from tests.engines.local.enlargers import repeating


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models that can be asked for, two of which are no good, and two files that are never offered."""
    folder = tmp_path_factory.mktemp("upscalers")
    repeating(folder / "4x-tiny.safetensors")
    repeating(folder / "small_x2plus.safetensors", 2)
    shutil.copy(folder / "small_x2plus.safetensors", folder / "8x-boast.safetensors")
    (folder / "6x-cut.safetensors").write_bytes((folder / "4x-tiny.safetensors").read_bytes()[:5000])
    (folder / "4x-pickle.pth").write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    shutil.copy(folder / "4x-tiny.safetensors", folder / "nameless.safetensors")
    return folder


@pytest.fixture(scope="module")
def http(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    settings = {"REELWRIGHT_UPSCALERS_DIR": str(models), "REELWRIGHT_UPSCALE_DEVICE": "cpu"}
    with ServerProcess(tmp_path_factory.mktemp("upscaling") / "data", **settings) as server:
        with httpx2.Client(base_url=server.url, timeout=60) as client:
            yield client
        assert server.stop() == 0


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of 96×64 pixels in coarse patches that move, so that every place of them is known."""
    frames = FrameBuffer.create(3, 64, 96)
    patches = np.random.default_rng(1).integers(40, 220, (4, 6, 3), np.uint8)
    for number, picture in enumerate(frames.array()):
        picture[:] = np.roll(np.repeat(np.repeat(patches, 16, 0), 16, 1), 4 * number, 1)
    path = tmp_path_factory.mktemp("scene") / "scene.mp4"
    encode_mp4(Clip(fps=8, num_frames=3, frames=frames), path, metadata={})
    return path


def pictures(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.stack([to_srgb(frame).to_ndarray() for frame in decode(path)]).astype(np.int16)


def content(http: httpx2.Client, video: dict[str, Any], folder: Path) -> Path:
    path = folder / "video.mp4"
    path.write_bytes(http.get(f"/v1/videos/{video['id']}/content").raise_for_status().content)
    return path


@pytest.mark.parametrize(
    ("asked", "model", "own", "factor"),
    [("4x-tiny", "4x-tiny", 4, 4), (3, "4x-tiny", 4, 3)],
)
def test_a_video_is_enlarged(
    http: httpx2.Client, scene: Path, tmp_path: Path, asked: object, model: str, own: int, factor: int
) -> None:
    video = made(http, f"film {scene}", upscale=asked, size="96x64")
    path = content(http, video, tmp_path)
    found = probe(path)
    assert (found.width, found.height, found.num_frames, found.fps) == (96 * factor, 64 * factor, 3, 8)
    assert (video["upscale"], video["final_size"]) == (model, f"{96 * factor}x{64 * factor}")
    wanted = np.repeat(np.repeat(pictures(scene), factor, 1), factor, 2)
    assert np.abs(pictures(path) - wanted).mean() < 2.5
    record = video["made_with"]["refined"]["upscale"]
    assert (record["network"], record["factor"], record["own_factor"]) == ("ESRGAN", factor, own)
    assert (record["device"].split(",")[0], record["dtype"]) == ("cpu", "float32")
    assert ("reduced_by" in record) == (factor != own)
    assert len(record["sha256"]) == 64


def test_both_steps_at_once_in_the_dialects_of_others(http: httpx2.Client, scene: Path, tmp_path: Path) -> None:
    switches = {"enable_upscaling": True, "upscaling_scale": 4, "enable_frame_interpolation": "true"}
    video = made(http, f"film {scene}", **switches)
    found = probe(content(http, video, tmp_path))
    assert (found.width, found.height, found.num_frames, found.fps) == (384, 256, 6, 16)
    assert list(video["made_with"]["refined"]) == ["interpolate", "upscale"]
    assert video["warnings"] == []
    job = {"prompt": f"film {scene}", "model": "toy", "upscale_factor": 2, "size": "64x64"}
    answer = http.post("/api/v1/videos", json=job).json()
    assert ended(http, answer)["upscale"] == "small_x2plus"
    remix = http.post(f"/v1/videos/{answer['id']}/remix", json={"prompt": f"film {scene}"}).json()
    assert (remix["upscale"], remix["final_size"]) == ("small_x2plus", "128x128")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("8x-boast", "enlarges 2 times, but its name says 8. Rename its file, for example to 2x-8x-boast"),
        ("6x-cut", "The file of the upscaling model 6x-cut is damaged"),
    ],
)
def test_a_model_that_is_not_what_it_says_fails_the_job_in_words(http: httpx2.Client, asked: str, told: str) -> None:
    video = ended(http, create(http, upscale=asked))
    assert video["status"] == "failed"
    assert told in video["error"]["message"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("4x-pickle", "This server has 4x-tiny, 6x-cut, 8x-boast, small_x2plus; or send a factor"),
        ("nameless", "This server has 4x-tiny"),
        ("../4x-tiny", "This server has 4x-tiny"),
        (9, "enlarge up to 8 times"),
    ],
)
def test_only_what_is_offered_can_be_asked_for(http: httpx2.Client, asked: object, told: str) -> None:
    answer = http.post("/api/video/generate", json={"prompt": "paint", "engine": "toy", "upscale": asked})
    assert answer.status_code == 400
    assert answer.json()["field"] == "upscale"
    assert told in answer.json()["error"]


def test_the_finished_size_is_bounded(http: httpx2.Client) -> None:
    wide = {"prompt": "paint", "engine": "toy", "width": 1280, "height": 720, "num_frames": 2, "upscale": 8}
    answer = http.post("/api/video/generate", json=wide)
    assert "That is 10240x5760; at most 4096 pixels a side" in answer.json()["error"]
    long = {"prompt": "paint", "engine": "toy", "width": 512, "height": 512, "num_frames": 200, "upscale": 4}
    answer = http.post("/api/video/generate", json=long)
    assert "200 frames of 2048x2048 are 838,860,800 pixels; at most 600,000,000" in answer.json()["error"]
    assert http.get("/v1/models/toy").json()["refinements"]["upscale"] == [
        {"name": "4x-tiny", "factor": 4},
        {"name": "6x-cut", "factor": 6},
        {"name": "8x-boast", "factor": 8},
        {"name": "small_x2plus", "factor": 2},
    ]


def test_doctor_tries_each_model_and_the_list_names_them(models: Path, http: httpx2.Client, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("4x-tiny.safetensors", "8x-boast.safetensors", "nameless.safetensors", "4x-pickle.pth"):
        shutil.copy(models / name, few)
    found = run("doctor", "--json", "--engine", "sketch", cwd=tmp_path, REELWRIGHT_UPSCALERS_DIR=str(few))
    rows = [row for row in json.loads(found.stdout) if row["name"] == "Upscaling"]
    told = {row["detail"]: row["ok"] for row in rows}
    assert told["4x-tiny enlarges 4 times"] is True
    assert any("8x-boast enlarges 2 times" in detail for detail, ok in told.items() if ok is False)
    assert any("4x-pickle.pth is no .safetensors file" in detail for detail in told)
    assert any("nameless.safetensors does not say its factor" in detail for detail in told)
    listed = run("models", "--server", str(http.base_url), cwd=tmp_path)
    assert "For --upscale, with every model: 4x-tiny (4 times), 6x-cut (6 times)" in listed.stderr


class _ShortOfMemory:
    """A network on a device that has no room for more than so many pixels."""

    def __init__(self, network: Any, pixels: int) -> None:
        self._network, self._pixels = network, pixels
        self.architecture, self.tiling = network.architecture, network.tiling

    def __call__(self, picture: Any) -> Any:
        if picture.shape[2] * picture.shape[3] > self._pixels:
            import torch

            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._network(picture)


def test_when_memory_runs_out_smaller_parts_are_made_without_seams(models: Path) -> None:
    import torch

    from reelwright.engines.local.upscaling import Upscaling
    from reelwright.engines.refinements import look_for_upscalers
    from reelwright.errors import Code, EngineError
    from reelwright.video import Draft

    found = look_for_upscalers(models, None)
    _, wanted = found.resolve(Draft(prompt="a", upscale="4x-tiny"), width=320, height=200, num_frames=1)
    assert wanted is not None
    told: list[None] = []
    upscaling = Upscaling(found.weights(wanted), wanted, "cpu", lambda: told.append(None))
    picture = np.random.default_rng(3).integers(0, 255, (200, 320, 3), np.uint8)
    whole = upscaling.enlarge(picture)
    upscaling._network = _ShortOfMemory(upscaling._network, 150 * 150)
    assert np.array_equal(upscaling.enlarge(picture), whole)
    assert upscaling.facts["tile"] == 64
    assert len(told) > 20  # each part is told, so that a long frame is not taken for a stuck one
    upscaling._network = _ShortOfMemory(upscaling._network, 0)
    with pytest.raises(EngineError, match="ran out of memory on cpu") as caught:
        upscaling.enlarge(picture)
    assert caught.value.code is Code.OUT_OF_MEMORY
    if not torch.cuda.is_available():
        with pytest.raises(EngineError, match="REELWRIGHT_UPSCALE_DEVICE=cuda is not there"):
            Upscaling(found.weights(wanted), wanted, "cuda", lambda: None)
