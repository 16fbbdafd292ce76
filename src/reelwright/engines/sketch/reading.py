"""What a prompt says, word by word: concepts with their colours and counts, and the nouns that nobody knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from reelwright.engines.sketch.cast.figure import Rider
from reelwright.engines.sketch.lexicon import landscape, living, made, scenes, stop
from reelwright.engines.sketch.lexicon.text import Mention, Phrases, Unit, hangul, units_of

_NATURAL = {
    "hills": ("#45a84e",), "grass": ("#45a84e", "#f6c431"),
    "clouds": ("#d9dee6", "#8a9098"), "snow": ("#d9dee6",), "forest": ("#45a84e",), "field": ("#45a84e",),
    "mountains": ("#45a84e", "#d9dee6"), "sea": ("#2f6fe0",), "lake": ("#2f6fe0",), "river": ("#2f6fe0",),
    "desert": ("#f6c431", "#f2842a"), "fire": ("#f2842a", "#e5322d"), "stars": ("#d9dee6",), "sun": ("#f6c431",),
    "moon": ("#d9dee6", "#f6c431"), "heights": ("#2f6fe0", "#2a2a2e"), "night": ("#2a2a2e",), "clear": ("#2f6fe0",),
}  # fmt: skip
"""Colours that a thing has anyway: they say nothing about the rest of the picture."""
_FIGURES = ("living", "made")
_NEGATED = 3
"""How many words a negation reaches at most."""
CARRIERS = ("bicycle", "motorcycle", "rowboat", "surfer", "skier", "snowboarder")
"""Figures that hold a person."""
DOERS = ("surfer", "skier", "snowboarder")
"""Those of them that are one: a woman who surfs is the surfer."""
BEASTS = ("horse", "zebra", "elephant", "cow", "deer", "giraffe", "lion", "tiger", "bear", "polar bear")
"""Beasts that carry a rider."""
RIDERS = ("knight", "astronaut", "robot", "person", "dancer", "couple", "people")
_OWN_COLOURS = dict.fromkeys(("goldfish", "goldfisch", "goldfische", "金鱼", "金魚", "금붕어"), "#f2842a")
"""Words that say the colour of what they name."""
_BOATS = frozenset(
    ("boat", "boats", "boot", "boote", "bateau", "bateaux", "barque", "barco", "barcos", "barca", "barche", "bote")
)
"""Words for any boat."""
_ADJECTIVE = (
    "ful", "ous", "ive", "able", "ible", "ish", "less", "ly", "ing", "ed", "est", "esque", "like", "ые", "ыи", "ая",
    "ое", "ого", "ои", "ом", "ым", "ую", "ет", "ит", "ут", "ют", "ят", "ся",
)  # fmt: skip
_NOUNS_IN_ING = frozenset(
    ("king", "ring", "ceiling", "painting", "wing", "string", "spring", "pudding", "wedding", "viking", "earring")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A figure that the prompt asks for: its name in the cast, how many, and its colour ("#rrggbb"), if named.

    `female`: a woman or girl. `rider`: who rides it.
    """

    name: str
    count: int = 1
    colour: str | None = None
    female: bool = False
    rider: Rider | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Names by table, each in the order of mention; `roles` are the figures, `moons` how many moons;
    `dancing`: the figures dance."""

    names: dict[str, tuple[str, ...]]
    colours: tuple[str, ...]
    roles: tuple[Role, ...]
    moons: int
    unknown: tuple[str, ...]
    dancing: bool

    def of(self, table: str) -> tuple[str, ...]:
        return self.names.get(table, ())

    def first(self, table: str) -> str | None:
        return next(iter(self.of(table)), None)


@cache
def _phrases() -> Phrases:
    return Phrases(
        {
            "hours": landscape.HOURS,
            "grounds": landscape.GROUNDS,
            "features": landscape.FEATURES,
            "weathers": landscape.WEATHERS,
            "bodies": landscape.BODIES,
            "space": {"space": landscape.SPACE},
            "colours": landscape.COLOURS,
            "living": living.LIVING,
            "made": made.MADE,
            "settings": scenes.SETTINGS,
            "hints": scenes.HINTS,
            "undrawn": {"undrawn": scenes.UNDRAWN},
            "effects": scenes.EFFECTS,
            "moves": scenes.MOVES,
            "paces": {str(pace): forms for pace, forms in scenes.PACES.items()},
            "times": scenes.TIMES,
            "styles": scenes.STYLES,
            "manners": scenes.MANNERS,
            "groups": scenes.GROUPS,
            "numbers": scenes.NUMBERS,
            "many": {"many": scenes.MANY},
            "female": {"female": scenes.FEMALE},
            "clothes": {"clothes": scenes.CLOTHES},
            "riding": {"riding": scenes.RIDING, "horseback": scenes.HORSEBACK},
            "arms": {"arms": scenes.ARMS},
            "negations": {"before": scenes.NEGATIONS, "after": scenes.AFTER},
        }
    )


@cache
def _stopped() -> frozenset[str]:
    return frozenset(unit.text for unit in units_of(stop.STOP)) | frozenset(unit.text for unit in units_of(stop.KOREAN))


def reading_of(prompt: str) -> Reading:
    units = units_of(prompt)
    mentions = _phrases().mentions(units)
    kept, ruled_out = _affirmed(units, mentions)
    roles, used = _roles(units, kept)
    knight = any("knight" in (role.name, role.rider and role.rider.name) for role in roles)
    dancing = any(role.name == "dancer" for role in roles)
    if dancing and any(role.name in living.LIVING and role.name != "dancer" for role in roles):
        # "Penguins dancing": the word says what they do.
        roles = tuple(role for role in roles if role.name != "dancer")
    names: dict[str, list[str]] = {}
    for mention in kept:
        if (
            mention not in used
            and mention.table not in ("female", "clothes")
            and mention.name not in names.setdefault(mention.table, [])
        ):
            names[mention.table].append(mention.name)
    colours = tuple(names.pop("colours", []))
    moons = max((_count(units, kept, m) for m in kept if m.name == "moon" and m.table == "features"), default=0)
    return Reading(
        names={table: tuple(found) for table, found in names.items()},
        colours=tuple(c for c in colours if c not in ("#2a2a2e", "#8a9098"))[:3],
        roles=roles,
        moons=moons,
        dancing=dancing,
        unknown=(*_unknown(units, mentions, ruled_out, knight), *_unridden(kept, roles)),
    )


def _affirmed(units: tuple[Unit, ...], mentions: list[Mention]) -> tuple[list[Mention], set[int]]:
    """The mentions that no negation rules out, and the places of the units that one does."""
    out: set[int] = set()
    romance = any(unit.text in ("um", "uma", "ao", "da", "do", "na", "pelo") for unit in units)
    known = {place for m in mentions for place in range(m.start, m.end)}
    for mention in mentions:
        if mention.table != "negations":
            continue
        if mention.name == "after":
            out |= _before(mentions, mention.start)
        elif not (romance and units[mention.start].text == "no"):
            out |= _ruled_out(units, mention, mentions, known)
    return [m for m in mentions if not out & set(range(m.start, m.end)) and m.table != "negations"], out


def _before(mentions: list[Mention], start: int) -> set[int]:
    return {place for m in mentions if m.end == start for place in range(m.start, m.end)}


def _ruled_out(units: tuple[Unit, ...], negation: Mention, mentions: list[Mention], known: set[int]) -> set[int]:
    """From a negation to the first thing after it, and on over "or"."""
    out: set[int] = set()
    place, end = negation.end, min(negation.end + _NEGATED, len(units))
    while place < end and not (units[place].apart and place > negation.end):
        out.add(place)
        mention = next((m for m in mentions if m.start == place and m.table not in ("numbers", "colours")), None)
        if mention is not None:
            out |= set(range(mention.start, mention.end))
            place = mention.end
            if place < len(units) and units[place].text in ("or", "nor", "oder", "ou", "o", "ni", "или", "и"):
                end = min(place + 1 + _NEGATED, len(units))
                place += 1
                continue
            break
        if place not in known and units[place].text not in _stopped():
            break
        place += 1
    return out


def _roles(units: tuple[Unit, ...], mentions: list[Mention]) -> tuple[tuple[Role, ...], set[Mention]]:
    """The figures, and the mentions of colours that belong to a thing."""
    used = {m for m in mentions if m.table == "colours" and _natural(units, mentions, m)}
    roles: dict[str, Role] = {}
    seen: dict[str, set[str]] = {}
    for mention in mentions:
        if mention.table not in _FIGURES:
            continue
        colour = _colour_of(units, mentions, mention)
        if colour is not None:
            used.add(colour)
        count, word = _count(units, mentions, mention), units[mention.start].text
        before = roles.get(mention.name)
        if before is not None:
            # "A man and a woman" are two, "the dog … the dog" is one.
            again = mention.name in ("person", "people") and word not in seen[mention.name]
            count = before.count + count if again else max(before.count, count)
        female = any(m.table == "female" and m.start == mention.start for m in mentions)
        seen.setdefault(mention.name, set()).add(word)
        tint = colour.name if colour else before.colour if before else _OWN_COLOURS.get(word)
        roles[mention.name] = Role(name=mention.name, count=min(count, 9), colour=tint, female=female)
    _dress(units, mentions, roles, used)
    if "rowboat" in roles and not seen.get("sailboat", set()) - _BOATS:
        # "Rowing a boat" is one boat.
        roles.pop("sailboat", None)
    roles = _mounted(units, mentions, roles)
    if "cake" in roles:
        roles.pop("candle", None)
    return tuple(roles.values()), used


def _mounted(units: tuple[Unit, ...], mentions: list[Mention], roles: dict[str, Role]) -> dict[str, Role]:
    """Who rides or rows becomes part of the figure that carries him."""
    if any(m.name == "horseback" for m in mentions) and not set(BEASTS) & set(roles):
        roles = {**roles, "horse": Role(name="horse")}
    rides = _rides(units, mentions)
    mount = next((name for name in roles if name in CARRIERS or (name in BEASTS and rides)), None)
    others = [name for name in roles if name in living.LIVING and name != mount]
    who = next((name for name in others if name in RIDERS), None)
    if mount is None or (who is None and others):
        return roles
    carrier, told = roles[mount], roles[who] if who else Role(name="person")
    count = max(carrier.count, {"couple": 2, "people": max(told.count, 3)}.get(told.name, told.count))
    if mount in DOERS:
        made = replace(carrier, count=count, colour=carrier.colour or told.colour, female=told.female)
    elif who or mount in BEASTS:
        name = told.name if told.name in ("knight", "astronaut", "robot") else "person"
        made = replace(carrier, count=count, rider=Rider(name=name, colour=told.colour, female=told.female))
    else:
        made = carrier
    return {name: made if name == mount else role for name, role in roles.items() if name != who}


def _rides(units: tuple[Unit, ...], mentions: list[Mention]) -> bool:
    """Whether someone rides: the prompt says so, or has a person "on" a beast."""
    if any(m.table == "riding" for m in mentions):
        return True
    riders = [m.end for m in mentions if m.name in RIDERS]
    beasts = [m for m in mentions if m.name in BEASTS]
    upon = [place for place, unit in enumerate(units) if unit.text in scenes.UPON.split()]
    return any(
        min(riders, default=place + 1) <= place < beast.start <= place + 3
        and not _thing_between(mentions, place, beast)
        for place in upon
        for beast in beasts
    )


def _thing_between(mentions: list[Mention], place: int, beast: Mention) -> bool:
    """Whether something else comes after the word at `place` before the beast: "on a hill, a horse"."""
    return any(m.table != "colours" and place < m.start < beast.start for m in mentions)


def _dress(units: tuple[Unit, ...], mentions: list[Mention], roles: dict[str, Role], used: set[Mention]) -> None:
    """The colour of what someone wears."""
    wearer = next((name for name in ("person", "knight", "dancer", "couple", "people") if name in roles), None)
    for colour in mentions:
        worn = any(
            m.table == "clothes" and (_near(units, colour, m, 1) or _near(units, m, colour, 0)) for m in mentions
        )
        if colour.table == "colours" and worn and wearer is not None:
            used.add(colour)
            roles[wearer] = replace(roles[wearer], colour=colour.name)


def _natural(units: tuple[Unit, ...], mentions: list[Mention], colour: Mention) -> bool:
    return any(
        colour.name in _NATURAL.get(m.name, ()) and (_near(units, colour, m, 2) or _near(units, m, colour, 1))
        for m in mentions
        if m.table in ("features", "grounds", "weathers", "settings", "hours")
    )


def _colour_of(units: tuple[Unit, ...], mentions: list[Mention], thing: Mention) -> Mention | None:
    colours = [m for m in mentions if m.table == "colours"]
    before = [c for c in colours if _near(units, c, thing, 2) and not _between(mentions, c, thing)]
    if before:
        return before[-1]
    after = [c for c in colours if _near(units, thing, c, 1) and not any(_near(units, c, o, 0) for o in mentions
             if o.table in (*_FIGURES, "features", "grounds", "hours", "weathers") and o.start > c.start)]  # fmt: skip
    return after[0] if after else None


def _between(mentions: list[Mention], first: Mention, second: Mention) -> bool:
    things = (*_FIGURES, "features", "grounds", "settings", "hours")
    return any(m.table in things and first.end <= m.start < second.start for m in mentions)


def _near(units: tuple[Unit, ...], first: Mention, second: Mention, gap: int) -> bool:
    """The second follows the first at once, or with at most `gap` words between, in the same clause."""
    between = second.start - first.end
    return 0 <= between <= gap and not any(units[n].apart for n in range(first.end, second.start + 1))


def _count(units: tuple[Unit, ...], mentions: list[Mention], thing: Mention) -> int:
    named = [m for m in mentions if m.table in ("numbers", "groups") and _near(units, m, thing, 2)]
    if named:
        return int(named[-1].name)
    last = units[thing.end - 1].text
    plural = any(m.table == "many" and m.start == thing.start for m in mentions)
    if not plural and last.endswith("s") and not last.endswith("ss") and thing.name not in ("bus", "octopus", "cactus"):
        before = units[thing.start : thing.end - 1]
        singles = units_of(last[:-1]) + (units_of(last[:-2]) if last.endswith("es") else ())
        found = [m for one in singles for m in _phrases().mentions((*before, _joined(one)))]
        plural = any(m.name == thing.name and m.end - m.start == len(before) + 1 for m in found)
    return 3 if plural else 1


def _joined(unit: Unit) -> Unit:
    return replace(unit, apart=False)


def _unridden(mentions: list[Mention], roles: tuple[Role, ...]) -> tuple[str, ...]:
    """The riding that the prompt asks for and nobody does: of a cat, or on a dragon."""
    asked = any(m.table == "riding" for m in mentions)
    alone = [role for role in roles if role.name not in CARRIERS and role.rider is None and role.name in living.LIVING]
    return ("riding",) if asked and alone else ()


def _unknown(units: tuple[Unit, ...], mentions: list[Mention], ruled_out: set[int], knight: bool) -> tuple[str, ...]:
    """Nouns that are not in any table, as the prompt writes them; arms where there is no `knight` to bear them."""
    silent = {"hints", "undrawn"} if knight else {"hints", "undrawn", "arms"}
    told = [m for m in mentions if m.table in silent and m.start not in ruled_out]
    names = {m.start: " ".join(u.source for u in units[m.start : m.end]) for m in told}
    for m in told:
        if not units[m.start].text.isascii() and len(units[m.start].text) == 1:
            names[m.start] = "".join(u.source for u in units[m.start : m.end])
    known = {place for m in mentions for place in range(m.start, m.end)} | ruled_out
    place = 0
    while place < len(units):
        if place in known:
            place += 1
            continue
        end = place + 1
        while end < len(units) and end not in known and not units[end].apart:
            end += 1
        names.update(_nouns(units, place, end, end in known))
        place = end
    ordered = [names[at] for at in sorted(names)]
    return tuple(dict.fromkeys(ordered))[:8]


def _nouns(units: tuple[Unit, ...], start: int, end: int, before_known: bool) -> dict[int, str]:
    """Likely nouns among the unknown units start … end − 1: the last of each run of words that say something."""
    if len(units[start].text) == 1 and not units[start].text.isascii():
        return _dense_nouns(units, start, end)
    found: dict[int, str] = {}
    for place in range(start, end):
        unit = units[place]
        if not _says_something(unit.text):
            continue
        follows = place + 1 < end and _says_something(units[place + 1].text)
        # What stands directly before a known thing describes it.
        describes = place + 1 == end and before_known and end < len(units) and not units[end].apart
        if not follows and not (describes and unit.text.isascii()):
            found[place] = unit.source
    return found


def _says_something(text: str) -> bool:
    if len(text) < 3 or text in _stopped() or any(c.isdigit() for c in text):
        return False
    return text in _NOUNS_IN_ING or not text.endswith(_ADJECTIVE)


def _dense_nouns(units: tuple[Unit, ...], start: int, end: int) -> dict[int, str]:
    """Runs of Chinese, Japanese or Korean characters that are not mere grammar."""
    found: dict[int, str] = {}
    run: list[int] = []
    korean = hangul(units[start].text)
    for place in range(start, end + 1):
        grammar = place == end or (not korean and units[place].text in stop.CJK) or (korean and units[place].first)
        if grammar and run:
            word = "".join(units[n].source for n in run)
            bare = word.rstrip("".join("이가을를은는에의와과로도들서")) if korean else word
            if (
                len(bare) >= 2
                and word not in stop.KOREAN.split()
                and not (korean and word.endswith(("는", "한", "운", "인", "다")))
            ):
                found[run[0]] = bare
            run = []
        if place < end and (korean or not grammar):
            run.append(place)
    return found
