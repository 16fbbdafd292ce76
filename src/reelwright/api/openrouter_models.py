"""`GET /api/v1/videos/models`: each model's card in OpenRouter's words.

What the lists of a model name was tried with the catalog. So each listed size, and each listed resolution with each
listed aspect ratio, is accepted with each listed duration. Names are those of OpenRouter's own enums (`openrouter`
1.3.84, `VideoModel`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reelwright.api.fields import read_fields, to_draft
from reelwright.engines.catalog import OPTIONAL_FIELDS, Catalog
from reelwright.engines.engine import Card
from reelwright.errors import BadRequest
from reelwright.video import Image, Task, VideoSpec

ASPECT_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
RESOLUTIONS = ("360p", "480p", "720p", "768p", "1080p", "1K", "2K", "4K")
_OWN_WORDS = ("generate_audio", "last_image")
PASSED_ON = (
    *(name for name in OPTIONAL_FIELDS if name not in _OWN_WORDS),
    "fps",
    "num_frames",
    "interpolate",
    "upscale",
)
"""Our fields that OpenRouter's API lacks: `provider.options.reelwright` takes them."""
ALWAYS_PASSED_ON = frozenset({"fps", "num_frames", "interpolate", "upscale"})

_SQUARE = Image(sha256="", media_type="image/png", width=1024, height=1024)
"""Stands for the first frame in requests to models that need one."""


class VideoModels:
    """The models of this server, the default first."""

    def __init__(self, catalog: Catalog, created: datetime) -> None:
        """`created`: the time that is told as the creation of the models."""
        self._catalog = catalog
        self._created = int(created.timestamp())
        self._told: dict[str, dict[str, Any]] = {}

    def list(self) -> list[dict[str, Any]]:
        """An object for each model, the ready ones first. It is made once, since cards do not change."""
        cards = self._catalog.cards()
        for card in cards:
            if card.model not in self._told:
                self._told[card.model] = self._model(card)
        return [self._told[card.model] for card in cards]

    def _model(self, card: Card) -> dict[str, Any]:
        shapes = Shapes(self._catalog, card)
        name = slug(card)
        return {
            "id": name,
            "canonical_slug": name,
            "name": card.title,
            "description": card.description,
            "created": self._created,
            "supported_durations": list(shapes.durations) or None,
            "supported_resolutions": list(shapes.resolutions) or None,
            "supported_aspect_ratios": list(shapes.ratios) or None,
            "supported_sizes": [f"{width}x{height}" for width, height in shapes.sizes] or None,
            "supported_frame_images": _frame_images(card) or None,
            "generate_audio": "generate_audio" in card.honours,
            "seed": "seed" in card.honours,
            "allowed_passthrough_parameters": [
                name for name in PASSED_ON if name in card.honours or name in ALWAYS_PASSED_ON
            ],
            "creativity": None,
            "upscale_factor": None,
            "pricing_skus": None,
        }


def slug(card: Card) -> str:
    """The model's name as `owner/name`, which OpenRouter's models all have."""
    return card.model if "/" in card.model else f"reelwright/{card.model}"


def _frame_images(card: Card) -> list[str]:
    """The kinds of frames that the model takes."""
    first = ["first_frame"] if Task.IMAGE_TO_VIDEO in card.tasks else []
    return [*first, *(["last_frame"] if "last_image" in card.honours else [])]


class Shapes:
    """The sizes and durations that a model can make, as lists whose entries may be combined at will."""

    def __init__(self, catalog: Catalog, card: Card) -> None:
        self._catalog = catalog
        self._card = card
        ratios = [ratio for ratio in ASPECT_RATIOS if self._shape(aspect_ratio=ratio)]
        self.ratios, self.resolutions = self._combinable(ratios)
        self.sizes = self._sizes(ratios)
        self.durations = self._durations()

    def _combinable(self, ratios: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """Aspect ratios and resolutions of which every pair can be made, chosen so that there are most pairs."""
        resolutions = [one for one in RESOLUTIONS if self._shape(resolution=one)]
        best: tuple[Sequence[str], Sequence[str]] = (ratios, ())
        for highest in resolutions:
            wide = [ratio for ratio in ratios if self._pair(highest, ratio)]
            whole = [one for one in resolutions if all(self._pair(one, ratio) for ratio in wide)]
            if wide and len(wide) * len(whole) >= len(best[0]) * len(best[1]):
                best = wide, whole
        return best

    def _sizes(self, ratios: Sequence[str]) -> Sequence[tuple[int, int]]:
        """All sizes that can be made, as (width, height), the smallest first."""
        made = [self._pair(resolution, ratio) for resolution in RESOLUTIONS for ratio in ratios]
        made += [self._shape(aspect_ratio=ratio) for ratio in ratios]
        made += [self._shape(resolution=one) for one in RESOLUTIONS]
        made.append(self._shape())
        sizes = {(spec.width, spec.height) for spec in made if spec}
        return sorted(sizes, key=lambda size: (size[0] * size[1], size))

    def _durations(self) -> Sequence[int]:
        """The durations, in whole seconds, that the largest size allows; then the smaller sizes allow them, too."""
        if not self.sizes:
            return ()
        width, height = self.sizes[-1]
        longest = self._card.max_frames // self._card.default_fps
        return [one for one in range(1, longest + 1) if self._made(width=width, height=height, seconds=one)]

    def _pair(self, resolution: str, ratio: str) -> VideoSpec | None:
        return self._shape(resolution=resolution, aspect_ratio=ratio)

    def _shape(self, **asked: Any) -> VideoSpec | None:
        """The spec of a video of that shape; None if the shape does not allow the model's default length.

        Larger frames allow fewer of them. The length is also tried in whole seconds, as clients ask for it.
        """
        seconds = self._card.default_frames // self._card.default_fps
        if seconds and not self._made(**asked, seconds=seconds):
            return None
        return self._made(**asked)

    def _made(self, **asked: Any) -> VideoSpec | None:
        """The spec that the catalog makes of these fields; None if it refuses them."""
        image = None if Task.TEXT_TO_VIDEO in self._card.tasks else _SQUARE
        fields = read_fields(
            {"prompt": "a", "engine": self._card.engine, "model": self._card.model, **asked}, typed=True
        )
        try:
            return self._catalog.resolve(to_draft(fields, image, {}), draw=lambda _bits: 0, only_ready=False)
        except BadRequest:
            return None
