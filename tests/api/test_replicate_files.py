"""Replicate's files over HTTP: what is kept of them, whose they are, and every way to name one as a picture."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.api.asks import picture
from tests.api.test_replicate import SMALL, URL, problem
from tests.fakes.receiver import HOST, Receiver
from tests.servers import ServerProcess, eventually

SMALL_BODY = 300_000
ANN, BOB = "ann-0123456789abc", "bob-0123456789abc"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with two keys that sweeps all the time and takes small bodies only."""
    environment = {"REELWRIGHT_API_KEYS": f"{ANN}, {BOB}", "REELWRIGHT_SWEEP_S": "0.1", "REELWRIGHT_MAX_BODY_MB": "0.3"}
    running = ServerProcess(tmp_path_factory.mktemp("files") / "data", REACHABLE=HOST, **environment).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def ann(keyed: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=keyed.url, timeout=30, headers={"Authorization": f"Bearer {ANN}"}) as client:
        yield client


@pytest.fixture(scope="module")
def bob(keyed: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=keyed.url, timeout=30, headers={"Authorization": f"Token {BOB}"}) as client:
        yield client


def upload(client: httpx2.Client, data: bytes | None = None, **fields: Any) -> dict[str, Any]:
    files = {"content": ("fox.png", data or picture(), "image/png")}
    answer = client.post("/v1/files", files=files, data=fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def paint(client: httpx2.Client, image: str, name: str = "image") -> httpx2.Response:
    return client.post(URL, json={"input": {"prompt": "paint", **SMALL, name: image}}, headers={"Prefer": "wait"})


def on_disk(server: ServerProcess) -> list[Path]:
    return [path for path in (server.data_dir / "uploads").rglob("file_*") if path.is_file()]


def test_a_file_has_its_facts(http: httpx2.Client) -> None:
    file = upload(http, metadata=json.dumps({"team": "red"}), filename="../a/böse\n.html", type="text/html; x=y")
    assert (file["name"], file["content_type"], file["metadata"]) == ("böse.html", "text/html", {"team": "red"})
    assert (file["size"], len(file["checksums"]["sha256"])) == (len(picture()), 64)
    assert file["urls"]["get"] == str(http.base_url).rstrip("/") + f"/v1/files/{file['id']}"
    assert http.get(file["urls"]["get"]).json() == file
    assert file in http.get("/v1/files").json()["results"]
    assert http.delete(file["urls"]["get"]).status_code == 204
    problem(http.get(file["urls"]["get"]), 404)
    problem(http.delete(file["urls"]["get"]), 404)


def test_what_was_sent_is_never_served_as_a_page(http: httpx2.Client) -> None:
    for data, expected in ((b"<script>alert(1)</script>", "application/octet-stream"), (picture(), "image/png")):
        file = upload(http, data, type="text/html", filename="x.html")
        answer = http.get(f"{file['urls']['get']}/download")
        assert answer.content == data
        assert answer.headers["Content-Type"] == expected
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{file["id"]}"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"data": {"content": "x"}}, 422, "content"),
        ({"json": {"content": "x"}}, 422, "content"),
        ({"files": {"file": ("x", b"x")}}, 422, "'file'"),
        ({"files": {"content": ("x", b"x")}, "data": {"metadata": "{"}}, 422, "Malformed JSON"),
        ({"files": {"content": ("x", b"x")}, "data": {"metadata": "[]"}}, 422, "metadata"),
        ({"files": {"content": ("x", b"x")}, "data": {"metadata": '{"a": "\\ud800"}'}}, 422, "metadata"),
        ({"files": {"content": ("x", b"x")}, "data": {"metadata": json.dumps({"a": "x" * 5_000})}}, 422, "metadata"),
        ({"content": b"x", "headers": {"Content-Type": "image/png"}}, 415, "image/png"),
        ({"files": {"content": ("x", b"x" * SMALL_BODY)}}, 413, "0.3 MB"),
    ],
)
def test_a_bad_upload_is_told(ann: httpx2.Client, body: dict[str, Any], status: int, named: str) -> None:
    assert named in problem(ann.post("/v1/files", **body), status)["detail"]


