"""The `replicate` package from PyPI, as it is, through its `base_url`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import replicate
from replicate.exceptions import ModelError, ReplicateError

from tests.api.asks import picture
from tests.api.videos import Gate
from tests.clients.conftest import ALIAS, CROWD, VERSION
from tests.servers import ServerProcess, eventually

pytestmark = pytest.mark.client("replicate (Python)", "pypi:replicate")

SMALL: dict[str, Any] = {"width": 64, "height": 64, "num_frames": 4, "fps": 8}
TOY = "reelwright/toy"


@pytest.fixture
def client(near: ServerProcess) -> Iterator[replicate.Client]:
    client = replicate.Client(api_token="any", base_url=near.url)
    client.poll_interval = 0.02
    yield client
    client._client.close()


def asked(prompt: str, **fields: Any) -> dict[str, Any]:
    return {"prompt": prompt, **SMALL, **fields}


def content(output: Any) -> bytes:
    """The file behind an output: over plain HTTP this client leaves it an address, over HTTPS it opens it."""
    return httpx2.get(output).content


def test_run_returns_the_file(client: replicate.Client) -> None:
    assert content(client.run(TOY, input=asked("paint")))[4:8] == b"ftyp"


@pytest.mark.parametrize("name", [f"{TOY}:toy", ALIAS, f"{ALIAS}:{VERSION}"])
def test_run_of_a_version_and_of_others_models(client: replicate.Client, name: str) -> None:
    assert content(client.run(name, input=asked("paint")))[4:8] == b"ftyp"


def test_run_without_waiting_polls(client: replicate.Client) -> None:
    assert content(client.run(TOY, input=asked("slow 0.2"), wait=False))[4:8] == b"ftyp"


def test_run_goes_on_polling_when_the_wait_is_over(client: replicate.Client) -> None:
    assert content(client.run(TOY, input=asked("slow 1.5"), wait=1))[4:8] == b"ftyp"


async def test_async_run(near: ServerProcess) -> None:
    client = replicate.Client(api_token="any", base_url=near.url)
    assert content(await client.async_run(TOY, input=asked("paint")))[4:8] == b"ftyp"
    await client._async_client.aclose()


def test_a_prediction_from_start_to_end(client: replicate.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        prediction = client.predictions.create(model=TOY, input=asked(gate.with_preview, seed=6))
        assert prediction.status in ("starting", "processing")
        assert (prediction.model, prediction.output, prediction.error) == (TOY, None, None)
        assert prediction.urls
        assert prediction.urls["get"].endswith(f"/v1/predictions/{prediction.id}")

        def progress() -> Any:
            prediction.reload()
            return prediction.progress and prediction.progress.percentage > 0 and prediction.progress

        assert eventually(progress).current == 19
        assert prediction.status == "processing"
        gate.open()
        prediction.wait()
    assert prediction.status == "succeeded"
    assert prediction.metrics
    assert prediction.metrics["predict_time"] > 0
    assert prediction.input
    assert prediction.input["seed"] == 6
    assert prediction.created_at
    assert prediction.started_at
    assert prediction.completed_at
    assert prediction.created_at <= prediction.started_at <= prediction.completed_at


def test_a_version_names_the_model_too(client: replicate.Client) -> None:
    for version in ("toy", TOY, f"{TOY}:abc"):
        prediction = client.predictions.create(version=version, input=asked("paint"), wait=True)
        assert (prediction.status, prediction.model) == ("succeeded", TOY)


def test_cancel_is_one_end(client: replicate.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        prediction = client.predictions.create(model=TOY, input=asked(gate.prompt))
        for _ in range(3):
            prediction.cancel()
            assert prediction.status == "canceled"
    prediction.reload()
    assert (prediction.status, prediction.error, prediction.output) == ("canceled", None, None)


def test_a_failed_prediction_is_a_model_error(client: replicate.Client) -> None:
    with pytest.raises(ModelError) as failed:
        client.run(TOY, input=asked("refuse"))
    assert failed.value.prediction.status == "failed"
    assert failed.value.prediction.error == "Prompt refused"


def test_the_list_has_pages(crowd: ServerProcess) -> None:
    client = replicate.Client(api_token="any", base_url=crowd.url)
    first = client.predictions.list()
    assert first.next
    second = client.predictions.list(first.next)
    assert (len(first), len(second), second.next) == (100, 20, None)
    ids = [prediction.id for page in (first, second) for prediction in page]
    assert len(set(ids)) == CROWD
    client._client.close()


@pytest.mark.parametrize("name", ["image", "start_image", "first_frame_image"])
def test_an_image(client: replicate.Client, name: str) -> None:
    file = io.BytesIO(picture())
    file.name = "fox.png"
    prediction = client.predictions.create(
        version=TOY, input=asked("paint", **{name: file}), wait=True, file_encoding_strategy="base64"
    )
    assert prediction.status == "succeeded"


def test_an_image_by_url(client: replicate.Client, picture_url: str) -> None:
    assert content(client.run(TOY, input=asked("paint", image=picture_url)))[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"prompt": ""}, "prompt"),
        ({"num_frames": 10**9}, "num_frames"),
        ({"seed": "x"}, "seed"),
        ({"promt": "x"}, "promt"),
        ({"image": "http://10.0.0.1/x.png"}, "image"),
        ({"image": "data:image/png;base64,AAAA"}, "image"),
    ],
)
def test_a_bad_input_is_named(client: replicate.Client, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ReplicateError) as bad:
        client.predictions.create(model=TOY, input={**asked("paint"), **fields})
    assert bad.value.status == 422
    assert bad.value.title == "Input validation failed"
    assert f"input.{named}" in (bad.value.detail or "")


def test_errors_have_their_status(client: replicate.Client) -> None:
    with pytest.raises(ReplicateError) as missing:
        client.predictions.get("nonsense")
    assert (missing.value.status, missing.value.title) == (404, "Not found")
    with pytest.raises(ReplicateError) as model:
        client.run("somebody/unheard-of", input=asked("paint"))
    assert "reelwright/toy" in (model.value.detail or "")
    with pytest.raises(ReplicateError) as webhook:
        client.predictions.create(model=TOY, input=asked("paint"), webhook="http://10.0.0.1/hook")
    assert webhook.value.status == 422
    with pytest.raises(ReplicateError) as cursor:
        client.predictions.list("/v1/predictions?cursor=nonsense")
    assert cursor.value.status == 422


def test_a_wrong_key_is_refused(keyed: ServerProcess) -> None:
    wrong, right = (replicate.Client(api_token=key, base_url=keyed.url) for key in ("wrong", "right"))
    with pytest.raises(ReplicateError) as refused:
        wrong.run(TOY, input=asked("paint"))
    assert (refused.value.status, refused.value.title) == (401, "Unauthenticated")
    url = str(right.run(TOY, input=asked("paint")))
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, headers={"Authorization": "Token right"}).content[4:8] == b"ftyp"
    for client in (wrong, right):
        client._client.close()
