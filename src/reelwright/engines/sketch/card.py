"""The sketch engine's card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.engines.engine import Card
from reelwright.engines.options import check_names
from reelwright.errors import ConfigurationError
from reelwright.video import Task

CARD = Card(
    engine="sketch",
    model="sketch",
    title="Sketch",
    description=(
        "Procedural drawing, no AI: paints a moving scene from the words it knows in the prompt, in twelve languages "
        "(people, animals, boats, vehicles, buildings, plants, landscapes, weather, colours, counts, camera, styles), "
        "and says what it understood; an abstract flow for any other text, and a camera move over a given image. It "
        "ends with a given image, too, loops if asked, and makes quiet sound. Offline, on the CPU, about a second a "
        "clip."
    ),
    generative_ai=False,
    tasks=(Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO),
    honours=frozenset({"seed", "image", "last_image", "generate_audio", "motion_bucket_id"}),
    # 600 frames of 1280 × 720: 1.66 GB of shared frames, about two minutes of drawing on two cores. Longer clips at
    # smaller sizes and full HD up to 266 frames fit as well.
    max_pixel_frames=600 * 1280 * 720,
    deterministic=True,
    resumes=False,
    ends_alone=True,
    params=frozenset({"loop"}),
)


def checked(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The engine's options as they are; `ConfigurationError` for an unknown one, or a value that it cannot use."""
    check_names("sketch", options, {"threads"})
    threads = options.get("threads", 1)
    if type(threads) is not int or threads < 1:
        raise ConfigurationError(f"Sketch engine option threads: {threads!r} is not a whole number from 1 on.")
    return options
