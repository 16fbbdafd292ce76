"""From a prompt's words to the description of a scene. Pure data; nothing here draws."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from reelwright.engines.sketch import words
from reelwright.engines.sketch.camera import Camera


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the picture is to show.

    `kind` is "landscape", "space" or "abstract"; `ground` what lies in front ("sea", "lake", "desert", "field", "city",
    "snowfield", "meadow"); `features` what else stands there; `weather` what the air does; `body` the planet of a space
    scene; `colours` accents as "#rrggbb"; `known` says whether any word was recognised at all.
    """

    kind: str
    hour: str
    ground: str
    features: frozenset[str]
    weather: frozenset[str]
    body: str
    colours: tuple[str, ...]
    camera: Camera

    def facts(self) -> dict[str, object]:
        """The scene as plain JSON, for the video's record."""
        common: dict[str, object] = {
            "scene": self.kind,
            "camera": self.camera.move,
            "colours": list(self.colours),
        }
        match self.kind:
            case "landscape":
                return common | {
                    "hour": self.hour,
                    "ground": self.ground,
                    "features": sorted(self.features),
                    "weather": sorted(self.weather),
                }
            case "space":
                return common | {"body": self.body}
            case _:
                return common


def read(prompt: str) -> Scene:
    """The scene that `prompt` asks for. A prompt without a known word gives an abstract scene."""
    text = _plain(prompt)
    hours = _found(text, words.HOURS)
    grounds = _found(text, words.GROUNDS)
    weather = set(_found(text, words.WEATHERS))
    bodies = _found(text, words.BODIES)
    features = set(_found(_without_names(text, bodies), words.FEATURES))
    colours = tuple(_found(text, words.COLOURS))[:3]
    camera = _camera(text)
    planets = [b for b in bodies if b not in ("moon", "sun", "earth")]
    in_space = _has(text, words.SPACE) or planets[:1] == ["mars"] or "saturn" in planets or "jupiter" in planets
    if in_space and not grounds and not features & {"mountains", "forest", "fire"}:
        # "the planet Mars": the name counts, not the kind.
        named = [b for b in bodies if b != "planet"] if in_space and planets else bodies
        body = next(iter([b for b in planets if b != "planet"] or named or planets), "galaxy")
        return _scene("space", camera, colours, body=body)
    telling = features - {"reflections", "flowers", "surf", "haze"}
    if not (grounds or telling or hours or weather - {"clear", "wind"}):
        return _scene("abstract", camera, colours)
    ground = _ground(grounds, features, weather)
    return _scene(
        "landscape",
        camera,
        colours,
        hour=_hour(hours, features, weather),
        ground=ground,
        features=_features(ground, grounds, features),
        weather=_weather(weather),
    )


def _scene(
    kind: str,
    camera: Camera,
    colours: tuple[str, ...],
    *,
    hour: str = "night",
    ground: str = "",
    features: frozenset[str] = frozenset(),
    weather: frozenset[str] = frozenset(),
    body: str = "",
) -> Scene:
    return Scene(
        kind=kind,
        hour=hour,
        ground=ground,
        features=features,
        weather=weather,
        body=body,
        colours=colours,
        camera=camera,
    )


def _hour(hours: list[str], features: set[str], weather: set[str]) -> str:
    if "night" in hours and hours[0] in ("dawn", "day", "dusk"):
        # "evening at night", "a night until morning": the darkest word wins over a mere part of the day.
        return "night"
    if hours:
        return hours[0]
    if features & {"stars", "aurora", "moon", "fire"}:
        return "night"
    if "lightning" in weather:
        return "dusk"
    return "day"


def _ground(grounds: list[str], features: set[str], weather: set[str]) -> str:
    # Water in front of a city or mountains is the ground; "a field by the sea" is a field.
    for name in ("sea", "lake", "desert", "city", "field", "snowfield"):
        if name in grounds and not (name in ("sea", "lake") and "field" in grounds):
            return name
    if "ice" in features:
        return "lake"
    if "snow" in weather:
        return "snowfield"
    return "meadow"


def _features(ground: str, grounds: list[str], features: set[str]) -> frozenset[str]:
    shown = set(features)
    if "city" in grounds and ground != "city":
        shown.add("city")
    if "field" in grounds and ground == "field":
        shown.add("flowers")
    if ground in ("sea", "lake") and "sea" in grounds and "lake" in grounds:
        shown.discard("ice")
    return frozenset(shown)


def _weather(weather: set[str]) -> frozenset[str]:
    shown = set(weather)
    if "storm" in shown and "snow" not in shown:
        shown |= {"rain", "wind"}
    if "lightning" in shown:
        shown.add("storm")
    if "clear" in shown:
        shown -= {"clouds", "overcast"}
    return frozenset(shown)


def _camera(text: str) -> Camera:
    found = _found(text, words.MOVES)
    # "pan left" holds the word "pan" and "zoom out" the word "zoom": the longer phrase means the move.
    exact = [m for m in found if m not in ("pan-right-any", "zoom-in")]
    move = (exact or found or ["still"])[0]
    if move == "pan-right-any":
        move = "pan-right"
    pace = _found(text, {str(speed): forms for speed, forms in words.PACES.items()})
    return Camera(move=move, speed=float(pace[0]) if pace and move != "still" else 1.0)


def _without_names(text: str, bodies: list[str]) -> str:
    """The text without planets named in scripts without spaces: Mars, 火星, is neither fire, 火, nor a star, 星."""
    names = [form for body in bodies for form in words.BODIES[body].split() if not form.isascii() and len(form) > 1]
    for name in names:
        text = text.replace(name, " ")
    return text


def _plain(prompt: str) -> str:
    """Lower case without accents, single spaces, and without what a negation rules out."""
    decomposed = unicodedata.normalize("NFKD", prompt.lower().replace("ß", "ss"))
    # Accents go, but the voicing marks of Japanese kana are letters of their own.
    bare = "".join(c for c in decomposed if not unicodedata.combining(c) or ord(c) >= 0x3000)
    text = " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", bare)))
    negation = "|".join(words.NEGATIONS.split())
    return re.sub(rf"\b(?:{negation}) \w+", " ", text)


def _found(text: str, table: Mapping[str, str]) -> list[str]:
    """The concepts of `table` that the text names, in the order of their first mention."""
    places = {name: _place(text, forms) for name, forms in table.items()}
    return sorted((name for name, place in places.items() if place is not None), key=lambda n: (places[n], n))


def _has(text: str, forms: str) -> bool:
    return _place(text, forms) is not None


def _place(text: str, forms: str) -> int | None:
    """Where the first of `forms` stands in the text, or None."""
    places = [match.start() for form in forms.split() if (match := re.search(_pattern(form), text))]
    return min(places, default=None)


def _pattern(form: str) -> str:
    if not form.isascii():
        return re.escape(unicodedata.normalize("NFC", form))
    body = re.escape(form.rstrip("*")).replace("_", " ")
    return rf"\b{body}{'' if form.endswith('*') else chr(92) + 'b'}"
