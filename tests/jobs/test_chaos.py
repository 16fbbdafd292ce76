"""The short forms of `make chaos`: 20 seconds under fire, and three kills of a server with keys; nothing is lost."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.fleet import Chaos
from tests.chaos.keyed import KeyedChaos
from tests.databases import ON_BOTH, Settings, running_postgres
from tests.objects import ObjectServer


def test_twenty_seconds_under_fire(object_server: ObjectServer, tmp_path: Path) -> None:
    with running_postgres() as cluster:  # its own: it is stopped in the middle
        report = Chaos(cluster, object_server, tmp_path, seconds=20, seed=7).run()
    assert report.sound, report
    assert report.stops >= 1
    assert report.server_kills + report.worker_kills >= 2


@ON_BOTH
def test_three_kills_leave_every_key_with_what_it_has_used(database: Settings, tmp_path: Path) -> None:
    report = KeyedChaos(tmp_path, database, kills=3, seed=7, up_s=1.5).run()
    assert report.faults == []
    assert report.kills >= 3
    assert report.completed > 0
    assert report.refused["unauthorized"] == 1
