"""From a prompt's words to the description of a scene. Pure data; nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reelwright.engines.sketch.camera import Camera
from reelwright.engines.sketch.cast.roster import FIGURES
from reelwright.engines.sketch.reading import Reading, Role, reading_of
from reelwright.engines.sketch.telling import told

_SPOKEN_FOR = ("reflections", "flowers", "surf", "haze")
"""Features that need a scene to be in."""
_HOMES: dict[str, tuple[str, frozenset[str]]] = {
    "coast": ("sea", frozenset()),
    "beach": ("sea", frozenset({"beach"})),
    "forest": ("meadow", frozenset({"forest"})),
    "garden": ("meadow", frozenset({"park"})),
    "park": ("meadow", frozenset({"park"})),
    "road": ("meadow", frozenset({"road"})),
    "rail": ("meadow", frozenset({"rail"})),
    "heights": ("meadow", frozenset({"mountains"})),
    "launch": ("meadow", frozenset()),
    "piste": ("snowfield", frozenset({"mountains"})),
}
"""What a figure's home means where it is no ground itself."""
_INDOORS = ("room", "table", "stage", "underwater", "heights", "moonscape")
WATER = ("sea", "lake", "river", "waterfall")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the picture is to show.

    `kind` is "landscape", "space" or "abstract"; `ground` what lies in front ("sea", "lake", "river", "waterfall",
    "desert", "canyon", "field", "city", "street", "snowfield", "meadow", "savanna", "moonscape", "heights",
    "underwater", "room", "table", "stage"); `features` what else stands there; `weather` what the air does; `body` the
    planet of a space scene; `colours` accents as "#rrggbb"; `cast` the figures, `manner` what people do; `effects`
    what flies through the air; `aerial`: seen from above. `style` is how it is painted, `time` "time lapse", "slow
    motion" or "". `understood` and `not_drawn` tell the prompt's author what became of the words.
    """

    kind: str
    hour: str
    ground: str
    features: frozenset[str]
    weather: frozenset[str]
    body: str
    colours: tuple[str, ...]
    camera: Camera
    cast: tuple[Role, ...] = ()
    manner: str = "walking"
    effects: frozenset[str] = frozenset()
    aerial: bool = False
    moons: int = 0
    style: str = ""
    time: str = ""
    understood: tuple[str, ...] = ()
    not_drawn: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """The scene as plain JSON, for the video's record."""
        common: dict[str, object] = {
            "scene": self.kind,
            "camera": self.camera.move,
            "colours": list(self.colours),
            "understood": list(self.understood),
            "not_drawn": list(self.not_drawn),
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
    reading = reading_of(prompt)
    kind, body = _kind(reading)
    features = set(reading.of("features"))
    weather = set(reading.of("weathers"))
    roles = reading.roles
    ground = ""
    if kind == "landscape":
        ground = _ground(reading, features, weather)
        if not _placed(reading) and roles:
            features |= _HOMES.get(FIGURES[roles[0].name].home, ("", frozenset()))[1]
    roles, unseen = _seen(roles, kind, ground)
    understood, not_drawn = told(replace(reading, roles=roles))
    not_drawn = (*not_drawn, *unseen)
    aloft = all(FIGURES[role.name].place in ("sky", "lanterns", "tree") for role in roles)
    aerial = (
        kind == "landscape" and "aerial" in reading.of("settings") and ground not in (*_INDOORS, "canyon") and aloft
    )
    if not aerial:
        understood = tuple(word for word in understood if word != "seen from above")
    if ground == "moonscape" and "mars" in reading.of("bodies"):
        body = "mars"
    hour = "night" if kind != "landscape" else _hour(reading, features, weather)
    return Scene(
        kind=kind,
        hour=hour,
        ground=ground,
        features=_features(reading, ground, features) if kind == "landscape" else frozenset(),
        weather=_weather(weather) if kind == "landscape" else frozenset(),
        body=body,
        colours=reading.colours,
        camera=_camera(reading),
        cast=roles if kind != "abstract" else (),
        manner=_manner(reading),
        effects=frozenset(reading.of("effects")),
        aerial=aerial,
        moons=reading.moons,
        style=reading.first("styles") or "",
        time=reading.first("times") or "",
        understood=understood,
        not_drawn=not_drawn,
    )


def _seen(roles: tuple[Role, ...], kind: str, ground: str) -> tuple[tuple[Role, ...], tuple[str, ...]]:
    """The figures that have a place in the scene, and the names of those that have none: a boat in a room."""
    if kind != "landscape" or ground in ("underwater", "table") or ground in WATER:
        return roles, ()
    swimming = [role for role in roles if FIGURES[role.name].place in ("water", "depth")]
    return tuple(role for role in roles if role not in swimming), tuple(role.name for role in swimming)


def _kind(reading: Reading) -> tuple[str, str]:
    """The kind of scene, and the body of one in space."""
    bodies, features = list(reading.of("bodies")), set(reading.of("features"))
    planets = [b for b in bodies if b not in ("moon", "sun", "earth")]
    in_space = bool(reading.of("space")) or planets[:1] == ["mars"] or "saturn" in planets or "jupiter" in planets
    orbit = bool(reading.roles) and not _placed(reading) and FIGURES[reading.roles[0].name].home == "orbit"
    outside = set(reading.of("settings")) - {"heights"} or reading.of("grounds")
    if (in_space or orbit) and not outside and not features & {"mountains", "forest", "fire"}:
        # "the planet Mars": the name counts, not the kind.
        named = [b for b in bodies if b != "planet"] if in_space and planets else bodies
        body = next(iter([b for b in planets if b != "planet"] or named or planets), "earth" if orbit else "galaxy")
        return "space", body
    seen = (
        reading.of("grounds") or reading.of("hours") or reading.of("settings") or reading.of("hints")
        or reading.of("effects") or reading.roles or features - set(_SPOKEN_FOR)
        or set(reading.of("weathers")) - {"clear", "wind"}
    )  # fmt: skip
    return ("landscape" if seen else "abstract"), ""


def _placed(reading: Reading) -> bool:
    """Whether the prompt itself says where it is."""
    telling = set(reading.of("features")) & {"mountains", "forest", "jungle", "ice", "hills"}
    return bool(reading.of("grounds") or set(reading.of("settings")) - {"heights", "aerial"} or telling)


def _hour(reading: Reading, features: set[str], weather: set[str]) -> str:
    hours = reading.of("hours")
    if "night" in hours and hours[0] in ("dawn", "day", "dusk"):
        # "evening at night", "a night until morning": the darkest word wins over a mere part of the day.
        return "night"
    if hours:
        return hours[0]
    dark = {"fireworks", "fireflies", "meteors"} & set(reading.of("effects"))
    glowing = any(role.name in ("candle", "lantern") for role in reading.roles)
    if features & {"stars", "aurora", "moon", "fire"} or dark or glowing or "moonscape" in reading.of("settings"):
        return "night"
    if "lightning" in weather or "volcano" in reading.of("settings"):
        return "dusk"
    return "day"


def _ground(reading: Reading, features: set[str], weather: set[str]) -> str:
    settings, grounds = reading.of("settings"), reading.of("grounds")
    places = {FIGURES[role.name].place for role in reading.roles}
    if "underwater" in settings or ("depth" in places and not _dry(reading)):
        return "underwater"
    for name in ("moonscape", "stage"):
        if name in settings:
            return name
    outdoors = bool(grounds) or bool(features & {"mountains", "forest", "jungle"})
    if "table" in settings or (places == {"table"} and not outdoors):
        return "table"
    inside = "room" in settings or reading.of("hints") or any(role.name == "sofa" for role in reading.roles)
    if inside and not outdoors and not set(settings) & {"street", "road"}:
        return "table" if "table" in places else "room"
    ground = _open_ground(reading, grounds, settings, features, weather)
    if "water" in places and ground not in WATER:
        return "sea" if any(role.name == "surfer" for role in reading.roles) else "lake"
    return ground


def _dry(reading: Reading) -> bool:
    """Whether sea creatures are asked for above the water: whales at sunset."""
    return bool(set(reading.of("hours")) & {"sunset", "dawn", "dusk", "golden"}) and bool(reading.of("grounds"))


def _open_ground(
    reading: Reading, grounds: tuple[str, ...], settings: tuple[str, ...], features: set[str], weather: set[str]
) -> str:
    for name in ("street", "waterfall", "canyon", "savanna"):
        if name in settings:
            return name
    if "grass" in grounds and not set(grounds) - {"grass", "field"}:
        return "field"
    if "cloudsea" in settings:
        return "heights"
    if "beach" in grounds:
        return "sea"
    if "city" in grounds and {FIGURES[role.name].place for role in reading.roles} & {"road", "ground", "air"}:
        return "street"
    # Water in front of a city or mountains is the ground; "a field by the sea" is a field.
    for name in ("sea", "lake", "desert", "city", "field", "snowfield"):
        if name in grounds and not (name in ("sea", "lake") and "field" in grounds):
            return name
    if "river" in settings:
        return "river"
    if "island" in settings:
        return "sea"
    if "ice" in features:
        return "lake"
    if "snow" in weather or any(FIGURES[role.name].home == "piste" for role in reading.roles):
        return "snowfield"
    if not _placed(reading) and reading.roles:
        home = FIGURES[reading.roles[0].name].home
        return _HOMES.get(home, (home, frozenset()))[0]
    bare = not (features - set(_SPOKEN_FOR) or reading.of("hours") or reading.of("effects") or reading.roles)
    return "heights" if "heights" in settings and bare else "meadow"


def _features(reading: Reading, ground: str, features: set[str]) -> frozenset[str]:
    shown, grounds, settings = set(features), reading.of("grounds"), reading.of("settings")
    if "city" in grounds and ground != "city":
        shown.add("city")
    if "field" in grounds and ground == "field" and "grass" not in grounds:
        shown.add("flowers")
    if ground in ("sea", "lake") and "sea" in grounds and "lake" in grounds:
        shown.discard("ice")
    shown |= {"beach"} & set(grounds)
    shown |= {name for name in ("volcano", "island", "park", "road") if name in settings}
    if any(role.name == "sunflower" for role in reading.roles):
        shown.add("flowers")
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


def _manner(reading: Reading) -> str:
    if reading.dancing:
        return "dancing"
    return reading.first("manners") or "walking"


def _camera(reading: Reading) -> Camera:
    move = reading.first("moves") or "still"
    if move == "still" and "aerial" in reading.of("settings"):
        move = "fly"
    pace = reading.first("paces")
    return Camera(move=move, speed=float(pace) if pace and move != "still" else 1.0)
