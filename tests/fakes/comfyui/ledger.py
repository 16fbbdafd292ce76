"""What happened at the fake, in a file that outlives a `kill -9` of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Ledger:
    """Events, each with its `what`; written by the fake and read from any process.

    `request` (route, method), `late` (a request that has been read, and is to be done later), `submitted`, `began`,
    `node` (a node that really ran), `ended` (outcome), `foreign` (a stranger's job), `hurt` (a stranger's job that
    somebody stopped or removed), `leaked` (a credential where none belongs). What is about a job has its `id`.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.jsonl"

    def note(self, what: str, **facts: Any) -> None:
        line = json.dumps({"what": what, **facts}) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)

    def entries(self, what: str, **facts: Any) -> list[dict[str, Any]]:
        """All events of this kind that have these facts."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if event["what"] == what and facts.items() <= event.items()]

    def count(self, what: str, **facts: Any) -> int:
        return len(self.entries(what, **facts))

    def ids(self, what: str) -> list[str]:
        """The jobs of these events, each once, in their order."""
        return list(dict.fromkeys(event["id"] for event in self.entries(what)))

    def executions(self, job: str | None = None) -> int:
        """How often a job (or any job that is no stranger's) made its frames: runs in which its costly nodes ran."""
        foreign = set(self.ids("foreign"))
        runs = {
            (event["id"], event["run"])
            for event in self.entries("node", costly=True)
            if (event["id"] not in foreign if job is None else event["id"] == job)
        }
        return len(runs)

    def wait_for(self, what: str, *, times: int = 1, seconds: float = 60.0, **facts: Any) -> list[dict[str, Any]]:
        """Until so many of these events have happened."""
        deadline = time.monotonic() + seconds
        while len(found := self.entries(what, **facts)) < times:
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} {facts} happened {len(found)} times in {seconds} s, not {times}")
            time.sleep(0.005)
        return found
