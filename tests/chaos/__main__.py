"""`make chaos`: the runs of `fleet.py` and of `keyed.py`, and their reports in docs/reliability.md.

Exit code 1 when anything was lost. `python -m tests.chaos fleet` or `keyed` is one of them.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.fleet import Chaos, told
from tests.chaos.keyed import KeyedChaos, keyed_lines
from tests.databases import running_postgres
from tests.faults.page import write
from tests.objects import ObjectServer
from tests.servers import SOURCES

USUAL_KILLS = 30


def main(names: Sequence[str]) -> int:
    os.environ["PYTHONPATH"] = SOURCES
    seed = int(os.environ.get("CHAOS_SEED", datetime.now(UTC).strftime("%d%H%M%S")))
    return max([RUNS[name](seed) for name in names or RUNS])


def fleet(seed: int) -> int:
    seconds = float(os.environ.get("CHAOS_SECONDS", "120"))
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, running_postgres() as cluster:
        objects = ObjectServer(Path(folder) / "swift").start()
        try:
            report = Chaos(cluster, objects, Path(folder), seconds=seconds, seed=seed).run()
        except BaseException:
            keep_logs(Path(folder), seed)
            raise
        finally:
            objects.kill()
        lines = [*told(report, machine(), today()), ""]
        sys.stdout.write("\n".join(lines))
        for fault in (*report.lost, *report.ended_twice, *report.bad_files, *report.untold, *report.tracebacks):
            sys.stdout.write(f"{fault}\n")
        if not report.sound:
            keep_logs(Path(folder), seed)
            return 1
    if seconds >= 120:
        write("chaos", lines)
    return 0


def keyed(seed: int) -> int:
    kills = int(os.environ.get("CHAOS_KILLS", USUAL_KILLS))
    reports = []
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, running_postgres() as cluster:
        with cluster.database() as url:
            for name, database in (("sqlite", {}), ("postgres", {"DATABASE_URL": url})):
                (Path(folder) / name).mkdir()
                try:
                    reports.append(KeyedChaos(Path(folder) / name, database, kills=kills, seed=seed).run())
                except BaseException:
                    keep_logs(Path(folder), seed)
                    raise
                sys.stdout.write("\n".join([*keyed_lines(reports[-1:], machine(), today()), ""]))
                sys.stdout.writelines(f"{fault}\n" for fault in reports[-1].faults)
                sys.stdout.flush()
        if any(report.faults for report in reports):
            keep_logs(Path(folder), seed)
            return 1
    if kills >= USUAL_KILLS:
        write("chaos with keys", list(keyed_lines(reports, machine(), today())))
    return 0


RUNS: Mapping[str, Callable[[int], int]] = {"fleet": fleet, "keyed": keyed}


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def keep_logs(folder: Path, seed: int) -> None:
    kept = Path(tempfile.mkdtemp(prefix="chaos-logs-"))
    for log in folder.rglob("*.log"):
        (kept / f"{log.parent.name}-{log.name}").write_bytes(log.read_bytes())
    sys.stdout.write(f"The logs are in {kept} (seed {seed}).\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
