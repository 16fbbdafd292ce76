"""Whether an upscaling model works on this machine, found out by enlarging one small picture, for `doctor`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from reelwright.engines.inherited import inherited
from reelwright.engines.refinements import Upscaler
from reelwright.engines.refiner import Room, Task
from reelwright.media.clip import FrameBuffer
from reelwright.video import Enlargement

SIDE = 32
LONGEST_S = 300


def trial(upscaler: Upscaler, device: str) -> str | None:
    """What goes wrong, in words; None when nothing does. In a process of its own, as a job's frames are enlarged."""
    small = FrameBuffer.create(1, SIDE, SIDE)
    large = FrameBuffer.create(1, SIDE * upscaler.factor, SIDE * upscaler.factor)
    wanted = Enlargement(
        model=upscaler.name, sha256=upscaler.sha256, own_factor=upscaler.factor, factor=upscaler.factor
    )
    task = Task(
        num_frames=1,
        frames=Room.of(small),
        into=Room.of(large),
        interpolate=1,
        upscale=wanted,
        weights=str(upscaler.path),
        device=device,
    )
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "reelwright.engines.refiner", task.to_json()],
            pass_fds=[small.fd, large.fd],
            capture_output=True,
            env=inherited(os.environ),
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{upscaler.name} took more than {LONGEST_S} s for one small picture."
    finally:
        small.close()
        large.close()
    lines = ended.stdout.splitlines()
    said = json.loads(lines[-1]) if lines else {}
    if "failure" in said:
        return str(said["failure"]["message"])
    return None if "facts" in said else f"{upscaler.name} ended its process with exit code {ended.returncode}."
