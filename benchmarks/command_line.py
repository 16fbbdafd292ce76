"""How long `reelwright --help` takes, beside a bare interpreter and one that imports click, in turns in the same run.

    python benchmarks/command_line.py [--rounds 15]

Target: at most 0.15 s on an idle machine. The minimum of the rounds is what the work itself takes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

CASES = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import click'": ["-c", "import click"],
    "reelwright --help": ["-m", "reelwright.cli", "--help"],
}


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds + 1):  # the first round warms the disk cache
        for name, arguments in CASES.items():
            times[name].append(seconds(arguments))
    print(f"{'':<26} {'minimum':>9} {'median':>9} {'× click':>8}")
    click = min(times["python -c 'import click'"][1:])
    for name, measured in times.items():
        least = min(measured[1:])
        print(f"{name:<26} {least:>7.3f} s {statistics.median(measured[1:]):>7.3f} s {least / click:>8.2f}")


if __name__ == "__main__":
    main()
