"""The `huggingface_hub` package from PyPI: this server is the dedicated endpoint that its client is pointed at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError
from huggingface_hub.inference._providers.hf_inference import HFInferenceBinaryInputTask, HFInferenceTask
from huggingface_hub.utils._http import default_client_factory, set_client_factory

from reelwright.media.probe import Probe, probe
from tests.api.asks import picture
from tests.api.videos import Gate
from tests.servers import ServerProcess, eventually

pytestmark = pytest.mark.client("huggingface_hub (Python)", "pypi:huggingface-hub")

SMALL: dict[str, Any] = {"width": 64, "height": 64, "fps": 8}


@pytest.fixture
def model(near: ServerProcess) -> str:
    return f"{near.url}/models/reelwright/toy"


class Endpoint:
    """What this package sends to an endpoint for a task, and its errors; it has no method for videos there."""

    def __init__(self, model: str, timeout: float = 30) -> None:
        self._model = model
        self._client = InferenceClient(model=model, token="hf_any", timeout=timeout)

    def text_to_video(self, prompt: str, **parameters: Any) -> bytes:
        return self._send(HFInferenceTask("text-to-video"), prompt, {**SMALL, **parameters})

    def image_to_video(self, image: bytes, **parameters: Any) -> bytes:
        return self._send(HFInferenceBinaryInputTask("image-to-video"), image, parameters)

    def _send(self, task: HFInferenceTask, inputs: Any, parameters: dict[str, Any]) -> bytes:
        request = task.prepare_request(
            inputs=inputs, parameters=parameters, headers=self._client.headers, model=self._model, api_key="hf_any"
        )
        return self._client._inner_post(request)


@pytest.fixture
def client(model: str) -> Endpoint:
    # The engine's tests leave their own factory in this library's one and only place.
    set_client_factory(default_client_factory)
    return Endpoint(model)


def seen(data: bytes, folder: Path) -> Probe:
    (folder / "answer.mp4").write_bytes(data)
    return probe(folder / "answer.mp4")


def test_text_to_video(client: Endpoint, tmp_path: Path) -> None:
    data = client.text_to_video("paint", num_frames=4.0, seed=3)
    found = seen(data, tmp_path)
    assert (found.width, found.height, found.num_frames, found.fps) == (64, 64, 4, 8)


def test_all_of_the_clients_parameters_arrive(client: Endpoint) -> None:
    data = client.text_to_video(
        "paint",
        guidance_scale=7.5,
        negative_prompt=["rain", "fog"],
        num_frames=4,
        num_inference_steps=20,
        seed=3,
    )
    assert data[4:8] == b"ftyp"


def test_an_image_to_video(client: Endpoint, tmp_path: Path) -> None:
    """Raw bytes without parameters, base64 with them."""
    assert client.image_to_video(picture())[4:8] == b"ftyp"
    size = {"width": 64, "height": 64}
    data = client.image_to_video(picture(), prompt="paint", num_frames=4.0, target_size=size)
    assert seen(data, tmp_path).num_frames == 4


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp", "application/octet-stream"])
def test_a_raw_image(model: str, kind: str) -> None:
    form = kind.rpartition("/")[2].upper()
    data = picture("PNG" if form == "OCTET-STREAM" else form)
    answer = httpx2.post(model, content=data, headers={"Content-Type": kind}, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")


def test_errors_are_the_clients_own(client: Endpoint, near: ServerProcess) -> None:
    with pytest.raises(HfHubHTTPError, match="num_frames") as bad:
        client.text_to_video("paint", num_frames=10**9)
    assert bad.value.response.status_code == 400
    unknown = Endpoint(f"{near.url}/models/nobody/nothing")
    with pytest.raises(HfHubHTTPError, match="nobody/nothing") as missing:
        unknown.text_to_video("paint")
    assert missing.value.response.status_code == 404
    with pytest.raises(HfHubHTTPError) as loading:
        client.text_to_video("fail upstream_loading", num_frames=4)
    assert loading.value.response.status_code == 503
    assert loading.value.response.json()["estimated_time"] == 7.2


def test_a_client_that_gives_up_cancels_its_job(model: str, near: ServerProcess, tmp_path: Path) -> None:
    hasty = Endpoint(model, timeout=1)
    with Gate(tmp_path) as gate:
        with pytest.raises(InferenceTimeoutError):
            hasty.text_to_video(gate.prompt, num_frames=4)

        def newest() -> Any:
            [video] = httpx2.get(f"{near.url}/v1/videos", params={"limit": 1}).json()["data"]
            return video["status"] == "failed" and video

        video = eventually(newest)
    assert (video["prompt"], video["error"]["code"]) == (gate.prompt, "cancelled")
