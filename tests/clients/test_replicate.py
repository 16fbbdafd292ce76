"""The `replicate` package from PyPI, as it is, through its `base_url`."""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.helpers import FileOutput
from replicate.webhook import InvalidSignatureError, Webhooks

from tests.api.asks import picture
from tests.api.videos import Gate
from tests.clients.conftest import ALIAS, CROWD, VERSION, Secure
from tests.fakes.receiver import Receiver
from tests.servers import ServerProcess, eventually

pytestmark = pytest.mark.client("replicate (Python)", "pypi:replicate")

SMALL: dict[str, Any] = {"width": 64, "height": 64, "num_frames": 4, "fps": 8}
TOY = "reelwright/toy"


@pytest.fixture
def client(near: ServerProcess) -> Iterator[Client]:
    client = Client(api_token="any", base_url=near.url)
    client.poll_interval = 0.02
    yield client
    client._client.close()


def asked(prompt: str, **fields: Any) -> dict[str, Any]:
    return {"prompt": prompt, **SMALL, **fields}


def content(output: Any) -> bytes:
    """The file behind an output: over plain HTTP this client leaves it an address, over HTTPS it opens it."""
    return httpx2.get(output).content


def test_run_returns_the_file(client: Client) -> None:
    assert content(client.run(TOY, input=asked("paint")))[4:8] == b"ftyp"


@pytest.mark.parametrize("name", [f"{TOY}:toy", ALIAS, f"{ALIAS}:{VERSION}"])
def test_run_of_a_version_and_of_others_models(client: Client, name: str) -> None:
    assert content(client.run(name, input=asked("paint")))[4:8] == b"ftyp"


def test_run_without_waiting_polls(client: Client) -> None:
    assert content(client.run(TOY, input=asked("slow 0.2"), wait=False))[4:8] == b"ftyp"


def test_run_goes_on_polling_when_the_wait_is_over(client: Client) -> None:
    assert content(client.run(TOY, input=asked("slow 1.5"), wait=1))[4:8] == b"ftyp"


async def test_async_run(near: ServerProcess) -> None:
    client = Client(api_token="any", base_url=near.url)
    assert content(await client.async_run(TOY, input=asked("paint")))[4:8] == b"ftyp"
    await client._async_client.aclose()


def test_a_prediction_from_start_to_end(client: Client, tmp_path: Path) -> None:
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


def test_a_version_names_the_model_too(client: Client) -> None:
    for version in ("toy", TOY, f"{TOY}:abc"):
        prediction = client.predictions.create(version=version, input=asked("paint"), wait=True)
        assert (prediction.status, prediction.model) == ("succeeded", TOY)


def test_cancel_is_one_end(client: Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        prediction = client.predictions.create(model=TOY, input=asked(gate.prompt))
        for _ in range(3):
            prediction.cancel()
            assert prediction.status == "canceled"
    prediction.reload()
    assert (prediction.status, prediction.error, prediction.output) == ("canceled", None, None)


def test_a_failed_prediction_is_a_model_error(client: Client) -> None:
    with pytest.raises(ModelError) as failed:
        client.run(TOY, input=asked("refuse"))
    assert failed.value.prediction.status == "failed"
    assert failed.value.prediction.error == "Prompt refused"


def test_the_list_has_pages(crowd: ServerProcess) -> None:
    client = Client(api_token="any", base_url=crowd.url)
    first = client.predictions.list()
    assert first.next
    second = client.predictions.list(first.next)
    assert (len(first), len(second), second.next) == (100, 20, None)
    ids = [prediction.id for page in (first, second) for prediction in page]
    assert len(set(ids)) == CROWD
    client._client.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "füchsin.png"
    path.write_bytes(picture())
    return path


def test_an_open_file_is_a_picture(client: Client, photo: Path) -> None:
    """The client's default: it uploads the file first, and sends its address."""
    with photo.open("rb") as file:
        assert content(client.run(TOY, input=asked("paint", image=file)))[4:8] == b"ftyp"
    newest = client.predictions.list().results[0]
    assert newest.input
    uploaded = client.files.get(newest.input["image"].rpartition("/")[2])
    assert (uploaded.name, uploaded.content_type, uploaded.size) == ("füchsin.png", "image/png", len(picture()))


@pytest.mark.parametrize("name", ["image", "start_image", "first_frame_image", "input_image"])
@pytest.mark.parametrize("strategy", [None, "url", "base64"])
def test_every_way_to_send_a_picture(client: Client, photo: Path, name: str, strategy: Any) -> None:
    for file in (photo, photo.open("rb"), io.BytesIO(picture())):
        options = {"file_encoding_strategy": strategy} if strategy else {}
        prediction = client.predictions.create(version=TOY, input=asked("paint", **{name: file}), wait=True, **options)
        assert prediction.status == "succeeded"
        assert prediction.input
        assert prediction.input[name].startswith("data:" if strategy == "base64" else client._client.base_url.scheme)
        if isinstance(file, io.IOBase):
            file.close()


async def test_async_files_and_predictions(near: ServerProcess, photo: Path) -> None:
    client = Client(api_token="any", base_url=near.url)
    with photo.open("rb") as file:
        assert content(await client.async_run(f"{TOY}:toy", input=asked("paint", image=file)))[4:8] == b"ftyp"
    uploaded = await client.files.async_create(photo, metadata={"team": "red"})
    assert (await client.files.async_get(uploaded.id)).metadata == {"team": "red"}
    prediction = await client.predictions.async_create(TOY, input=asked("paint", image=uploaded.urls["get"]))
    await prediction.async_wait()
    assert prediction.status == "succeeded"
    assert uploaded.id in [one.id for one in await client.files.async_list()]
    assert await client.files.async_delete(uploaded.id)
    await client._async_client.aclose()


def test_files(client: Client, photo: Path) -> None:
    uploaded = client.files.create(photo, filename="fox.png", content_type="image/x-fox", metadata={"team": "red"})
    assert (uploaded.content_type, uploaded.metadata) == ("image/x-fox", {"team": "red"})
    assert uploaded.id in [one.id for one in client.files.list()]
    assert client.files.delete(uploaded.id)
    with pytest.raises(ReplicateError) as gone:
        client.files.get(uploaded.id)
    assert (gone.value.status, gone.value.title) == (404, "Not found")
    with pytest.raises(ReplicateError) as spent:
        client.run(TOY, input=asked("paint", image=uploaded.urls["get"]))
    assert "24 hours" in (spent.value.detail or "")


def test_over_https_the_output_is_a_file(secure: Secure, photo: Path) -> None:
    transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=secure.authority))
    client = Client(api_token="any", base_url=secure.url, transport=transport)
    with photo.open("rb") as file:
        output = client.run(TOY, input=asked("paint", image=file))
    assert isinstance(output, FileOutput)
    assert output.url.startswith(secure.url)
    assert output.read()[4:8] == b"ftyp"
    assert b"".join(output)[4:8] == b"ftyp"
    assert client.run(TOY, input=asked("paint"), use_file_output=False).startswith(secure.url)
    client._client.close()


