"""A process of bounded memory that renders clips of several sizes; run by the tests, not by pytest.

    python -m tests.engines.local.cramped SVD_FOLDER IMAGE SCRATCH MEGABYTES SIDE…

After the first clip its address space may grow by MEGABYTES and no more. Writes one JSON line for each clip.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import EngineError
from reelwright.testing import run_here
from tests.engines.local.studio import an_image_request


def address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> None:
    folder, image, scratch, megabytes, *sides = sys.argv[1:]
    engine = LocalEngine(models={"svd": {"source": folder, "image": None}}, preview_seconds=0)
    engine.load()
    for number, size in enumerate(map(int, sides)):
        request = an_image_request("svd", width=size, height=size, num_inference_steps=1)
        try:
            result = run_here(engine, request, Path(scratch), image_path=Path(image))
            told = {"hash": result.sha256, "placement": result.facts["placement"]}
        except EngineError as error:
            told = {"error": error.message, "code": error.code.value}
        sys.stdout.write(json.dumps(told) + "\n")
        if number == 0:
            limit = address_space() + int(megabytes) * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
    # As the engine's host does: the engine's thread may still be in native code, which does not survive a normal end.
    sys.stdout.flush()
    os._exit(0)
