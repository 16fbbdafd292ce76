"""`make chaos`: the run of `fleet.py`, and its report in docs/reliability.md. Exit code 1 when anything was lost."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.fleet import Chaos, told
from tests.databases import running_postgres
from tests.objects import ObjectServer
from tests.servers import ROOT, SOURCES

PAGE = ROOT / "docs" / "reliability.md"
HEAD = """# Reliability

This page is written by `make chaos`. Two servers and three workers, with a real Postgres and a real S3 server, make
jobs of 3 s that save a checkpoint four times a second, while

- every 4 s one of the five processes is killed (`kill -9`) and started again, half of the time as on a new machine,
  with an empty data directory;
- Postgres is stopped twice (`pg_ctl stop -m immediate`) and comes back 3 s later;
- one worker is frozen for 40 s (SIGSTOP), so that its jobs get an heir, and then goes on;
- S3 is away for 10 s.

Triggers of the database write every attempt, step and end into an audit table. Clients repeat what was not answered,
with an `Idempotency-Key`; some cancel, some follow their job's events on any server.
"""


def main() -> int:
    os.environ["PYTHONPATH"] = SOURCES
    seconds = float(os.environ.get("CHAOS_SECONDS", "120"))
    seed = int(os.environ.get("CHAOS_SEED", datetime.now(UTC).strftime("%d%H%M%S")))
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, running_postgres() as cluster:
        objects = ObjectServer(Path(folder) / "swift").start()
        try:
            report = Chaos(cluster, objects, Path(folder), seconds=seconds, seed=seed).run()
        except BaseException:
            keep_logs(Path(folder), seed)
            raise
        finally:
            objects.kill()
        machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
        lines = [*told(report, machine, datetime.now(UTC).date().isoformat()), ""]
        sys.stdout.write("\n".join(lines))
        for fault in (*report.lost, *report.ended_twice, *report.bad_files, *report.untold, *report.tracebacks):
            sys.stdout.write(f"{fault}\n")
        if not report.sound:
            keep_logs(Path(folder), seed)
            return 1
    if seconds >= 120:
        PAGE.write_text(f"{HEAD}\n" + "\n".join(lines))
    return 0


def keep_logs(folder: Path, seed: int) -> None:
    kept = Path(tempfile.mkdtemp(prefix="chaos-logs-"))
    for log in folder.glob("*.log"):
        (kept / log.name).write_bytes(log.read_bytes())
    sys.stdout.write(f"The logs are in {kept} (seed {seed}).\n")


if __name__ == "__main__":
    sys.exit(main())
