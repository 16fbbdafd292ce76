"""A prompt as a row of units, and the phrases that are found in it: longest first, in every script alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_DENSE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Kana, Chinese characters and Korean syllables."""
_PARTICLES = frozenset("이가을를은는에의와과로도들서")
"""Korean endings that may follow a noun of one syllable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A word, or one character of a script without spaces. `apart`: punctuation stands before it; `first`: it begins a
    word; `source` is how the prompt writes it."""

    text: str
    apart: bool
    first: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A concept that units `start` … `end` − 1 name; `table` is the list it comes from."""

    table: str
    name: str
    start: int
    end: int


def units_of(prompt: str) -> tuple[Unit, ...]:
    """Lower case, without accents: words, and single characters of Chinese, Japanese and Korean."""
    found: list[Unit] = []
    apart = True
    for piece in re.finditer(r"([\w\u0900-\u097f\u064b-\u065f]+)|([^\s'’\-])", prompt):
        source = piece.group(1)
        if source is None:
            apart = True
            continue
        for word in _folded(source).replace("_", " ").split():
            first = True
            for part in re.findall(rf"[{_DENSE}]|[^{_DENSE}]+", _bare(word)):
                found.append(Unit(text=part, apart=apart, first=first, source=source if part == word else part))
                apart = first = False
    return tuple(found)


class Phrases:
    """All tables in one index."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        self._exact: dict[str, list[tuple[tuple[str, ...], bool, str, str]]] = {}
        self._stems: dict[str, list[tuple[tuple[str, ...], bool, str, str]]] = {}
        for table, concepts in tables.items():
            for name, forms in concepts.items():
                for form in forms.split():
                    self._add(table, name, form)

    def _add(self, table: str, name: str, form: str) -> None:
        open_end = form.endswith("*")
        parts = tuple(unit.text for unit in units_of(form.rstrip("*").replace("_", " ")))
        if not parts:
            return
        entry = (parts, open_end, table, name)
        if open_end and len(parts) == 1:
            self._stems.setdefault(parts[0][:2], []).append(entry)
        else:
            self._exact.setdefault(parts[0], []).append(entry)

    def mentions(self, units: tuple[Unit, ...]) -> list[Mention]:
        """What the units name, in order. The longest phrase at a place counts, and nothing inside it; phrases of equal
        length all count."""
        found: list[Mention] = []
        at = 0
        while at < len(units):
            best, names = 0, set[tuple[str, str]]()
            for parts, open_end, table, name in self._candidates(units[at].text):
                if len(parts) >= best and _matches(units, at, parts, open_end):
                    if len(parts) > best:
                        best, names = len(parts), set()
                    names.add((table, name))
            found += [Mention(table=t, name=n, start=at, end=at + best) for t, n in sorted(names)]
            at += max(best, 1)
        return found

    def _candidates(self, text: str) -> Iterable[tuple[tuple[str, ...], bool, str, str]]:
        yield from self._exact.get(text, ())
        yield from self._stems.get(text[:2], ())


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    # Accents go, but the voicing marks of Japanese kana and the vowels of Devanagari are letters of their own.
    bare = "".join(c for c in decomposed if not unicodedata.combining(c) or ord(c) >= 0x3000 or 0x900 <= ord(c) < 0x980)
    return unicodedata.normalize("NFC", bare)


def _bare(word: str) -> str:
    """Arabic words without their article."""
    return word[2:] if len(word) > 4 and word.startswith("ال") else word


def _matches(units: tuple[Unit, ...], at: int, parts: tuple[str, ...], open_end: bool) -> bool:
    if at + len(parts) > len(units):
        return False
    last = len(parts) - 1
    for n, part in enumerate(parts):
        unit = units[at + n]
        if n and unit.apart:
            return False
        if not (unit.text.startswith(part) if open_end and n == last else unit.text == part):
            return False
    return not hangul(parts[0]) or _korean(units, at, len(parts))


def _korean(units: tuple[Unit, ...], at: int, count: int) -> bool:
    """Korean words are spaced: a phrase begins one, and one of a single syllable is followed by endings alone."""
    if not units[at].first:
        return False
    rest = []
    for unit in units[at + count :]:
        if unit.first:
            break
        rest.append(unit.text)
    return count > 1 or all(syllable in _PARTICLES for syllable in rest)


def hangul(text: str) -> bool:
    return "\uac00" <= text[:1] <= "\ud7af"
