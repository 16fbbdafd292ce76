"""`make chaos`: the runs of `fleet.py` and of `keyed.py`, and their reports in docs/reliability.md.

Exit code 1 when anything was lost. `python -m tests.chaos fleet`, `sqlite` or `postgres` is one of them.
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
from tests.databases import Settings, running_postgres
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


def on_sqlite(seed: int) -> int:
    return keyed(seed, {})


def on_postgres(seed: int) -> int:
    with running_postgres() as cluster, cluster.database() as url:
        return keyed(seed, {"DATABASE_URL": url})


def keyed(seed: int, database: Settings) -> int:
    kills = int(os.environ.get("CHAOS_KILLS", USUAL_KILLS))
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        try:
            report = KeyedChaos(Path(folder), database, kills=kills, seed=seed).run()
        except BaseException:
            keep_logs(Path(folder), seed)
            raise
        lines = [*keyed_lines(report, machine(), today())]
        sys.stdout.write("\n".join([*lines, ""]))
        sys.stdout.writelines(f"{fault}\n" for fault in report.faults)
        if report.faults:
            keep_logs(Path(folder), seed)
            return 1
    if kills >= USUAL_KILLS:
        write(f"chaos with keys on {report.database}", lines)
    return 0


RUNS: Mapping[str, Callable[[int], int]] = {"fleet": fleet, "sqlite": on_sqlite, "postgres": on_postgres}


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
