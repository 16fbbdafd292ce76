"""The short form of `make chaos`: 20 seconds under fire, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.fleet import Chaos
from tests.databases import running_postgres
from tests.objects import ObjectServer


def test_twenty_seconds_under_fire(object_server: ObjectServer, tmp_path: Path) -> None:
    with running_postgres() as cluster:  # its own: it is stopped in the middle
        report = Chaos(cluster, object_server, tmp_path, seconds=20, seed=7).run()
    assert report.sound, report
    assert report.stops >= 1
    assert report.server_kills + report.worker_kills >= 2
