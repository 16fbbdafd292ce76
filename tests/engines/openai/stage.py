"""What a test needs to drive the engine: jobs, and engines before fakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import httpx2
from PIL import Image

from reelwright.engines.openai import ending
from reelwright.engines.openai.engine import OpenAIEngine
from reelwright.engines.upstream.network import sliced
from tests.engines import remote

QUICK = {
    "poll_seconds": 0.01,
    "first_wait_seconds": 0.02,
    "idle_seconds": 1.0,
    "connect_seconds": 1.0,
    "lost_seconds": 0.05,
    "gone_seconds": 0.2,
    "file_seconds": 2.0,
}


class Stage(remote.Stage):
    """Engines before fakes, and jobs for them."""

    engine_name = "openai"
    usual: ClassVar = {"model": "upstream", "width": 64, "height": 64, "num_frames": 8, "fps": 8, "seed": 7}
    seconds = 20.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._transports: list[httpx2.HTTPTransport] = []

    def close(self) -> None:
        """What the end of its process does to an engine's connections."""
        for transport in self._transports:
            transport.close()

    def wait_for_ends(self) -> None:
        """Until all that was to be cancelled has been told so."""
        remote.join_threads(ending.NAME)

    def engine(self, *upstreams: Any, **options: Any) -> OpenAIEngine:
        transport = sliced(httpx2.HTTPTransport())
        self._transports.append(transport)
        engine = OpenAIEngine(transport=transport, upstreams=list(upstreams), **(QUICK | options))
        engine.load()
        return engine

    def picture(self) -> Path:
        path = self.folder / "picture.png"
        Image.new("RGB", (64, 64), (200, 90, 40)).save(path)
        return path
