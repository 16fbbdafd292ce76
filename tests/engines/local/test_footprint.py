"""Which placement a card gets: by what cards report, not by their names. Data only, no torch."""

from __future__ import annotations

import pytest

from reelwright.engines.local.footprint import Kind, Needs, Room, needs, usable
from reelwright.engines.local.recipe import GIB, Placement, Recipe
from reelwright.engines.local.recipes import RECIPES

RTX_3060, RTX_4090, H100 = 11.76, 23.64, 79.1
KNOWN = [recipe for recipe in RECIPES.values() if recipe.parameters]


def a_card(gib: float, main: float = 10**6) -> Room:
    return Room(kind=Kind.CARD, device=usable(round(gib * GIB)), main=round(main * GIB))


def placed(name: str, gib: float, size: tuple[int, int, int] | None = None, main: float = 10**6) -> str | None:
    recipe = RECIPES[name]
    width, height, frames = size or (recipe.width, recipe.height, recipe.frames)
    tier = needs(recipe, Kind.CARD).choose(a_card(gib, main), width, height, frames)
    return None if tier is None else tier.placement + (" in tiles" if tier.tiled_decode else "")


@pytest.mark.parametrize(
    ("name", "by_card"),
    [  #             8 GB               3060              16 GB             4090              32 GB     48 GB     H100
        ("svd", ("model", "resident", "resident", "resident", "resident", "resident", "resident")),
        ("wan", ("grouped in tiles", "model", "model", "resident", "resident", "resident", "resident")),
        ("ltx", ("grouped in tiles", "model", "model", "resident", "resident", "resident", "resident")),
        ("wan-5b", ("grouped in tiles", "grouped in tiles", "model in tiles", "model in tiles", "model", "resident",
                    "resident")),
        ("wan-14b", ("grouped in tiles",) * 5 + ("model", "resident")),
        ("animatediff", ("model", "model", "resident", "resident", "resident", "resident", "resident")),
    ],
)  # fmt: skip
def test_which_card_gets_which_placement(name: str, by_card: tuple[str, ...]) -> None:
    cards = (7.6, RTX_3060, 15.7, RTX_4090, 31.4, 47.4, H100)
    assert tuple(placed(name, gib) for gib in cards) == by_card


def test_the_size_that_was_asked_for_decides() -> None:
    assert placed("wan", RTX_4090, (832, 480, 81)) == "resident"
    assert placed("wan", RTX_4090, (1280, 720, 81)) == "model"
    assert placed("wan", RTX_3060, (1280, 720, 81)) == "model in tiles"


@pytest.mark.parametrize(("name", "gib"), [("wan-14b", RTX_4090), ("wan-i2v", RTX_4090), ("wan-5b", 7.6), ("wan", 7.6)])
def test_weights_in_8_bits_are_there_by_component_on_smaller_cards(name: str, gib: float) -> None:
    """As docs/engines/local.md promises."""
    recipe = RECIPES[name]
    whole = needs(recipe, Kind.CARD).sizes
    halved = {
        part: size // (2 if part.startswith(("transformer", "text_encoder")) else 1) for part, size in whole.items()
    }
    tier = needs(recipe, Kind.CARD, halved).choose(a_card(gib), recipe.width, recipe.height, recipe.frames)
    assert tier is not None
    assert tier.placement is Placement.MODEL


def test_what_others_hold_of_a_card_counts() -> None:
    """A browser and a desktop take 3 GiB of a 24 GB card."""
    assert placed("wan", RTX_4090 - 3) == "model"


def test_main_memory_counts_too() -> None:
    """16 GB of it hold Wan's weights beside a card, not those of the two 14B experts."""
    assert placed("wan", RTX_3060, main=14.5) == "model"
    assert placed("wan-14b", RTX_3060, main=14.5) is None
    assert placed("wan-14b", H100, main=30) == "resident"  # read onto the card component by component


@pytest.mark.parametrize("recipe", KNOWN, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("kind", Kind)
def test_placements_go_from_much_to_little_memory(recipe: Recipe, kind: Kind) -> None:
    asked = needs(recipe, kind)
    size = (recipe.width, recipe.height, recipe.frames)
    takes = [asked.takes(tier, kind, *size).device for tier in asked.possible(kind)]
    assert takes == sorted(takes, reverse=True)
    assert len(takes) >= 2


@pytest.mark.parametrize("recipe", KNOWN, ids=lambda recipe: recipe.name)
def test_every_component_of_a_pipeline_is_counted(recipe: Recipe) -> None:
    """A recipe that forgets one would promise too much."""
    assert {"vae"} <= recipe.parameters.keys()
    assert recipe.parameters.keys() & {"transformer", "unet"}
    if any("prompt" in variant.arguments for variant in recipe.variants):
        assert "text_encoder" in recipe.parameters


def test_a_placement_that_was_asked_for_is_the_only_one() -> None:
    asked: Needs = needs(RECIPES["wan"], Kind.CARD)
    tier = asked.choose(a_card(8), 832, 480, 81, wanted=Placement.RESIDENT)
    assert tier is not None
    assert tier.placement is Placement.RESIDENT  # though it will run out of memory, by all appearances
    assert asked.choose(a_card(80), 832, 480, 81, wanted=Placement.LEAN) is None
    assert asked.possible(Kind.CPU, Placement.GROUPED) == ()
