"""`reelwright keys` on a data directory that no server has worked on yet, and what it refuses."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import httpx2
import pytest

from tests.api.keyholders import new_admin
from tests.cli.command import run
from tests.databases import ON_BOTH, Settings
from tests.jobs.test_durability import refused
from tests.servers import ServerProcess


@ON_BOTH
def test_keys_are_made_listed_changed_and_ended(database: Settings, tmp_path: Path) -> None:
    def ask(*arguments: str) -> str:
        told = run("keys", *arguments, cwd=tmp_path, **database)
        assert told.returncode == 0, told.stderr
        return told.stdout

    options = ("--scope", "generate", "--owner", "acme", "--expires-days", "90", "--limit", "running=2")
    made = json.loads(ask("create", "--name", "ci", *options, "--limit", "stored-bytes=none", "--json"))
    assert made["key"].startswith(made["hint"] + "")
    assert (made["scopes"], made["limits"]) == (["generate"], {"running": 2, "stored_bytes": None})
    text = ask("rotate", made["id"], "--keep-hours", "1").strip()
    assert text.startswith("rw_")
    assert text != made["key"]
    ask("change", made["id"], "--name", "builds", "--limit", "waiting=9")
    ask("revoke", ask("create", "--name", "gone", "--json").split('"id": "')[1].split('"')[0])
    listed = json.loads(ask("list", "--json"))
    assert [(key["name"], key["limits"], key["revoked_at"] is None) for key in listed] == [
        ("builds", {"waiting": 9}, True),
        ("gone", {}, False),
    ]
    shown = ask("list")
    assert "builds" in shown
    assert "revoked" in shown
    assert "good until" in shown
    assert text not in shown
    if not database:
        assert stat.S_IMODE((tmp_path / "reelwright-data" / "reelwright.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create",), "--name"),
        (("create", "--name", " "), "Invalid name"),
        (("create", "--name", "x", "--scope", "root"), "root"),
        (("create", "--name", "x", "--limit", "running"), "running=2"),
        (("create", "--name", "x", "--limit", "speed=2"), "speed"),
        (("create", "--name", "x", "--limit", "running=0"), "limits[running]"),
        (("create", "--name", "x", "--expires-days", "1e300"), "too many"),
        (("change", "key_nobody"), "what is to change"),
        (("revoke", "key_nobody"), "There is no API key with this id"),
        (("rotate", "key_nobody"), "There is no API key with this id"),
    ],
)
def test_what_is_wrong_is_told(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    result = run("keys", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@ON_BOTH
def test_a_server_that_others_can_reach_starts_with_a_key_of_the_database(database: Settings, tmp_path: Path) -> None:
    public = {"HOST": "0.0.0.0", "PORT": "0", "REELWRIGHT_DATA_DIR": str(tmp_path / "data"), **database}
    told = refused(**public)
    assert (told.returncode, "reelwright keys create" in told.stderr) == (2, True)
    key = new_admin(tmp_path / "data", database)
    with ServerProcess(tmp_path / "data", HOST="0.0.0.0", **database) as server:
        asked = [httpx2.get(f"{server.url}/v1/keys", headers=one) for one in ({}, {"Authorization": f"Bearer {key}"})]
    assert [answer.status_code for answer in asked] == [401, 200]


@pytest.mark.parametrize(
    ("keys", "told"), [(",", "no key between the commas"), ("short", "16"), (f"{'x' * 16},y", "key 2")]
)
def test_keys_of_the_configuration_that_keep_nobody_out_are_refused(keys: str, told: str, tmp_path: Path) -> None:
    answer = refused(REELWRIGHT_API_KEYS=keys, PORT="0", REELWRIGHT_DATA_DIR=str(tmp_path / "data"))
    assert answer.returncode == 2
    assert "REELWRIGHT_API_KEYS" in answer.stderr
    assert told in answer.stderr
    assert keys not in answer.stderr.replace("commas", "") or keys == ","
