"""Figures: what is asked for is seen, moves by itself, and is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.engines.sketch.cast.figure import Look, Rider
from reelwright.engines.sketch.cast.pen import Pen
from reelwright.engines.sketch.cast.riders import ridden
from reelwright.engines.sketch.cast.roster import FIGURES
from reelwright.engines.sketch.lexicon.living import LIVING
from reelwright.engines.sketch.lexicon.made import MADE
from tests.engines.sketch.easel import drawn, frames_of, job


def test_every_figure_has_words_and_every_word_a_figure() -> None:
    assert set(LIVING) | set(MADE) == set(FIGURES)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_fills_its_box_in_every_phase(name: str) -> None:
    figure = FIGURES[name]
    covers = []
    for phase in (0.0, 0.4, 0.8):
        pen = Pen(figure.box, 60 / (figure.box[3] - figure.box[1]))
        figure.draw(pen, phase, Look(kind=1))
        covers.append(pen.stamp())
    shares = [float(stamp.alpha.mean()) for stamp in covers]
    # A leaping dolphin is in the water at the ends of its leap.
    assert max(shares) > 0.04, "it is there"
    assert max(shares) < 0.98, "it has an outline"
    if figure.phases > 1 and figure.rate > 0.1:
        looks = [s.albedo if s.glow is None else s.albedo + s.glow for s in covers]
        changed = [np.abs(looks[0] - other).max() for other in looks[1:]]
        assert max(changed) > 0.02, "it moves"


def _difference(prompt: str, without: str, **options: object) -> NDArray[np.float32]:
    one, other = (frames_of(text, num_frames=1, **options)[0].astype(np.float32) for text in (prompt, without))
    return np.abs(one - other).max(2)


@pytest.mark.parametrize(
    ("prompt", "without"),
    [
        ("a sailboat on the sea at sunset", "the sea at sunset"),
        ("an elephant in the desert", "the desert"),
        ("a whale in the sea at sunset", "the sea at sunset"),
        ("a castle on a green meadow field", "a green meadow field"),
        ("hot air balloons over the mountains", "the mountains"),
        ("fireworks over a city at night", "a city at night"),
        ("ein roter Hund im Schnee", "Schnee"),
        ("雪の中の猫", "雪"),
        ("a knight riding a horse in the desert", "a horse in the desert"),
        ("a man rowing a boat on a lake", "a lake"),
        ("a surfer on the sea", "the sea"),
        ("a cat on a sofa", "a cat in a room"),
    ],
)
def test_a_figure_is_painted_into_the_scene(prompt: str, without: str) -> None:
    changed = _difference(prompt, without) > 12
    assert 0.005 < changed.mean() < 0.8, "the figure alone has changed the picture"


def test_a_colour_before_a_thing_is_that_thing_s() -> None:
    frames = frames_of("a red car on a road", num_frames=1, width=256, height=256)[0].astype(int)
    red = (frames[..., 0] > 150) & (frames[..., 1] < 90) & (frames[..., 2] < 90)
    assert red.mean() > 0.01


def test_more_boats_are_more_boats() -> None:
    still = "the sea at noon"
    one, four = (
        float((_difference(text, still) > 25).mean())
        for text in ("a boat on the sea at noon", "four boats on the sea at noon")
    )
    assert four > 1.3 * one


def test_water_mirrors_a_boat() -> None:
    changed = _difference("a sailboat on a lake", "a lake", width=256, height=256) > 12
    rows = np.flatnonzero(changed.any(1))
    waterline = 0.56 * 256 + 0.34 * 0.62 * 256
    assert rows.max() > waterline + 20, "the reflection reaches below the hull"


def test_equal_requests_with_figures_give_equal_frames() -> None:
    one, _, _ = drawn(job("two dogs running on the beach, birds", num_frames=4), threads=1)
    three, _, _ = drawn(job("two dogs running on the beach, birds", num_frames=4), threads=3)
    assert np.array_equal(one, three)


def test_the_record_tells_what_was_understood_and_what_not() -> None:
    _, made, _ = drawn(job("two boats at sunset with a koala, pan left", num_frames=1))
    facts = json.loads(json.dumps(dict(made.facts)))
    assert facts["understood"] == ["sunset", "two sailboats", "pan left"]
    assert facts["not_drawn"] == ["koala"]


@pytest.mark.parametrize(
    ("rider", "seen"),
    [("a girl in a yellow dress riding a horse", (240, 190, 60)), ("a knight on a horse", (190, 60, 60))],
)
def test_the_rider_sits_on_the_beast(rider: str, seen: tuple[int, int, int]) -> None:
    frame = frames_of(rider, num_frames=1)[0].astype(np.float32)
    hue = frame / np.maximum(frame.max(2, keepdims=True), 1)
    worn = (np.abs(hue - np.array(seen) / max(seen)).max(2) < 0.2) & (frame.max(2) > 90)
    alone = frames_of("a horse", num_frames=1)[0].astype(np.float32)
    plain = np.abs(alone / np.maximum(alone.max(2, keepdims=True), 1) - np.array(seen) / max(seen)).max(2) < 0.2
    assert worn.sum() > plain.sum() + 20, "what the rider wears is seen"


def test_a_rider_sits_higher_than_the_beast() -> None:
    tops = []
    for figure, rider in ((FIGURES["horse"], None), (ridden("horse"), Rider(name="knight"))):
        pen = Pen(figure.box, 60)
        figure.draw(pen, 0.0, Look(rider=rider))
        stamp = pen.stamp()
        tops.append(stamp.top - int(np.nonzero(stamp.alpha.max(1) > 0.5)[0][0]))
    assert tops[1] > tops[0] + 4


@pytest.mark.parametrize(
    "prompt",
    [
        "a boat on the sea, clouds",
        "a man walking in a city street in the rain",
        "fish in a coral reef",
        "fireworks, lanterns",
        "a girl riding a horse",
    ],
)
def test_a_loop_ends_where_it_began(prompt: str) -> None:
    def frames(**options: object) -> NDArray[np.float32]:
        return drawn(job(prompt, num_frames=24, **options))[0].astype(np.float32)  # type: ignore[arg-type]

    looped = frames(params={"loop": True})
    coarse = looped.reshape(24, 32, 4, 32, 4, 3).mean((2, 4))
    steps = np.abs(np.diff(coarse, axis=0)).mean((1, 2, 3))
    jump = float(np.abs(coarse[0] - coarse[-1]).mean())
    assert jump < 1.6 * float(steps.max()), "from the last frame to the first is a step like any other"


@pytest.mark.parametrize(
    "style", ["black and white", "sepia", "watercolor", "ink painting", "pixel art", "anime style", "oil painting"]
)
def test_a_style_changes_the_whole_picture_and_keeps_its_light(style: str) -> None:
    plain, styled = (
        frames_of(text, num_frames=1)[0].astype(np.float32) for text in ("a castle by day", f"a castle by day, {style}")
    )
    assert np.abs(plain - styled).mean() > 3
    inside = slice(20, -20)  # watercolours have a rim of bare paper
    one, other = (frame.mean(2)[inside, inside].ravel() for frame in (plain, styled))
    assert np.corrcoef(one, other)[0, 1] > 0.6


def test_slow_motion_and_time_lapse_change_how_fast_clouds_go() -> None:
    def change(words: str) -> float:
        frames = frames_of(f"the sea under clouds, {words}", num_frames=2, fps=6).astype(np.float32)
        return float(np.abs(frames[1] - frames[0]).mean())

    assert change("slow motion") < change("at noon") < change("time lapse")


@pytest.mark.parametrize(
    "prompt",
    [
        "a whale under water", "a cup on a table", "a dancer on a stage", "a cat in a room", "a robot on the moon",
        "a volcano", "a waterfall", "the canyon", "a river", "aerial view of an island", "aerial view of a city",
        "above the clouds", "a train on a bridge", "an astronaut in space", "a crowd in a street", "a rocket",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("width", "height"), [(64, 320), (320, 64)])
def test_scenes_fit_slim_frames(prompt: str, width: int, height: int) -> None:
    assert frames_of(prompt, width=width, height=height, num_frames=1)[0].std() > 4
