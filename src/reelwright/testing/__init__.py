"""For authors of engines: run an engine as the server does, and check that it keeps the promises of its card.

In this process, where a debugger works:

    engine = RainEngine()
    engine.load()
    take = run_here(engine, spec_for(CARD, "light rain", num_frames=4), tmp_path)
    assert take.frames.shape == (4, 512, 512, 3)

In a process of its own, as the server runs it:

    with EngineProcess(offer({})) as process:
        take = process.run(spec_for(CARD, "light rain"), tmp_path)

Check everything that its card promises:

    check_engine(offer({}), tmp_path)
"""

from __future__ import annotations

from reelwright.testing.process import EngineProcess
from reelwright.testing.promises import broken_promises, check_engine
from reelwright.testing.recorder import Recorder
from reelwright.testing.takes import Take, job_for, run_here, spec_for

__all__ = ["EngineProcess", "Recorder", "Take", "broken_promises", "check_engine", "job_for", "run_here", "spec_for"]