def test_models_versions_and_the_account(client: Client) -> None:
    model = client.models.get(TOY)
    assert model.id == TOY
    assert TOY in [one.id for one in client.models.list()]
    assert model.latest_version
    [version] = model.versions.list()
    assert version == model.latest_version == model.versions.get(version.id)
    for ref in (model, version, f"{TOY}:{version.id}"):
        assert content(client.run(ref, input=asked("paint")))[4:8] == b"ftyp"
    prediction = client.predictions.create(version=version, input=asked("paint"), wait=True)
    assert (prediction.status, prediction.version) == ("succeeded", version.id)
    assert client.accounts.current().username == "reelwright"


def test_a_webhook_is_verified(client: Client) -> None:
    secret = client.webhooks.default.secret()
    with Receiver(host="127.0.0.1") as receiver:
        prediction = client.predictions.create(
            model=TOY, input=asked("paint"), webhook=receiver.url, webhook_events_filter=["completed"]
        )
        eventually(lambda: receiver.received)
    [message] = receiver.received
    headers, body = dict(message.headers), message.body.decode()
    Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=60)
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=headers, body=body.replace("paint", "point"), secret=secret)
    told = json.loads(body)
    assert (told["id"], told["status"], told["webhook"]) == (prediction.id, "succeeded", receiver.url)


def test_the_webhooks_first_name_is_read(client: Client) -> None:
    with Receiver(host="127.0.0.1") as receiver:
        client.predictions.create(version=TOY, input=asked("paint"), webhook_completed=receiver.url)
        eventually(lambda: receiver.received)


def test_what_there_is_not_is_told(client: Client) -> None:
    for call in (
        lambda: client.deployments.get("acme/video"),
        lambda: client.deployments.predictions.create("acme/video", {"prompt": "paint"}),
        client.collections.list,
        client.hardware.list,
        client.trainings.list,
        lambda: client.models.get("somebody/unheard-of"),
        lambda: client.models.get(TOY).versions.get("unheard-of"),
    ):
        with pytest.raises(ReplicateError) as missing:
            call()
        assert (missing.value.status, missing.value.title) == (404, "Not found")
    with pytest.raises(ReplicateError, match="does not support streaming"):
        next(iter(client.stream(TOY, input=asked("paint"))))


def test_an_image_by_url(client: Client, picture_url: str) -> None:
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
def test_a_bad_input_is_named(client: Client, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ReplicateError) as bad:
        client.predictions.create(model=TOY, input={**asked("paint"), **fields})
    assert bad.value.status == 422
    assert bad.value.title == "Input validation failed"
    assert f"input.{named}" in (bad.value.detail or "")


def test_errors_have_their_status(client: Client) -> None:
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
    wrong, right = (Client(api_token=key, base_url=keyed.url) for key in ("wrong", "right-key-0123456789"))
    with pytest.raises(ReplicateError) as refused:
        wrong.run(TOY, input=asked("paint"))
    assert (refused.value.status, refused.value.title) == (401, "Unauthenticated")
    url = str(right.run(TOY, input=asked("paint")))
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, headers={"Authorization": "Token right-key-0123456789"}).content[4:8] == b"ftyp"
    for client in (wrong, right):
        client._client.close()
