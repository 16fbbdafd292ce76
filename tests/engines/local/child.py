"""A process that renders one clip and can be killed in the middle; run by the tests, not by pytest.

    python -m tests.engines.local.child OPTIONS REQUEST SCRATCH [STOP_AT]

OPTIONS and REQUEST are JSON. Writes one JSON line for each unit of progress and each checkpoint. At progress STOP_AT it
says so and then waits for its standard input to end, so that the other side can kill it exactly there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.engines.local.engine import LocalEngine
from reelwright.testing import Recorder, run_here
from reelwright.video import VideoSpec


def tell(**words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class Teller(Recorder):
    def __init__(self, stop_at: int) -> None:
        super().__init__()
        self.stop_at = stop_at

    def progress(self, done: int, total: int) -> None:
        tell(done=done, total=total)
        if done == self.stop_at:
            sys.stdin.read()

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        tell(checkpoint=dict(state))


def main() -> None:
    options, spec, scratch, *stop = sys.argv[1:]
    engine = LocalEngine(**json.loads(options))
    engine.load()
    report = Teller(int(stop[0]) if stop else -1)
    result = run_here(engine, VideoSpec.from_json(json.loads(spec)), Path(scratch), report)
    tell(hash=result.sha256)


if __name__ == "__main__":
    main()
    # As the engine's host does: the engine's thread may still be in native code, which does not survive a normal end.
    sys.stdout.flush()
    os._exit(0)
