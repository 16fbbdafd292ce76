"""A synchronous caller that hangs up cancels its job; an asynchronous one does not."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import httpx2

from tests.api.asks import PATH, SMALL, generate, read_answer
from tests.servers import ServerProcess, eventually


def call(server: ServerProcess, prompt: str, *headers: str) -> socket.socket:
    """A request on a raw socket, whose answer nobody has read yet."""
    body = json.dumps({"prompt": prompt, **SMALL}).encode()
    head = ["POST " + PATH + " HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    connection = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30)
    connection.sendall("\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body)
    return connection


def newest(http: httpx2.Client, prompt: str) -> dict[str, object]:
    data = http.get("/v1/videos", params={"limit": 5}).json()["data"]
    return next((video for video in data if video["prompt"] == prompt), {})


def test_hanging_up_cancels_the_job(server: ServerProcess, http: httpx2.Client) -> None:
    prompt = "slow 3600"
    with call(server, prompt):
        eventually(lambda: newest(http, prompt).get("status") == "in_progress")
    video = eventually(lambda: (v := newest(http, prompt))["status"] == "failed" and v)
    assert video["error"] == {"code": "cancelled", "message": "The job was cancelled"}
    # The engine is free again as well, not only the row.
    assert generate(http, "paint").status_code == 200


def test_hanging_up_takes_a_waiting_job_out_of_the_queue(server: ServerProcess, http: httpx2.Client) -> None:
    with call(server, "slow 61"):
        eventually(lambda: newest(http, "slow 61").get("status") == "in_progress")
        with call(server, "slow 62"):
            eventually(lambda: newest(http, "slow 62").get("status") == "queued")
        eventually(lambda: newest(http, "slow 62")["status"] == "failed")
        assert newest(http, "slow 61")["status"] == "in_progress"
    eventually(lambda: newest(http, "slow 61")["status"] == "failed")


def test_an_asynchronous_job_goes_on(server: ServerProcess, http: httpx2.Client) -> None:
    with call(server, "slow 0.3", "Prefer: respond-async") as connection:
        assert read_answer(connection)[0] == 202
    eventually(lambda: newest(http, "slow 0.3")["status"] == "completed")


def test_a_job_that_another_caller_waits_for_goes_on(server: ServerProcess, http: httpx2.Client) -> None:
    key = "Idempotency-Key: two who wait"
    with call(server, "slow 1", key) as staying:
        eventually(lambda: newest(http, "slow 1").get("progress"))
        with call(server, "slow 1", key):
            time.sleep(0.05)  # so that the second one waits, too; the test holds either way
        assert read_answer(staying)[0] == 200
    assert newest(http, "slow 1")["status"] == "completed"


def test_a_cancelled_synchronous_request_is_told(server: ServerProcess, http: httpx2.Client) -> None:
    with call(server, "slow 63") as connection:
        video = eventually(lambda: (v := newest(http, "slow 63")).get("progress") and v)
        for _ in range(3):
            assert http.post(f"/v1/videos/{video['id']}/cancel").json()["status"] == "failed"
        status, _, body = read_answer(connection)
    assert status == 409
    assert json.loads(body) == {"success": False, "error": "The job was cancelled"}


def test_who_waits_while_the_server_stops_is_told_to_come_back(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", REELWRIGHT_DRAIN_S="0").start()
    with call(server, "slow 64") as connection, httpx2.Client(base_url=server.url) as http:
        eventually(lambda: newest(http, "slow 64").get("progress"))
        assert server.stop() == 0
        status, headers, body = read_answer(connection)
    assert (status, headers["Retry-After"]) == (503, "10")
    assert json.loads(body) == {"success": False, "error": "The server is stopping"}
