"""How far a graph is, measured by what ComfyUI tells of its nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

UNITS = 100
"""Parts of one unit of weight, so that a node of weight 1 may be half done."""
MAX_STEPS = 10_000


class Progress:
    """The measured progress of one graph; it never falls.

    A sampler weighs as much as it has steps, every other node 1. What is served from ComfyUI's cache is not counted.
    """

    def __init__(self, graph: Mapping[str, Any], output: str) -> None:
        """`graph` in ComfyUI's API form; only the ancestors of the node `output` are executed."""
        self._weights = {node: _weight(graph, node) for node in _ancestors(graph, output)}
        self._done: dict[str, float] = {}
        self._cached: set[str] = set()
        self._best = 0.0
        self._running: str | None = None

    def cached(self, nodes: Collection[str]) -> None:
        self._cached.update(str(node) for node in nodes)

    def states(self, nodes: Mapping[str, Any]) -> None:
        """The state of all nodes, as `progress_state` tells it."""
        for told in nodes.values():
            if not isinstance(told, dict):
                continue
            node = str(told.get("real_node_id") or told.get("display_node_id") or told.get("node_id"))
            if told.get("state") == "finished":
                self._done[node] = 1.0
            else:
                self.part(node, told.get("value"), told.get("max"))

    def executing(self, node: str) -> None:
        """A node has begun, so the one before has ended (versions that do not tell all states)."""
        if self._running not in (None, node):
            self._done[str(self._running)] = 1.0
        self._running = node

    def part(self, node: str, value: object, most: object) -> None:
        if isinstance(value, int | float) and isinstance(most, int | float) and most > 0:
            self._done[node] = max(self._done.get(node, 0.0), min(1.0, max(0.0, value / most)))

    def measure(self) -> tuple[int, int]:
        """Done and total, in parts of a unit; the total at least 1."""
        counted = {node: weight for node, weight in self._weights.items() if node not in self._cached}
        total = sum(counted.values()) or 1
        done = sum(weight * self._done.get(node, 0.0) for node, weight in counted.items())
        self._best = max(self._best, done / total)
        return int(self._best * total * UNITS), total * UNITS


def _weight(graph: Mapping[str, Any], node: str) -> int:
    if "sampler" not in str(graph[node].get("class_type", "")).lower():
        return 1
    return min(_steps(graph, node) or 1, MAX_STEPS)


def _steps(graph: Mapping[str, Any], node: str, hops: int = 4) -> int | None:
    """The steps of a sampler: its own, or those of the scheduler that its sigmas come from."""
    inputs = graph.get(node, {}).get("inputs", {})
    for name in ("steps", "value", "sigmas"):
        match inputs.get(name):
            case int(steps) if steps > 0:
                return steps
            case [str(source), int()] if hops and (found := _steps(graph, source, hops - 1)):
                return found
    return None


def _ancestors(graph: Mapping[str, Any], output: str) -> set[str]:
    found: set[str] = set()
    waiting = [output]
    while waiting:
        node = waiting.pop()
        if node in found or node not in graph:
            continue
        found.add(node)
        for value in graph[node].get("inputs", {}).values():
            match value:
                case [str(source), int()]:
                    waiting.append(source)
    return found
