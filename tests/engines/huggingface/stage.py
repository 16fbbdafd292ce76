"""What a test needs to drive the engine: jobs, and the engine before the fake."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from reelwright.engines.huggingface.engine import HuggingFaceEngine
from tests.engines import remote
from tests.fakes.huggingface import FakeHuggingFace, rewriting

TEXT_MODEL = "Wan-AI/Wan2.2-TI2V-5B"
IMAGE_MODEL = "Wan-AI/Wan2.2-I2V-A14B"
PICTURE_MODEL = "black-forest-labs/FLUX.1-schnell"
QUICK = {"poll_seconds": 0.01, "first_wait_seconds": 0.02, "idle_seconds": 0.3, "connect_seconds": 1.0}


class Stage(remote.Stage):
    """An engine before a fake, and jobs for it."""

    engine_name = "huggingface"
    usual: ClassVar = {"model": TEXT_MODEL, "width": 512, "height": 512, "num_frames": 24, "fps": 12, "seed": 7}
    seconds = 10.0

    def __init__(self, fake: FakeHuggingFace, folder: Path) -> None:
        super().__init__(folder)
        self.fake = fake

    def engine(self, **options: Any) -> HuggingFaceEngine:
        engine = HuggingFaceEngine(transport=rewriting(self.fake.port), **(QUICK | options))
        engine.load()
        return engine

    def only(self, provider: str, model: str = TEXT_MODEL, **options: Any) -> HuggingFaceEngine:
        """An engine with one route."""
        kind = "image_to_video" if model == IMAGE_MODEL else "text_to_video"
        return self.engine(**{kind: [[provider, model]]}, **options)
