"""The short form of `make soak`: every client for some seconds. That nothing grows is for the long one to show."""

from __future__ import annotations

from pathlib import Path

from tests.soak.soak import soak


def test_clients_of_every_dialect_for_fifteen_seconds(tmp_path: Path) -> None:
    report = soak(tmp_path, seconds=15, every_s=0.5)
    assert report.wrong == []
    assert report.jobs > 10
    assert {200, 201, 202, 206, 400, 401, 404} <= set(report.answers)
    assert all(ledger.answers for ledger in report.ledgers)
    assert len(report.sampler.processes[next(iter(report.names))]) > 5
