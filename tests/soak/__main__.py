"""`make soak`: the run of `soak.py`, its report in docs/reliability.md; exit code 1 when anything is lost."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.chaos.__main__ import keep_logs, machine, today
from tests.faults.page import write
from tests.servers import SOURCES
from tests.soak.soak import lines, soak

USUAL_S = 600.0


def main() -> int:
    os.environ["PYTHONPATH"] = SOURCES
    seconds = float(os.environ.get("SOAK_SECONDS", USUAL_S))
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        report = soak(Path(folder), seconds=seconds, every_s=2)
        page = [*lines(report, machine(), today())]
        sys.stdout.write("\n".join([*page, ""]))
        faults = [*report.wrong, *report.grows]
        sys.stdout.writelines(f"{fault}\n" for fault in faults)
        if faults:
            keep_logs(Path(folder), 0)
            return 1
    if seconds >= USUAL_S:
        write("soak", page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
