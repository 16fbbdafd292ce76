from __future__ import annotations

import pytest

from reelwright.engines.sketch.prompt import read


@pytest.mark.parametrize(
    ("prompt", "hour", "ground", "features", "weather"),
    [
        ("A beautiful sunset over the ocean with waves crashing", "sunset", "sea", {"surf"}, set()),
        ("A stormy night sea with lightning", "night", "sea", set(), {"storm", "lightning", "rain", "wind"}),
        ("Snow falling on a pine forest at dusk", "dusk", "snowfield", {"forest"}, {"snow"}),
        ("A city skyline at night in the rain", "night", "city", set(), {"rain"}),
        ("Sunrise over misty mountains", "dawn", "meadow", {"mountains"}, {"fog"}),
        ("A starry sky with aurora over a frozen lake", "night", "lake", {"stars", "aurora", "ice"}, set()),
        ("A desert at noon with a hot wind", "day", "desert", {"haze"}, {"wind"}),
        ("A field of flowers under drifting clouds", "day", "field", {"flowers"}, {"clouds"}),
        ("Campfire sparks at night", "night", "meadow", {"fire"}, set()),
        ("snow over a city at sunrise", "dawn", "city", set(), {"snow"}),
        ("a lake in the mountains under the moon, rain", "night", "lake", {"mountains", "moon"}, {"rain"}),
        ("Sonnenuntergang über dem Meer", "sunset", "sea", set(), set()),
        ("Schnee in den Bergen bei Nacht", "night", "snowfield", {"mountains"}, {"snow"}),
        ("coucher de soleil sur la mer", "sunset", "sea", set(), set()),
        ("una ciudad de noche con lluvia", "night", "city", set(), {"rain"}),
        ("日落时的大海", "sunset", "sea", set(), set()),
        ("ein Wald am See im Nebel", "day", "lake", {"forest"}, {"fog"}),
        ("雪山の夜", "night", "snowfield", {"mountains"}, {"snow"}),
        ("東京の夜", "night", "city", set(), set()),
        ("a mountain without clouds", "day", "meadow", {"mountains"}, set()),
    ],
)
def test_words_become_a_landscape(prompt: str, hour: str, ground: str, features: set[str], weather: set[str]) -> None:
    scene = read(prompt)
    assert (scene.kind, scene.hour, scene.ground) == ("landscape", hour, ground)
    assert scene.features == features
    assert scene.weather == weather


@pytest.mark.parametrize(
    ("prompt", "body"),
    [
        ("The planet Mars seen from space", "mars"),
        ("Earth seen from space", "earth"),
        ("Saturn and its rings", "saturn"),
        ("an unknown planet with rings", "planet"),
        ("the moon in outer space", "moon"),
        ("deep space", "galaxy"),
        ("火星", "mars"),
    ],
)
def test_words_become_a_view_of_space(prompt: str, body: str) -> None:
    scene = read(prompt)
    assert (scene.kind, scene.body) == ("space", body)


@pytest.mark.parametrize("prompt", ["an endless improvisation", "!!!", "\ud800", "x" * 4000, "red", "pan left", "jazz"])
def test_a_text_without_a_known_thing_is_abstract(prompt: str) -> None:
    assert read(prompt).kind == "abstract"


@pytest.mark.parametrize(
    ("prompt", "move", "speed"),
    [
        ("a beach", "still", 1.0),
        ("a beach, pan left", "pan-left", 1.0),
        ("a beach, the camera pans right slowly", "pan-right", 0.5),
        ("fast zoom out of a forest", "zoom-out", 1.8),
        ("zoom in on a city", "zoom-in", 1.0),
        ("a lake, tilting up", "tilt-up", 1.0),
        ("slow waves on a beach", "still", 1.0),
    ],
)
def test_camera_words(prompt: str, move: str, speed: float) -> None:
    camera = read(prompt).camera
    assert (camera.move, camera.speed) == (move, speed)


def test_colours_in_the_order_of_their_mention() -> None:
    assert read("teal and orange sea").colours == ("#19a79c", "#f2842a")


def test_words_are_matched_whole() -> None:
    assert read("a seasoning of marshmallows").kind == "abstract"
    assert read("starfish and sunglasses").kind == "abstract"
    assert read("we see all mistakes on Monday: meerkats at the end of a roller coaster").kind == "abstract"


def test_facts_tell_what_was_recognised() -> None:
    facts = read("red sunset over the sea, pan left").facts()
    assert facts == {
        "scene": "landscape",
        "camera": "pan-left",
        "colours": ["#e5322d"],
        "hour": "sunset",
        "ground": "sea",
        "features": [],
        "weather": [],
        "understood": ["sunset", "sea", "red", "pan left"],
        "not_drawn": [],
    }
