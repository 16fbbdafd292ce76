"""The catalog: which engine and model a draft means, and whether its card grants it. All by data."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reelwright.engines.catalog import Catalog, Offer, check_prompt, check_text
from reelwright.engines.child import Spec
from reelwright.engines.engine import Card
from reelwright.errors import BadRequest, Code, EngineError
from reelwright.video import Draft, Image, Task, VideoSpec

BOTH = (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO)
IMAGE = Image(sha256="0" * 64, media_type="image/png", width=64, height=64)


def card(engine: str, model: str, *tasks: Task, **changes: Any) -> Card:
    plain = Card(
        engine=engine,
        model=model,
        title=model.title(),
        description="A card of the tests",
        generative_ai=False,
        tasks=tasks or BOTH,
        honours=frozenset({"seed", "image"}),
        max_pixel_frames=64 * 64 * 600,
        deterministic=True,
        resumes=False,
    )
    return dataclasses.replace(plain, **changes)


DRAWING = card("drawing", "drawing", max_pixel_frames=600 * 1920 * 1080)
WIDE = card("cloud", "owner/wide", Task.TEXT_TO_VIDEO, min_frames=5, max_frames=81, side_multiple=16, default_fps=16)
MOVER = card(
    "cloud",
    "owner/mover",
    Task.IMAGE_TO_VIDEO,
    honours=frozenset({"motion_bucket_id", "noise_aug_strength", "image"}),
)
BROKEN = card("broken", "owner/broken")


def offer(*cards: Card, problem: str | None = None) -> Offer:
    return Offer(spec=Spec(engine="none"), cards=cards, problem=problem)


CATALOG = Catalog(
    offers={
        "cloud": offer(WIDE, MOVER),
        "drawing": offer(DRAWING),
        "broken": offer(BROKEN, problem="It needs a GPU"),
    },
    default="drawing",
    reason="the tests say so",
    aliases={"nice-name": "owner/wide", "other-name": "cloud"},
)


def resolve(prompt: str = "paint", **fields: Any) -> VideoSpec:
    return CATALOG.resolve(Draft(prompt=prompt, **{"width": 64, "height": 64, **fields}), draw=lambda bits: bits)


def refused(field: str, **fields: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        resolve(**fields)
    assert caught.value.field == field
    return caught.value.message


@pytest.mark.parametrize(
    ("engine", "model", "found"),
    [
        (None, None, DRAWING),
        ("cloud", None, WIDE),
        (None, "cloud", WIDE),
        (None, "owner/mover", MOVER),
        ("cloud", "owner/wide", WIDE),
        (None, "nice-name", WIDE),
        (None, "other-name", WIDE),
        (None, "sora-2", DRAWING),
        (None, "sora-2-pro", DRAWING),
        ("cloud", "sora-2", WIDE),
        ("drawing", "drawing", DRAWING),
    ],
)
def test_which_card_a_name_means(engine: str | None, model: str | None, found: Card) -> None:
    task = found.tasks[0]
    assert CATALOG.card(engine, model, task) is found


def test_the_task_chooses_among_the_cards_of_an_engine() -> None:
    assert resolve(engine="cloud", image=IMAGE).model == "owner/mover"
    assert resolve(engine="cloud", num_frames=5).model == "owner/wide"


def test_a_task_that_no_card_does_is_refused() -> None:
    assert "Send no image" in refused("image", model="owner/wide", image=IMAGE)
    assert "Send an image" in refused("image", model="owner/mover")


def test_an_unknown_name_is_told_what_there_is() -> None:
    assert "This server has broken, cloud, drawing." in refused("engine", engine="nope")
    told = refused("model", model="owner/wyde")
    assert "Did you mean 'owner/wide'?" in told
    assert "owner/broken" not in told
    assert len(refused("model", model="x" * 5_000_000)) < 500
    assert "This server has" in refused("model", engine="drawing", model="owner/wide")


def test_an_engine_that_cannot_work_says_why() -> None:
    for name in ({"engine": "broken"}, {"model": "owner/broken"}, {"model": "broken"}):
        with pytest.raises(EngineError, match="It needs a GPU") as caught:
            resolve(**name)
        assert caught.value.code is Code.ENGINE_NOT_CONFIGURED


def test_only_cards_that_can_work_are_shown_the_default_first() -> None:
    assert CATALOG.cards() == (DRAWING, WIDE, MOVER)
    assert CATALOG.default_card is DRAWING


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("reelwright/default", None),
        ("reelwright/auto", None),
        ("owner/wide", "owner/wide"),
        ("reelwright/drawing", "drawing"),
        ("reelwright/cloud", "owner/wide"),
    ],
)
def test_a_path_names_a_model(path: str, model: str | None) -> None:
    assert CATALOG.named(path) == model


@pytest.mark.parametrize("path", ["owner/broken", "owner/nope", "", "reelwright/", "/"])
def test_a_path_that_names_no_model(path: str) -> None:
    with pytest.raises(BadRequest, match="This server has reelwright/drawing, owner/wide") as caught:
        CATALOG.named(path)
    assert caught.value.code is Code.MODEL_NOT_FOUND


def test_the_gaps_of_a_wish_are_filled_from_the_card() -> None:
    spec = CATALOG.resolve(Draft(prompt=" paint ", model="owner/wide", width=64, height=64), draw=lambda bits: bits)
    assert spec.prompt == "paint"
    assert (spec.num_frames, spec.fps, spec.seed, spec.seed_given) == (24, 16, 32, False)
    assert CATALOG.resolve(Draft(prompt="x")).width == 512


def test_a_drawn_seed_is_one_that_javascript_can_hold() -> None:
    seeds = {CATALOG.resolve(Draft(prompt="x")).seed for _ in range(20)}
    assert len(seeds) > 1
    assert max(seeds) < 2**53


def test_what_the_engine_does_not_honour_is_dropped_by_name() -> None:
    spec = resolve(guidance_scale=3.0, negative_prompt="rain", motion_bucket_id=5)
    assert tuple(one.field for one in spec.unused) == ("negative_prompt", "guidance_scale", "motion_bucket_id")
    assert (spec.guidance_scale, spec.negative_prompt, spec.motion_bucket_id) == (None, None, None)
    mover = resolve(model="owner/mover", image=IMAGE, motion_bucket_id=5, num_frames=4)
    assert (mover.motion_bucket_id, mover.unused) == (5, ())


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"width": 72, "model": "owner/wide"}, "width", "multiple of 16 between 64 and 1920"),
        ({"height": 1928}, "height", "multiple of 8 between 64 and 1920"),
        ({"num_frames": 4, "model": "owner/wide"}, "num_frames", "between 5 and 81"),
        ({"num_frames": 82, "model": "owner/wide"}, "num_frames", "between 5 and 81"),
        ({"width": 1920, "height": 1920, "num_frames": 600}, "num_frames", "at most 337 frames"),
        ({"fps": 61}, "fps", "between 1 and 60"),
        ({"seconds": 51.0, "fps": 12}, "seconds", "At 12 fps it must be between 0.0833333 and 50"),
        ({"seconds": 0.1, "model": "owner/wide"}, "seconds", "At 16 fps it must be between 0.3125 and 5.0625"),
        ({"negative_prompt": "\ud800"}, "negative_prompt", "surrogate"),
        ({"params": {"a": "\ud800"}}, "extra_params", "surrogate"),
        ({"params": {"a": "x" * 16_384}}, "extra_params", "16,384"),
        ({"guidance_scale": 100.1}, "guidance_scale", "between 0 and 100"),
        ({"num_inference_steps": 201}, "num_inference_steps", "between 1 and 200"),
        ({"seed": 2**63}, "seed", "between 0 and 9,223,372,036,854,775,807"),
    ],
)
def test_what_a_card_does_not_grant(fields: dict[str, Any], field: str, told: str) -> None:
    assert told in refused(field, **fields)


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"),
    [(1.0, 12, 12), (0.5, 12, 6), (1.0, 25, 25), (0.02, 60, 1), (50.0, 12, 600), (2.04, 12, 24)],
)
def test_seconds_become_frames(seconds: float, fps: int, frames: int) -> None:
    assert resolve(seconds=seconds, fps=fps).num_frames == frames


def test_of_frames_and_seconds_the_frames_win() -> None:
    both = resolve(seconds=2.0, num_frames=12, fps=12)
    assert (both.num_frames, [str(one) for one in both.unused]) == (
        12,
        ["seconds was not used: num_frames says 12, and the frames win."],
    )
    assert resolve(seconds=1.0, num_frames=12, fps=12).unused == ()


@pytest.mark.parametrize("prompt", ["", " ", "\n\t", "x" * 32_001, "a\x00", "\udfff"])
def test_a_prompt_that_cannot_be_kept(prompt: str) -> None:
    with pytest.raises(BadRequest) as caught:
        resolve(prompt)
    assert caught.value.field == "prompt"


def test_the_prompt_is_looked_at_before_the_engine() -> None:
    assert refused("prompt", prompt=" ", engine="broken") == "Prompt cannot be empty"


@pytest.mark.parametrize("prompt", ["x", "x" * 4_000, "\u200f\u202eשלום", "🎬" * 4_000, "a\nb", "\ufeffx\u200b"])
def test_a_prompt_is_kept_exactly(prompt: str) -> None:
    assert check_prompt(f" {prompt}\n") == prompt


def test_a_texts_length_is_counted_in_characters() -> None:
    check_text("name", "🎬" * 10, 10)
    with pytest.raises(BadRequest, match="11 characters"):
        check_text("name", "🎬" * 11, 10)
