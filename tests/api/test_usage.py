"""`/v1/usage` and `/metrics`: what each key has used, for itself and for an admin; never a prompt, never a text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.api.keyholders import House, holding, house
from tests.api.videos import cancel, create, ended, made
from tests.cli.command import run
from tests.databases import Settings, run_sql
from tests.servers import eventually

SECOND = {"num_frames": 4, "fps": 4}


@pytest.fixture(scope="module")
def locked(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("usage") / "data", shared_database) as running:
        yield running


def used(client: httpx2.Client, **query: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/usage", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def test_what_a_key_has_used_is_its_own_and_an_admins_to_see(locked: House) -> None:
    day = today()
    told, other = locked.make(name="=ann", limits={"video_seconds_per_day": 60}), locked.make(name="bob")
    with holding(locked.server, told["key"]) as ann, holding(locked.server, other["key"]) as bob:
        made(ann, "slow 0.3", seed=1, **SECOND)
        made(ann, "slow 0.3", seed=1, **SECOND)  # a duplicate: it has the file, and asks nothing of an engine
        ended(ann, create(ann, "fail refused", **SECOND))
        ended(ann, cancel(ann, create(ann, "slow 30", **SECOND)))
        made(bob, **SECOND)
        (own,) = used(ann)
        seconds = own.pop("engine_seconds")
        assert 0.3 <= seconds < 5
        assert own == {
            "object": "usage",
            "day": day,
            "key": told["id"],
            "jobs": 4,
            "completed": 2,
            "failed": 2,
            "video_seconds": 2.0,
            "cost_usd": 0.0,
        }
        assert ann.get("/v1/usage").json()["limits"]["video-seconds"] == {"most": 60, "left": 59}
        assert [row["key"] for row in used(bob)] == [other["id"]]
        assert ann.get("/v1/usage", params={"key": other["id"]}).status_code == 403
        assert {told["id"], other["id"]} <= {row["key"] for row in used(locked.admin)}
        assert [row["jobs"] for row in used(locked.admin, key=other["id"])] == [1]
        assert used(ann, **{"from": "2026-01-01", "to": "2026-01-31"}) == []
        assert [row["day"] for row in used(ann, **{"from": day, "to": day})] == [day]
        for wrong in ("", "yesterday", "20261129", "2026-13-01"):
            answer = ann.get("/v1/usage", params={"from": wrong})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "from")

    table = run("usage", "--csv", cwd=locked.server.data_dir, **_settings(locked))
    assert table.returncode == 0, table.stderr
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(table.stdout))}
    assert (rows[told["id"]]["name"], rows[told["id"]]["jobs"]) == ("'=ann", "4")
    assert float(rows[told["id"]]["engine_seconds"]) == seconds
    shown = run("usage", "--key", other["id"], cwd=locked.server.data_dir, **_settings(locked))
    assert other["id"] in shown.stdout
    assert told["id"] not in shown.stdout


def test_of_a_video_that_goes_on_only_what_is_new_is_counted(locked: House) -> None:
    told = locked.make()
    with holding(locked.server, told["key"]) as client:
        first = made(client, **SECOND)
        more = {"prompt": "paint", "model": "toy", "video": {"id": first["id"]}, "seconds": "1"}
        longer = ended(client, client.post("/v1/videos/extensions", json=more).raise_for_status().json())
        assert (longer["status"], longer["seconds"]) == ("completed", "2")
        assert used(client)[0]["video_seconds"] == 2.0


def test_the_cost_that_a_provider_told_is_counted(locked: House) -> None:
    """An engine writes it into the facts about how the video was made."""
    told = locked.make()
    with holding(locked.server, told["key"]) as client:
        made(client, "cost 0.125")
        assert used(client)[0]["cost_usd"] == 0.125


def test_each_keys_metrics_are_an_admins_only(locked: House) -> None:
    told = locked.make(name="a name of a person")
    with holding(locked.server, told["key"]) as client:
        made(client, "a prompt of mine", **SECOND)
        series = f'reelwright_key_video_seconds_total{{key="{told["id"]}"}} 1.0'
        eventually(lambda: series in locked.admin.get("/metrics").text)
        own = client.get("/metrics").text
    assert "reelwright_jobs_total" in own
    assert "reelwright_key_" not in own
    everything = locked.admin.get("/metrics").text
    assert f'reelwright_key_jobs_total{{key="{told["id"]}",status="completed"}} 1.0' in everything
    for secret in (told["key"], "prompt of mine", "name of a person"):
        assert secret not in everything


def test_jobs_of_before_are_counted_nowhere_and_break_nothing(locked: House) -> None:
    """A job that a program of before has stored has no row in the table; it ends all the same."""
    told = locked.make()
    with holding(locked.server, told["key"]) as client:
        video = create(client, "slow 0.5", **SECOND)
        run_sql(locked.server, "DELETE FROM usage WHERE key = ?", told["id"])
        assert ended(client, video)["status"] == "completed"
        assert [(row["jobs"], row["completed"]) for row in used(client)] == [(1, 1)]


def _settings(locked: House) -> dict[str, str]:
    return {**locked.settings, "REELWRIGHT_DATA_DIR": str(locked.server.data_dir)}
