"""A workflow as ComfyUI's API exports it: nodes by id, each with its class, its inputs and maybe a title.

An input holds a literal or a link `[node id, output slot]`. Ids of nodes inside subgraphs hold a colon (`128:89`). The
value of an input may be some links away, behind constants, reroutes and switches. These are followed here, as far as
the file says what they do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CONSTANT_INPUTS = ("value", "text", "string", "int", "float", "number", "seed", "noise_seed", "prompt", "Value")
_TEXT_INPUTS = ("value", "text", "string", "prompt")
_CONDITIONS = ("switch", "boolean", "condition", "bool", "cond")
_BRANCHES = (("on_true", "on_false"), ("tt_value", "ff_value"), ("if_true", "if_false"))
_CONVERTS = re.compile(r"(int|float|number|string)_?to_?(int|float|string)|NumberConvert", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """The output number `slot` of a node."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """The place of a literal. `switched`: there is a switch between it and the input that was asked for."""

    node: str
    input: str
    value: Any
    switched: bool = False

    @property
    def place(self) -> tuple[str, str]:
        return (self.node, self.input)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere:
    """A value that no literal in the file decides. `why` is the rest of a sentence that begins with "it"."""

    why: str


def link_of(value: object) -> Link | None:
    """The input's value as a link; None if it is none, by the rule by which ComfyUI tells links from lists."""
    match value:
        case [str(node), int(slot)] if not isinstance(slot, bool):
            return Link(node, slot)
    return None


class Graph:
    """The nodes, and what leads to what. The nodes never change; links to ids that are not there lead nowhere."""

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self.nodes = nodes
        self._branches: dict[str, str | None] = {}

    def kind(self, node: str) -> str:
        """The node's class, such as `KSampler`."""
        return str(self.nodes[node]["class_type"])

    def inputs(self, node: str) -> Mapping[str, Any]:
        inputs: Mapping[str, Any] = self.nodes[node]["inputs"]
        return inputs

    def title(self, node: str) -> str:
        """The title that it has in the editor; empty where there is none."""
        meta = self.nodes[node].get("_meta")
        return str(meta.get("title", "")).strip() if isinstance(meta, Mapping) else ""

    def named(self, node: str) -> str:
        """The node as messages call it: `node 6 (CLIPTextEncode)`."""
        return f"node {node} ({self.kind(node)})"

    def begins(self, node: str) -> str:
        """As `named`, for the beginning of a sentence."""
        return f"N{self.named(node)[1:]}"

    def link(self, node: str, name: str) -> Link | None:
        """The link of this input, if it has one to a node that exists."""
        link = link_of(self.inputs(node).get(name))
        return link if link and link.node in self.nodes else None

    def ancestors(self, node: str) -> tuple[str, ...]:
        """This node and all nodes that it depends on, in the file's order; of a switch, only those of its active
        branch."""
        found, waiting = set[str](), [node]
        while waiting:
            one = waiting.pop()
            if one in found:
                continue
            found.add(one)
            names = self._followed(one)
            waiting += [link.node for name in names if (link := self.link(one, name))]
        return tuple(one for one in self.nodes if one in found)

    def _followed(self, node: str) -> tuple[str, ...]:
        branch = self.branch(node)
        if branch is None:
            return tuple(self.inputs(node))
        return (*(name for name in (*_CONDITIONS, "select") if name in self.inputs(node)), branch)

    def is_switch(self, node: str) -> bool:
        inputs = self.inputs(node)
        return any(yes in inputs or no in inputs for yes, no in _BRANCHES) or (
            "select" in inputs and "switch" in self.kind(node).lower()
        )

    def branch(self, node: str) -> str | None:
        """The input that a switch passes on. None for other nodes, and when the file does not say which one it is."""
        if node not in self._branches:
            self._branches[node] = None  # the answer for a switch that depends on itself
            self._branches[node] = self._chosen(node) if self.is_switch(node) else None
        return self._branches[node]

    def _chosen(self, node: str) -> str | None:
        inputs = self.inputs(node)
        if "select" in inputs:
            chosen = self.resolve(node, "select")
            name = f"input{chosen.value}" if isinstance(chosen, Leaf) else ""
            return name if name in inputs else None
        for condition in _CONDITIONS:
            if condition not in inputs:
                continue
            told = self.resolve(node, condition)
            if isinstance(told, Leaf) and isinstance(told.value, bool | int):
                names = next(pair for pair in _BRANCHES if pair[0] in inputs or pair[1] in inputs)
                name = names[0] if told.value else names[1]
                return name if name in inputs else None
        return None

    def resolve(self, node: str, name: str, *, text: bool = False) -> Leaf | Nowhere:
        """The literal that decides this input's value. `text`: for a text that a node rewrites, the text before
        that."""
        switched = False
        seen = set[tuple[str, str]]()
        while True:
            if (node, name) in seen:
                return Nowhere(why=f"goes in a circle at {self.named(node)}")
            seen.add((node, name))
            value = self.inputs(node).get(name)
            link = link_of(value)
            if link is None:
                if value is None or isinstance(value, list | dict):
                    return Nowhere(why=f"is missing at {self.named(node)}")
                return Leaf(node=node, input=name, value=value, switched=switched)
            if link.node not in self.nodes:
                return Nowhere(why=f"comes from node {link.node}, which is not in the file")
            node = link.node
            switched = switched or self.is_switch(node)
            source = self._source(link, text=text)
            if source is None:
                return Nowhere(why=f"is computed by {self.named(node)}")
            name = source

    def _source(self, link: Link, *, text: bool) -> str | None:
        """The one input that decides this output, if the file says which it is."""
        node, inputs = link.node, self.inputs(link.node)
        if self.is_switch(node):
            return self.branch(node)
        linked = [name for name in inputs if link_of(inputs[name])]
        if self.kind(node).startswith("Reroute") or _CONVERTS.search(self.kind(node)):
            return linked[0] if len(linked) == 1 else None
        if link.slot != 0:
            return None
        if not linked:
            return next((name for name in _CONSTANT_INPUTS if name in inputs), None)
        if text:
            return next((name for name in _TEXT_INPUTS if name in inputs), None)
        return None
