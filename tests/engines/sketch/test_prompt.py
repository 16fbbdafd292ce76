from __future__ import annotations

import time

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


@pytest.mark.parametrize(
    ("prompt", "cast"),
    [
        ("two boats", [("sailboat", 2, None)]),
        ("a red little boat on the sea", [("sailboat", 1, "#e5322d")]),
        ("un bateau rouge sur la mer", [("sailboat", 1, "#e5322d")]),
        ("a flock of birds over a castle", [("bird", 7, None), ("castle", 1, None)]),
        ("three black cats and a dog", [("cat", 3, "#2a2a2e"), ("dog", 1, None)]),
        ("hot air balloons", [("hot air balloon", 3, None)]),
        ("a man and a woman in yellow coats", [("couple", 1, "#f6c431")]),
        ("penguins dancing", [("penguin", 3, None)]),
        ("a polar bear", [("polar bear", 1, None)]),
        ("ein Leuchtturm am Meer", [("lighthouse", 1, None)]),
        ("dos perros en la playa", [("dog", 2, None)]),
        ("um barco no mar", [("sailboat", 1, None)]),
        ("una mongolfiera", [("hot air balloon", 1, None)]),
        ("красная машина", [("car", 1, "#e5322d")]),
        ("一只熊猫", [("panda", 1, None)]),
        ("桜の木", [("cherry tree", 1, None)]),
        ("달리는 강아지", [("dog", 1, None)]),
        ("القارب في البحر", [("sailboat", 1, None)]),
        ("समुद्र में नाव", [("sailboat", 1, None)]),
        ("a village without people", [("house", 1, None)]),
        ("a village, no people or cars", [("house", 1, None)]),
        ("人のいない村", [("person", 1, None), ("house", 1, None)]),
        ("猫なしの家", [("house", 1, None)]),
    ],
)
def test_figures_with_their_counts_and_colours(prompt: str, cast: list[tuple[str, int, str | None]]) -> None:
    assert [(role.name, role.count, role.colour) for role in read(prompt).cast] == cast


@pytest.mark.parametrize(
    ("prompt", "ground"),
    [
        ("a dog", "meadow"), ("a penguin", "snowfield"), ("a fish", "underwater"), ("a cup of tea", "table"),
        ("a cat playing the piano", "room"), ("a whale", "underwater"), ("a cactus", "desert"), ("a zebra", "savanna"),
        ("a duck in the city", "lake"), ("a bus in London", "street"), ("Tokyo at night", "city"),
        ("a plane above the clouds", "heights"), ("an astronaut on the moon", "moonscape"),
        ("a kite on a beach", "sea"), ("a surfer", "sea"), ("a skier in the mountains", "snowfield"),
        ("a cat on a sofa", "room"),
    ],
)  # fmt: skip
def test_a_figure_alone_gets_a_fitting_scene(prompt: str, ground: str) -> None:
    assert read(prompt).ground == ground


@pytest.mark.parametrize(
    ("prompt", "figure"),
    [
        ("a knight riding a horse", "horse ridden by a knight"),
        ("a girl in a red dress on a white horse", "white horse ridden by a woman in red"),
        ("two cowboys riding horses in the desert", "two horses ridden by a person"),
        ("a woman on horseback", "horse ridden by a woman"),
        ("an astronaut rides an elephant", "elephant ridden by an astronaut"),
        ("a woman riding a bicycle", "bicycle ridden by a woman"),
        ("a man rowing a boat", "rowboat rowed by a person"),
        ("a woman surfing", "surfer"),
        ("ein Ritter reitet auf einem Pferd", "horse ridden by a knight"),
        ("una mujer montando a caballo", "horse ridden by a woman"),
        ("骑马的女孩", "horse ridden by a woman"),
    ],
)
def test_who_rides_is_told_with_what_carries_them(prompt: str, figure: str) -> None:
    scene = read(prompt)
    assert len(scene.cast) == 1
    assert figure in scene.understood


def test_nobody_rides_who_stands_beside() -> None:
    assert {role.name for role in read("a man and a horse in a field").cast} == {"person", "horse"}
    assert all(role.rider is None for role in read("a man, a horse on a hill").cast)


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a purple zorblax machine on a hill, highly detailed, 4k, cinematic", ("machine",)),
        ("a koala bear and a majestic lion", ("koala bear",)),
        ("a cat playing the piano", ("piano",)),
        ("A beautiful sunset over the ocean with waves crashing", ()),
        ("no dragons, only the sea", ()),
        ("eine Fledermaus über dem Meer", ("Fledermaus",)),
        ("冰上的恐龙", ("恐龙",)),
        ("a boat on a stage", ("sailboat",)),
        ("a panda riding a bicycle", ("riding",)),
        ("a cat riding a horse", ("riding",)),
        ("a person riding a dragon", ("dragon", "riding")),
        ("a farmer with a sword", ("sword",)),
        ("a knight with a sword on a hill", ()),
        ("a skier downhill", ()),
    ],
)
def test_unknown_nouns_are_told_and_not_guessed(prompt: str, unknown: tuple[str, ...]) -> None:
    assert read(prompt).not_drawn == unknown


@pytest.mark.parametrize(
    ("prompt", "move"),
    [
        ("a beach, pan to the left", "pan-left"),
        ("a beach, the camera pulls back", "zoom-out"),
        ("orbit around a castle", "orbit"),
        ("a red car, tracking shot", "track"),
        ("drone shot of a forest", "fly"),
        ("fly through a canyon", "zoom-in"),
        ("镜头推进 森林", "zoom-in"),
    ],
)
def test_directions(prompt: str, move: str) -> None:
    assert read(prompt).camera.move == move


def test_natural_colours_say_nothing_about_the_rest() -> None:
    assert read("sunflowers under a blue sky").colours == ()
    assert read("white clouds over a green forest").colours == ()


def test_a_prompt_of_four_times_the_length_takes_no_sixteen_times_as_long() -> None:
    def taken(times: int) -> float:
        started = time.thread_time()
        read("a lake, a boat, two red birds and no cars; " * times)
        return time.thread_time() - started

    assert min(taken(88) for _ in range(3)) < 10 * min(taken(22) for _ in range(3))
