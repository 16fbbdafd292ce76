"""Makes specs and jobs for an engine as the server does, runs a job in this process, and holds the result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.engines.catalog import Catalog, Offer
from reelwright.engines.child import Spec
from reelwright.engines.engine import Card, Engine, RenderJob
from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.probe import decode
from reelwright.testing.recorder import Recorder
from reelwright.tracing import NO_SPAN, Span
from reelwright.video import Draft, Image, VideoSpec


def spec_for(card: Card, prompt: str, *, image: Path | None = None, **fields: Any) -> VideoSpec:
    """The spec that the server would make of a prompt: checked against the model's card, and completed from the card.

    `fields` are those of the API (`width`, `height`, `num_frames`, `fps`, `seed`, `negative_prompt`, `params`, …).
    `image` is a file that Pillow reads. The seed is 0 unless it is given, so that a test sees the same video each time.
    Raises `BadRequest` for what the card does not allow.

    Example:

        spec = spec_for(CARD, "light rain", width=256, height=256, num_frames=8, seed=7)
    """
    offer = Offer(spec=Spec(engine=card.engine), cards=(card,))
    catalog = Catalog(offers={card.engine: offer}, default=card.engine, reason="for a test")
    described = _described(image) if image else None
    return catalog.resolve(
        Draft(prompt=prompt, engine=card.engine, model=card.model, image=described, **({"seed": 0} | fields))
    )


def _described(path: Path) -> Image:
    import PIL.Image

    with PIL.Image.open(path) as picture:
        width, height = picture.size
        media_type = picture.get_format_mimetype() or "application/octet-stream"
    return Image(
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(), media_type=media_type, width=width, height=height
    )


def job_for(
    spec: VideoSpec,
    folder: Path,
    *,
    video_id: str = "video_1",
    attempt: int = 1,
    image_path: Path | None = None,
    last_image_path: Path | None = None,
    checkpoint: Mapping[str, Any] | None = None,
    **more: Any,
) -> RenderJob:
    """The job that the server would make of a spec. Its scratch folder is a path in `folder`, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    return RenderJob(
        video_id=video_id,
        attempt=attempt,
        spec=spec,
        scratch=folder.absolute() / video_id,
        image_path=image_path,
        last_image_path=last_image_path,
        checkpoint=checkpoint,
        **more,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One finished job: its frames, an array of shape (num_frames, height, width, 3), uint8, sRGB (an encoded file is
    decoded); its clip, whose buffer is closed; the facts for the video's record; and what was heard meanwhile."""

    frames: NDArray[np.uint8]
    clip: Clip
    facts: Mapping[str, Any]
    heard: Recorder

    @property
    def sha256(self) -> str:
        """The SHA-256 of the frames (hex)."""
        return hashlib.sha256(self.frames.tobytes()).hexdigest()

    @classmethod
    def of(cls, clip: Clip, facts: Mapping[str, Any], heard: Recorder) -> Take:
        """Copies the frames, and closes the buffer that they were in."""
        if clip.frames is not None:
            frames = clip.frames.array()[: clip.num_frames].copy()
            clip.frames.close()
        else:
            assert clip.path is not None, "a clip is frames or a file"
            frames = np.stack([frame.to_ndarray(format="rgb24") for frame in decode(clip.path)])
        return cls(frames=frames, clip=clip, facts=facts, heard=heard)


def run_here(
    engine: Engine,
    spec: VideoSpec,
    folder: Path,
    report: Recorder | None = None,
    *,
    span: Span = NO_SPAN,
    **job: Any,
) -> Take:
    """Run one job in this process, with an engine that is loaded. `job`: further arguments of `job_for`.

    Raises what the engine raises.
    """
    heard = report or Recorder()
    frames = FrameBuffer.create(spec.num_frames, spec.height, spec.width)
    try:
        made = engine.generate(job_for(spec, folder, frames=frames, span=span, **job), heard)
        return Take.of(made.clip, made.facts, heard)
    finally:
        frames.close()
