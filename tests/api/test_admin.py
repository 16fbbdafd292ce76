"""`/v1/admin`: an admin sees everybody's jobs without their prompts, changes the order, ends jobs, pauses an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.keyholders import House, holding, house
from tests.api.videos import Gate, create, ended, look, made
from tests.databases import Settings
from tests.servers import eventually


@pytest.fixture(scope="module")
def locked(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("admin") / "data", shared_database) as running:
        yield running


def line(locked: House) -> dict[str, Any]:
    answer = locked.admin.get("/v1/admin/line")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def toy(locked: House) -> dict[str, Any]:
    return next(one for one in line(locked)["engines"] if one["name"] == "toy")


def change(locked: House, path: str) -> dict[str, Any]:
    answer = locked.admin.post(f"/v1/admin/{path}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_who_is_moved_to_the_front_is_next_and_who_is_cancelled_ends(locked: House, tmp_path: Path) -> None:
    key = locked.make()
    with Gate(tmp_path) as gate, holding(locked.server, key["key"]) as client:
        first = create(client, gate.prompt)
        eventually(lambda: look(client, first)["status"] == "in_progress")
        second, third, fourth = (create(client, f"a secret {number}") for number in range(3))
        eventually(lambda: toy(locked)["waiting"] == 3)  # a fleet counts now and then
        seen = line(locked)
        assert [(one["id"], one["status"]) for one in seen["jobs"]] == [
            (first["id"], "in_progress"),
            *((one["id"], "queued") for one in (second, third, fourth)),
        ]
        assert {one["key"] for one in seen["jobs"]} == {key["id"]}
        assert "secret" not in str(seen)
        assert change(locked, f"line/{fourth['id']}/front")["position"] == 1
        assert [one["id"] for one in line(locked)["jobs"]][1:] == [one["id"] for one in (fourth, second, third)]
        assert [look(client, one)["queue_position"] for one in (second, third, fourth)] == [2, 3, 1]
        assert change(locked, f"line/{second['id']}/cancel")["status"] == "failed"
        gate.open()
        videos = [ended(client, one) for one in (fourth, third)]
        assert videos[0]["completed_at"] <= videos[1]["completed_at"]
        assert ended(client, second)["error"]["code"] == "cancelled"
        late = locked.admin.post(f"/v1/admin/line/{first['id']}/front")
        assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
        again = create(client, "slow 0.1")  # whoever comes later is not held up by what was moved
        assert ended(client, again)["status"] == "completed"
    told = locked.admin.get("/v1/audit", params={"about": second["id"], "action": "video.cancelled"}).json()["data"]
    assert [one["key"] != key["id"] for one in told] == [True]
    assert locked.admin.get("/v1/audit", params={"action": "video.moved"}).json()["data"][0]["about"] == fourth["id"]


def test_a_paused_engine_begins_nothing_until_it_goes_on_also_after_a_new_start(locked: House) -> None:
    with locked.holder() as client:
        assert change(locked, "engines/toy/pause")["paused"]
        video = create(client, "paint")
        assert (toy(locked)["paused"], look(client, video)["status"]) == (True, "queued")
        locked.server.stop()
        locked.server.start()
    with holding(locked.server, locked.admin.headers["Authorization"].removeprefix("Bearer ")) as admin:
        locked.admin = admin
        assert toy(locked)["paused"]
        (waiting,) = line(locked)["jobs"]
        assert (waiting["id"], waiting["status"]) == (video["id"], "queued")
        change(locked, "engines/toy/resume")
        change(locked, "engines/toy/resume")
        eventually(lambda: not line(locked)["jobs"])
        told = [one["action"] for one in admin.get("/v1/audit", params={"about": "toy"}).json()["data"]]
        assert told == ["engine.resumed", "engine.paused"]
        assert admin.post("/v1/admin/engines/none/pause").status_code == 404


def test_a_drained_process_begins_no_jobs_until_it_goes_on(locked: House) -> None:
    with holding(locked.server, locked.admin.headers["Authorization"].removeprefix("Bearer ")) as admin:
        locked.admin = admin
        never = "worker_00000000000000000000000000"
        for name in (never, "x", "%00"):
            assert admin.post(f"/v1/admin/workers/{name}/drain").status_code == 404
        if "DATABASE_URL" not in locked.settings:
            return  # a server that is alone with its database is no fleet
        (worker,) = line(locked)["workers"]
        path = f"workers/{worker['id']}"
        assert change(locked, f"{path}/drain") == {"object": "worker", "id": worker["id"], "draining": True}
        change(locked, f"{path}/drain")
        assert line(locked)["workers"][0]["draining"]
        with locked.holder() as client:
            video = create(client, "paint")
            assert look(client, video)["status"] == "queued"
            assert not change(locked, f"{path}/resume")["draining"]
            eventually(lambda: look(client, video)["status"] == "completed")
        told = [one["action"] for one in admin.get("/v1/audit", params={"about": worker["id"]}).json()["data"]]
        assert told == ["worker.resumed", "worker.drained"]


def test_the_disk_and_the_processes_are_shown(locked: House) -> None:
    with holding(locked.server, locked.admin.headers["Authorization"].removeprefix("Bearer ")) as admin:
        locked.admin = admin
        with locked.holder() as client:
            made(client)
        seen = line(locked)
        assert seen["disk"]["videos"] >= 1
        assert seen["disk"]["bytes"] > 0
        assert seen["disk"]["free_bytes"] > 0
        assert [set(one["engines"]) >= {"toy"} for one in seen["workers"]] == [True] * (
            "DATABASE_URL" in locked.settings
        )
        assert admin.get("/v1/usage").json()["scopes"] == ["admin"]
