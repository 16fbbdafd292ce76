"""What a test needs to drive the engine: jobs, and engines before fakes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from reelwright.engines.comfyui.engine import ComfyUIEngine
from reelwright.engines.engine import RenderJob
from reelwright.media.clip import FrameBuffer
from tests.engines import remote
from tests.fakes.comfyui import ComfyUIProcess, FakeComfyUI
from tests.fakes.comfyui.graphs import Graph, from_picture, saved_by, wan

QUICK = {"poll_seconds": 0.05, "connect_seconds": 2.0, "idle_seconds": 2.0, "stall_seconds": 1.0}

_FRAMES = {"filename_prefix": "x"}
_VHS = {"frame_rate": 8, "loop_count": 0, "filename_prefix": "x", "pingpong": False, "save_output": True}
_WEBP = {"filename_prefix": "x", "fps": 8.0, "lossless": True, "quality": 80, "method": "default"}
WORKFLOWS: Mapping[str, Graph] = {
    "wan": wan(),
    "picture": from_picture(),
    "webm": saved_by("SaveWEBM", filename_prefix="x", codec="vp9", fps=8.0, crf=32.0),
    "webp": saved_by("SaveAnimatedWEBP", **_WEBP),
    "stills": saved_by("SaveImage", **_FRAMES),
    "vhs": saved_by("VHS_VideoCombine", format="video/h264-mp4", **_VHS),
    "gif": saved_by("VHS_VideoCombine", format="image/gif", **_VHS),
}


class Stage(remote.Stage):
    """Engines, and jobs for them. Every workflow of `WORKFLOWS` is a model."""

    engine_name = "comfyui"
    usual: ClassVar = {"model": "wan", "width": 64, "height": 64, "num_frames": 5, "fps": 8}
    seconds = 30.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.workflows = folder / "workflows"
        self.workflows.mkdir()
        for name, graph in WORKFLOWS.items():
            (self.workflows / f"{name}.json").write_text(json.dumps(graph))

    def engine(self, *fakes: FakeComfyUI | ComfyUIProcess, **options: Any) -> ComfyUIEngine:
        urls = {"urls": [fake.url for fake in fakes], "workflows": str(self.workflows)}
        engine = ComfyUIEngine(**(QUICK | urls | options))
        engine.load()
        return engine

    def job(self, **fields: Any) -> RenderJob:
        """Small, and with a seed of its own, so that no job is another's twin in the cache."""
        job = super().job(**({"seed": self._jobs + 1} | fields))
        spec = job.spec
        return replace(job, frames=FrameBuffer.create(spec.num_frames, spec.height, spec.width))
