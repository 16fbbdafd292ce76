"""Finds the node of a graph that saves the video."""

from __future__ import annotations

from reelwright.engines.comfyui.graph import Graph, Leaf
from reelwright.engines.comfyui.problem import Problem
from reelwright.engines.comfyui.titles import names_in

_VIDEO = ("SaveVideo", "VHS_VideoCombine", "SaveWEBM")
_FRAMES = ("SaveAnimatedWEBP", "SaveAnimatedPNG", "SaveImage")


def find_saver(file: str, graph: Graph, chosen: str | None) -> str:
    """The id of the output node: the chosen one, the one titled `output`, else the only one that saves a video, else
    the only one that saves frames. Raises `Problem` when there is none, or more than one.
    """
    if chosen is not None:
        if chosen not in graph.nodes:
            raise Problem(
                file, f"Its `output` is node {chosen}, which is not in the graph", "Name the saving node's id."
            )
        return _usable(file, graph, chosen)
    titled = [node for node in graph.nodes if _is_output(graph.title(node))]
    saving = [node for node in graph.nodes if graph.kind(node) in _VIDEO]
    kept = [node for node in saving if _keeps(graph, node)]
    frames = [node for node in graph.nodes if graph.kind(node) in _FRAMES]
    candidates = titled or kept or saving or frames
    if not candidates:
        raise Problem(file, "No node in it saves a video", "End it in SaveVideo, and export it anew.")
    if len(candidates) > 1:
        many = ", ".join(graph.named(node) for node in candidates[:5])
        raise Problem(file, f"Several nodes save a video: {many}", "Give the one that is meant the title `output`.")
    return _usable(file, graph, candidates[0])


def _is_output(title: str) -> bool:
    return "output" in (name.strip().lower() for name in (title, *names_in(title)))


def _keeps(graph: Graph, node: str) -> bool:
    """False for a VHS_VideoCombine that only previews."""
    if "save_output" not in graph.inputs(node):
        return True
    told = graph.resolve(node, "save_output")
    return not isinstance(told, Leaf) or bool(told.value)


def _usable(file: str, graph: Graph, node: str) -> str:
    if graph.inputs(node).get("meta_batch") is not None:
        raise Problem(
            file,
            f"{graph.begins(node)} saves in batches (`meta_batch`), which ComfyUI queues under other ids",
            "Take the Meta Batch Manager out, and export it anew.",
        )
    return node
