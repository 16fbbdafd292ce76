"""Writes the synchronous Python client from the asynchronous one: `make client`.

Both have the same methods, and the same words about them: what differs are names of the language and of libraries. The
table below holds all of them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "src" / "reelwright" / "client"
SOURCE, TARGET = CLIENT / "asynchronous.py", CLIENT / "synchronous.py"

HEAD = '''"""`Client`: the server from plain Python.

Written from `asynchronous.py` by `make client`: change that one.
"""
'''

REPLACED = (
    (r'\A""".*?"""\n', HEAD),
    (r" *# noqa: ASYNC\d+.*", ""),
    (r"await asyncio\.to_thread\(([\w.]+), ", r"\1("),
    (r"\basyncio\b", "time"),
    (r"\b(async|await) ", ""),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\ba(close|closing|iter_bytes|read)\b", r"\1"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\bTasks\b", "Threads"),
)
"""Patterns of the source and what takes their place, in this order."""


def synchronous(text: str) -> str:
    """The synchronous module out of the asynchronous one's text, formatted."""
    for pattern, replacement in REPLACED:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL if pattern.startswith(r"\A") else 0)
    for command in (["check", "--fix-only", "--select=I,SIM117"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", f"--stdin-filename={TARGET}", "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


if __name__ == "__main__":
    TARGET.write_text(synchronous(SOURCE.read_text("utf-8")), "utf-8")