def test_every_spelling_of_the_servers_own_address_names_the_file(http: httpx2.Client, server: ServerProcess) -> None:
    file = upload(http)
    path = f"/v1/files/{file['id']}"
    for address in (
        file["urls"]["get"],
        f"{file['urls']['get']}/download",
        f"https://reel.example{path}",
        f"HTTP://LOCALHOST{path}/",
        f"https://proxy.example/reel{path}?x=1#y",
        f" http://[::1]:3001{path}",
    ):
        for name in ("image", "start_image", "first_frame_image", "input_image"):
            answer = paint(http, address, name)
            assert (answer.status_code, answer.json().get("status")) == (201, "succeeded"), (address, answer.text)
    # What is not a picture is refused as any other.
    text = upload(http, b"no picture")
    assert "PNG, JPEG or WebP" in problem(paint(http, text["urls"]["get"]), 422)["detail"]


def test_a_file_is_its_keys_only(keyed: ServerProcess, ann: httpx2.Client, bob: httpx2.Client) -> None:
    file = upload(ann)
    own = file["urls"]["get"]
    assert paint(ann, own).json()["status"] == "succeeded"
    assert bob.get("/v1/files").json()["results"] == []
    made_up = own[:-1] + ("0" if own[-1] != "0" else "1")
    for method, ending in (("GET", ""), ("DELETE", ""), ("GET", "/download")):
        assert problem(bob.request(method, own + ending), 404) == problem(bob.request(method, made_up + ending), 404)
        problem(httpx2.request(method, own + ending), 401)
    problem(httpx2.post(f"{keyed.url}/v1/files", files={"content": b"x"}), 401)
    refused, unknown = (problem(paint(bob, address), 422)["detail"] for address in (own, made_up))
    assert refused.replace(own, "") == unknown.replace(made_up, "")
    assert refused.startswith("- input.image: ")
    assert ann.get(own).status_code == 200


def test_files_outlive_a_restart_and_another_database_and_not_their_time(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", REELWRIGHT_SWEEP_S="0.1").start()
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        file = upload(client)
        server.kill()
    for name in ("reelwright.db", "reelwright.db-wal", "reelwright.db-shm", "database-id"):
        (server.data_dir / name).unlink(missing_ok=True)
    server.start()
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        again = f"{server.url}/v1/files/{file['id']}"
        assert paint(client, again).json()["status"] == "succeeded"
        # As if it had been sent long ago: its id says when that was.
        [path] = on_disk(server)
        old = path.with_name("file_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        shutil.copy(path, old)
        eventually(lambda: not old.exists())
        assert path.exists()
        detail = problem(paint(client, f"{server.url}/v1/files/{old.name}"), 422)["detail"]
        assert "24 hours" in detail
        assert client.get(again).status_code == 200
    assert server.stop() == 0
    assert "Traceback" not in server.log_text(), server.log_text()


def test_a_keys_webhook_secret_verifies_its_own_messages_only(ann: httpx2.Client, bob: httpx2.Client) -> None:
    own, other = (client.get("/v1/webhooks/default/secret").json()["key"] for client in (ann, bob))
    with Receiver() as receiver:
        body = {"input": {"prompt": "paint", **SMALL}, "webhook": receiver.url, "webhook_events_filter": ["completed"]}
        prediction = ann.post(URL, json=body).json()
        assert (prediction["webhook"], prediction["webhook_events_filter"]) == (receiver.url, ["completed"])
        eventually(lambda: receiver.received)
    [message] = receiver.received
    assert Verifier(own).verify(message.body, dict(message.headers))["id"] == prediction["id"]
    with pytest.raises(WebhookVerificationError):
        Verifier(other).verify(message.body, dict(message.headers))


def test_an_account_is_its_key_and_tells_nothing_of_it(ann: httpx2.Client, bob: httpx2.Client) -> None:
    accounts = [client.get("/v1/account").json() for client in (ann, bob)]
    assert accounts[0]["username"] != accounts[1]["username"]
    assert ANN not in json.dumps(accounts[0])
    with httpx2.Client(base_url=ann.base_url) as stranger:
        for path in ("/v1/account", "/v1/webhooks/default/secret", "/v1/deployments", "/v1/predictions"):
            assert problem(stranger.get(path), 401)["title"] == "Unauthenticated"
