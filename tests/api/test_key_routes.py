"""`/v1/keys`: keys are made, shown once, changed, rotated and ended; and what ends, ends at once on every process."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.jobs.keyring import HEARD_LOOK_S
from reelwright.store.key_text import KEY
from tests.api.keyholders import House, holding, house, new_admin
from tests.api.videos import ended, look, made
from tests.cli.command import run
from tests.databases import Settings, run_sql
from tests.servers import ServerProcess, eventually

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UNKNOWN = "key_00000000000000000000000000"


@pytest.fixture(scope="module")
def locked(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("keys") / "data", shared_database) as running:
        yield running


def lets_in(server: ServerProcess, key: str) -> bool:
    answer = httpx2.get(f"{server.url}/v1/videos", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_a_new_key_has_the_form_that_scanners_know_and_is_shown_once(locked: House) -> None:
    told = locked.make(name="Ann's laptop", expires_at=time.time() + 3600, limits={"running": 2})
    text = told.pop("key")
    assert re.fullmatch(KEY, text)
    body, check = text[3:46], text[46:]
    number = 0
    for digit in check:
        number = number * 62 + DIGITS.index(digit)
    assert number == zlib.crc32(body.encode())
    assert locked.admin.get(f"/v1/keys/{told['id']}").json() == told
    assert (told["name"], told["owner"], told["scopes"]) == ("Ann's laptop", told["id"], ["generate", "read"])
    assert told["own_limits"] == {"running": 2}
    assert (told["limits"]["running"], told["limits"]["waiting"]) == (2, 9_000)
    shown = locked.admin.get("/v1/keys").text
    written = b"".join(path.read_bytes() for path in locked.server.data_dir.rglob("*") if path.is_file())
    assert text not in shown
    assert text not in locked.server.log_text()
    assert text.encode() not in written
    assert text not in str(run_sql(locked.server, "SELECT * FROM api_keys"))


@pytest.mark.parametrize("header", ["Authorization: Bearer", "Authorization: Token", "X-API-Key:", "api-key:"])
def test_a_key_comes_in_every_header_that_clients_know(locked: House, header: str) -> None:
    name, _, scheme = header.partition(": ")
    value = f"{scheme} {locked.make()['key']}".strip()
    answer = httpx2.get(f"{locked.server.url}/v1/videos", headers={name.rstrip(":"): value})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x", "owner": "*"}, "owner"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes"),
        ({"name": "x", "scopes": "read"}, "scopes"),
        ({"name": "x", "expires_at": 1}, "expires_at"),
        ({"name": "x", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x", "expires_at": 1e300}, "expires_at"),
        ({"name": "x", "limits": {"speed": 1}}, "limits"),
        ({"name": "x", "limits": {"running": 0}}, "limits[running]"),
        ({"name": "x", "limits": {"running": True}}, "limits[running]"),
        ({"name": "x", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named(locked: House, fields: dict[str, Any], named: str) -> None:
    answer = locked.admin.post("/v1/keys", json=fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, named)


def test_keys_come_as_json_only(locked: House) -> None:
    assert locked.admin.post("/v1/keys", data={"name": "x"}).status_code == 415
    assert locked.admin.post(f"/v1/keys/{UNKNOWN}", json={"name": "x"}).status_code == 404
    assert locked.admin.delete(f"/v1/keys/{UNKNOWN}").status_code == 404


def test_a_key_that_expires_ends_by_itself(locked: House) -> None:
    key = locked.make(expires_at=time.time() + 1.5)["key"]
    assert lets_in(locked.server, key)
    eventually(lambda: not lets_in(locked.server, key))


def test_a_change_counts_at_once(locked: House) -> None:
    told = locked.make()
    with holding(locked.server, told["key"]) as client:
        assert client.delete("/v1/videos/x").status_code == 404
        changed = locked.admin.post(f"/v1/keys/{told['id']}", json={"scopes": ["read"], "name": "reader"})
        assert (changed.status_code, changed.json()["name"]) == (200, "reader")
        assert client.delete("/v1/videos/x").status_code == 403
        forever = locked.admin.post(f"/v1/keys/{told['id']}", json={"expires_at": None, "limits": {"running": None}})
        assert (forever.json()["expires_at"], forever.json()["own_limits"]) == (None, {"running": None})


def test_a_rotated_key_keeps_its_videos_and_the_old_text_ends_when_it_was_said(locked: House) -> None:
    first = locked.make()
    with holding(locked.server, first["key"]) as client:
        video = made(client)
    second = locked.admin.post(f"/v1/keys/{first['id']}/rotate", json={"keep_s": 1.5}).json()
    assert second["id"] == first["id"]
    assert lets_in(locked.server, first["key"])
    with holding(locked.server, second["key"]) as client:
        assert look(client, video)["id"] == video["id"]
    eventually(lambda: not lets_in(locked.server, first["key"]))
    third = locked.admin.post(f"/v1/keys/{first['id']}/rotate").json()
    assert not lets_in(locked.server, second["key"])
    assert lets_in(locked.server, third["key"])


def test_a_revoked_key_ends_at_once_and_its_jobs_go_on(locked: House) -> None:
    told = locked.make(owner="acme")
    with holding(locked.server, told["key"]) as client, locked.holder(owner="acme") as colleague:
        video = client.post("/v1/videos", json={"prompt": "slow 0.3", "model": "toy", "size": "64x64", "num_frames": 4})
        assert locked.admin.delete(f"/v1/keys/{told['id']}").json()["revoked"]
        assert client.get("/v1/videos").status_code == 401
        assert ended(colleague, video.json())["status"] == "completed"
    again = locked.admin.delete(f"/v1/keys/{told['id']}")
    assert again.status_code == 200
    for call in ("", "/rotate"):
        answer = locked.admin.post(f"/v1/keys/{told['id']}{call}", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_when_a_key_was_used_last_is_written_once_a_minute(locked: House) -> None:
    told = locked.make()

    def row() -> tuple[Any, ...]:
        query = "SELECT used_at, version FROM api_keys WHERE id = ?"
        return run_sql(locked.server, query, told["id"])[0]

    assert row() == (None, 1)
    assert lets_in(locked.server, told["key"])
    first = eventually(lambda: row()[0])
    assert abs(first - time.time()) < 20
    for _ in range(3):
        assert lets_in(locked.server, told["key"])
        time.sleep(0.3)  # the next looks of the keyring
    assert row() == (first, 1)
    assert locked.admin.get(f"/v1/keys/{told['id']}").json()["last_used_at"] == int(first)


def test_the_last_key_s_end_opens_the_door_to_nobody(database: Settings, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    key = new_admin(data_dir, database)
    with ServerProcess(data_dir, **database) as server, holding(server, key) as admin:
        (only,) = admin.get("/v1/keys").json()["data"]
        admin.delete(f"/v1/keys/{only['id']}")
        assert not lets_in(server, key)
        assert httpx2.get(f"{server.url}/v1/videos").status_code == 401
        server.stop()
        server.start()
        assert httpx2.get(f"{server.url}/v1/videos").status_code == 401


def test_the_command_changes_keys_beside_the_server(locked: House) -> None:
    """As an operator does, on the machine: the server knows it within a moment."""
    folder, settings = locked.server.data_dir, {**locked.settings, "REELWRIGHT_DATA_DIR": str(locked.server.data_dir)}
    made_key = run("keys", "create", "--name", "ci", cwd=folder, **settings)
    key = made_key.stdout.strip()
    eventually(lambda: lets_in(locked.server, key))
    key_id = made_key.stderr.split()[0]
    assert run("keys", "revoke", key_id, cwd=folder, **settings).returncode == 0
    eventually(lambda: not lets_in(locked.server, key))


def test_of_two_servers_on_one_postgres_both_know_at_once(postgres: str, tmp_path: Path) -> None:
    """A notice tells it: most times before the look, which comes after half its interval on average."""
    settings = {"DATABASE_URL": postgres}
    admin_key = new_admin(tmp_path / "data", settings)
    first = ServerProcess(tmp_path / "data", "first", **settings)
    second = ServerProcess(tmp_path / "data", "second", **settings)
    with first, second, holding(first, admin_key) as admin:
        delays = []
        for _ in range(5):
            told = admin.post("/v1/keys", json={"name": "x"}).json()
            eventually(lambda told=told: lets_in(second, told["key"]))
            admin.delete(f"/v1/keys/{told['id']}")
            begun = time.monotonic()
            assert not lets_in(first, told["key"])
            eventually(lambda told=told: not lets_in(second, told["key"]), every_s=0.002)
            delays.append(time.monotonic() - begun)
        assert sorted(delays)[2] < HEARD_LOOK_S / 2
