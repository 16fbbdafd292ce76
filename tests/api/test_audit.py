"""`/v1/audit` and `reelwright audit`: who made, read and deleted what, who was refused; never a prompt, never a key."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.api.keyholders import House, holding, house
from tests.api.videos import SMALL, cancel, create, made
from tests.cli.command import run
from tests.databases import ON_BOTH, Settings, run_sql
from tests.servers import ServerProcess, eventually


@pytest.fixture(scope="module")
def locked(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("audit") / "data", shared_database, REELWRIGHT_REFUSED_WORDS="gore") as running:
        yield running


def entries(admin: httpx2.Client, **query: Any) -> list[dict[str, Any]]:
    answer = admin.get("/v1/audit", params={"order": "asc", "limit": 1000, **query})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def told(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["action"], one["about"]) for one in found]


def test_who_made_read_cancelled_and_deleted_a_video(locked: House) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    key = locked.make()
    with holding(locked.server, key["key"]) as client:
        video = made(client, "a secret prompt")
        once = {"Idempotency-Key": "once"}
        for _ in range(2):
            again = client.post("/v1/videos", json={"prompt": "paint", **SMALL}, headers=once).json()
        for part in ("bytes=0-9", "bytes=10-19", "bytes=20-29"):  # a player asks for many ranges: one entry
            assert client.get(f"/v1/videos/{video['id']}/content", headers={"Range": part}).status_code == 206
        assert client.get(f"/v1/videos/{video['id']}").status_code == 200  # a look at how far it is: none
        assert client.post(f"/v1/videos/{video['id']}/share", json={"days": 1}).status_code == 200
        assert client.post(f"/v1/videos/{again['id']}/share", json={"days": 0}).status_code == 400
        slow = cancel(client, create(client, "slow 30"))
        assert client.delete(f"/v1/videos/{video['id']}").status_code == 200
    own = entries(locked.admin, key=key["id"])
    assert told(own) == [
        ("video.created", video["id"]),
        ("video.created", again["id"]),
        ("video.shared", video["id"]),
        ("video.created", slow["id"]),
        ("video.cancelled", slow["id"]),
        ("video.deleted", video["id"]),
        ("video.read", video["id"]),
    ]
    assert {(one["address"], one["number"], one["code"]) for one in own} == {("127.0.0.1", 1, "")}
    assert all(begun <= datetime.fromisoformat(one["at"]) <= datetime.now(UTC) for one in own)
    (read,) = entries(locked.admin, about=video["id"], action="video.read")
    assert read["key"] == key["id"]
    with holding(locked.server, locked.make(owner=key["owner"])["key"]) as colleague:
        made(colleague)
    everything = json.dumps(entries(locked.admin))
    assert "secret prompt" not in everything
    assert key["key"] not in everything


def test_what_happens_to_keys_is_told_with_who_did_it(locked: House) -> None:
    (admin,) = [one for one in locked.admin.get("/v1/keys").json()["data"] if one["name"] == "operator"]
    assert [one["key"] for one in entries(locked.admin, about=admin["id"])] == ["command"]
    key = locked.make()
    assert locked.admin.post(f"/v1/keys/{key['id']}", json={"name": "bob"}).status_code == 200
    assert locked.admin.post(f"/v1/keys/{key['id']}/rotate").status_code == 200
    settings = {**locked.settings, "REELWRIGHT_DATA_DIR": str(locked.server.data_dir)}
    assert run("keys", "revoke", key["id"], cwd=locked.server.data_dir, **settings).returncode == 0
    assert locked.admin.delete(f"/v1/keys/{key['id']}").status_code == 200  # it was ended before: nothing happened
    found = [(one["action"], one["key"]) for one in entries(locked.admin, about=key["id"])]
    assert found == [
        ("key.created", admin["id"]),
        ("key.changed", admin["id"]),
        ("key.rotated", admin["id"]),
        ("key.revoked", "command"),
    ]


def test_refusals_are_counted_by_kind_and_fill_no_disk(locked: House) -> None:
    """A thousand knocks at the door are one row; each kind and key has its own."""
    before = {one["id"] for one in entries(locked.admin)}
    reader = locked.make(scopes=["read"])
    busy = locked.make(limits={"requests_per_minute": 1})
    writer = locked.make()
    with httpx2.Client(base_url=locked.server.url) as stranger:
        wrong = {"Authorization": "Bearer rw_wrong"}
        statuses = [stranger.get("/v1/videos", headers=wrong).status_code for _ in range(320)]
        assert set(statuses) == {401, 429}  # wrong keys are counted by address as well
        assert stranger.get("/v1/videos", headers={"Host": "evil.example"}).status_code == 421
    with holding(locked.server, reader["key"]) as client:
        assert client.post("/v1/videos", json={"prompt": "paint"}).status_code == 403
        assert client.get("/v1/videos/video_00000000000000000000000000").status_code == 404  # wrong, not refused
    with holding(locked.server, busy["key"]) as client:
        assert [client.get("/v1/videos").status_code for _ in range(4)] == [200, 429, 429, 429]
    with holding(locked.server, writer["key"]) as client:
        assert client.post("/v1/videos", json={"prompt": "gore", **SMALL}).status_code == 422
    found = [one for one in entries(locked.admin, action="request.refused") if one["id"] not in before]
    assert sorted((one["key"], one["code"], one["number"]) for one in found) == sorted(
        [
            ("", "misdirected", 1),
            ("", "rate_limited", statuses.count(429)),
            ("", "unauthorized", statuses.count(401)),
            (reader["id"], "forbidden", 1),
            (busy["id"], "rate_limited", 3),
            (writer["id"], "refused", 1),
        ]
    )
    assert {one["address"] for one in found} == {"127.0.0.1"}


def test_pages_lead_through_all_of_it_in_both_orders(locked: House) -> None:
    for number in range(5):
        locked.make(name=f"page {number}")
    for order in ("asc", "desc"):
        seen: list[str] = []
        query: dict[str, Any] = {"order": order, "limit": 2, "action": "key.created"}
        while True:
            page = locked.admin.get("/v1/audit", params=query).json()
            seen += [one["id"] for one in page["data"]]
            query["after"] = page["last_id"]
            if not page["has_more"]:
                break
        assert seen == sorted(seen, reverse=order == "desc")
        assert len(seen) == len(set(seen)) >= 5
    assert entries(locked.admin, since="2099-01-01") == []
    assert entries(locked.admin, since=f"{datetime.now(UTC):%Y-%m-%d}")


@pytest.mark.parametrize(
    ("name", "value"), [("since", "yesterday"), ("action", "video.sold"), ("after", "x"), ("limit", "0"), ("key", "\0")]
)
def test_a_wrong_filter_is_named(locked: House, name: str, value: str) -> None:
    answer = locked.admin.get("/v1/audit", params={name: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)


def test_the_command_exports_it(locked: House) -> None:
    key = locked.make()
    settings = {**locked.settings, "REELWRIGHT_DATA_DIR": str(locked.server.data_dir)}

    def ask(*options: str) -> str:
        shown = run("audit", *options, cwd=locked.server.data_dir, **settings)
        assert shown.returncode == 0, shown.stderr
        return shown.stdout

    (row,) = csv.DictReader(io.StringIO(ask("--about", key["id"], "--csv")))
    (line,) = map(json.loads, ask("--about", key["id"], "--json", "--since", "2026-01-01").splitlines())
    assert row == {name: str(value) for name, value in line.items()}
    assert (line["action"], line["about"]) == ("key.created", key["id"])
    assert key["id"] in ask("--action", "key.created")
    wrong = run("audit", "--action", "key.sold", cwd=locked.server.data_dir, **settings)
    assert (wrong.returncode, "key.created" in wrong.stderr) == (2, True)


def test_the_database_itself_refuses_to_change_a_row(locked: House) -> None:
    locked.make()
    with pytest.raises((sqlite3.DatabaseError, psycopg.DatabaseError), match="never changed"):
        run_sql(locked.server, "UPDATE audit SET key = 'somebody else'")


def test_what_was_gathered_is_written_when_the_server_stops(locked: House) -> None:
    with locked.holder() as client:
        video = made(client)
        assert client.get(f"/v1/videos/{video['id']}/content").status_code == 200
    locked.server.stop()
    rows = run_sql(locked.server, "SELECT action FROM audit WHERE about = ? ORDER BY id", video["id"])
    assert [row[0] for row in rows] == ["video.created", "video.read"]
    locked.server.start()


@ON_BOTH
def test_entries_go_when_their_time_is_over(database: Settings, tmp_path: Path) -> None:
    """And with 0 days nothing is written at all, nor is kept what was there."""
    data_dir = tmp_path / "data"
    with house(data_dir, database, REELWRIGHT_SWEEP_S="0.2") as locked:
        with holding(locked.server, locked.make()["key"]) as client:
            video = made(client)
        # As if it had been written a hundred days ago.
        copied = "SELECT 'audit_00' || substr(id, 9), at, action, key, about, code, number, address FROM audit"
        run_sql(locked.server, f"INSERT INTO audit {copied}")
        eventually(lambda: not run_sql(locked.server, "SELECT id FROM audit WHERE id LIKE 'audit_00%'"))
        assert run_sql(locked.server, "SELECT id FROM audit WHERE about = ?", video["id"])
        locked.server.stop()
        none_kept = ServerProcess(data_dir, **database, REELWRIGHT_SWEEP_S="0.2", REELWRIGHT_AUDIT_DAYS="0")
        with none_kept as server:
            assert httpx2.get(f"{server.url}/v1/videos").status_code == 401
            eventually(lambda: not run_sql(server, "SELECT id FROM audit"))
