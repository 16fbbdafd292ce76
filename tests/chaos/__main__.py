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
from tests.faults.page import write
from tests.objects import ObjectServer
from tests.servers import SOURCES


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
        write("chaos", lines)
    return 0


def keep_logs(folder: Path, seed: int) -> None:
    kept = Path(tempfile.mkdtemp(prefix="chaos-logs-"))
    for log in folder.glob("*.log"):
        (kept / log.name).write_bytes(log.read_bytes())
    sys.stdout.write(f"The logs are in {kept} (seed {seed}).\n")


if __name__ == "__main__":
    sys.exit(main())
