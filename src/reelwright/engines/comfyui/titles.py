"""Finds the fields that people have marked in the titles of nodes: `prompt`, or `anything [prompt]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reelwright.engines.comfyui.fields import ENCODER_TEXTS, IMAGE_FIELDS, INPUTS, TEXT_FIELDS, field_named
from reelwright.engines.comfyui.graph import Graph, Leaf
from reelwright.engines.comfyui.places import Found, agree

MOST = 2**64
"""No number in a graph that means anything is greater; infinities and NaN are not, either."""

_BRACKETS = re.compile(r"\[([^\[\]]{1,40})\]")


def names_in(title: str) -> tuple[str, ...]:
    """The names in brackets in a title."""
    return tuple(_BRACKETS.findall(title))


def find_by_title(graph: Graph, active: Sequence[str]) -> dict[str, Found]:
    """The places of each field that titles name. Brackets are looked for in all nodes and all of them count; a title
    that just is a field's name counts in nodes that the video is made from (`active`), and only where these agree.
    """
    bracketed = _by_field((field, node) for node in graph.nodes for field in _bracketed(graph.title(node)))
    plain = _by_field((field, node) for node in active if (field := field_named(graph.title(node))))
    found = {}
    for field, nodes in plain.items():
        leaves = [leaf for node in nodes for leaf in _leaves(graph, node, field)]
        if leaves and field not in bracketed:
            found[field] = agree(leaves, f"Several nodes have the title of `{field}`")
    for field, nodes in bracketed.items():
        leaves = [leaf for node in nodes for leaf in _leaves(graph, node, field)]
        places = tuple(dict.fromkeys(leaf.place for leaf in leaves))
        why = None if places else f"{graph.begins(nodes[0])} has [{field}] in its title, and no such input"
        found[field] = Found(places=places, own=leaves[0].value if leaves else None, why=why)
    return found


def _bracketed(title: str) -> Iterator[str]:
    for name in names_in(title):
        if field := field_named(name):
            yield field


def _by_field(pairs: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field, node in pairs:
        found.setdefault(field, []).append(node)
    return found


def _leaves(graph: Graph, node: str, field: str) -> list[Leaf]:
    """The literals of this node, or behind its inputs, whose type fits the field."""
    text = field in TEXT_FIELDS
    found: list[Leaf] = []
    for name in INPUTS[field]:
        if name not in graph.inputs(node) or (found and not (text and name in ENCODER_TEXTS)):
            continue
        leaf = graph.resolve(node, name, text=text)
        if isinstance(leaf, Leaf) and fits(field, leaf.value):
            found.append(leaf)
    return found


def fits(field: str, value: object) -> bool:
    """Whether the type of the field fits that of the value."""
    if field in TEXT_FIELDS or field in IMAGE_FIELDS:
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST
