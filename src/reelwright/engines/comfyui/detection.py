"""Detects which values of a graph are the prompt, the seed, the size and so on, where nobody has named them.

Only nodes that the output is made from count, and only what is beyond doubt: a field is not detected if two places with
different values could be it, or if a node computes it. The reason is told then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reelwright.engines.comfyui.fields import ENCODER_TEXTS, LENGTHS
from reelwright.engines.comfyui.graph import Graph, Leaf, Link, Nowhere, link_of
from reelwright.engines.comfyui.places import Found, agree
from reelwright.engines.comfyui.titles import fits

_LATENTS = ("latent_image", "samples", "image_embeds")
_GUIDES = ("positive", "guider", "text_embeds", "hyvid_embeds")
_EMBEDS = ("text_embeds", "hyvid_embeds", "original_text_embeds")
_ENDS = ("ConditioningZeroOut",)
_LOADS_IMAGE = ("LoadImage", "LoadImageOutput")
_START_INPUTS = ("start_image", "first_image", "first_frame")
_END_INPUTS = ("end_image", "last_image", "last_frame")


def detect(graph: Graph, active: Sequence[str]) -> dict[str, Found]:
    """What was found for each field, in nodes that the output is made from (`active`)."""
    detector = _Detector(graph, active)
    return {
        **detector.texts(),
        "seed": detector.seed(),
        **detector.size_and_length(),
        "fps": detector.fps(),
        "num_inference_steps": detector.steps(),
        "guidance_scale": detector.guidance(),
        **detector.images(),
    }


class _Detector:
    def __init__(self, graph: Graph, active: Sequence[str]) -> None:
        self._graph = graph
        self._active = active
        self._samplers = [node for node in active if self._is_sampler(node)]

    def _is_sampler(self, node: str) -> bool:
        inputs = self._graph.inputs(node)
        return any(name in inputs for name in _LATENTS) and any(link_of(inputs.get(name)) for name in _GUIDES)

    def _having(self, *names: str) -> Iterator[tuple[str, str]]:
        """All pairs of an active node and one of these inputs that the node has."""
        for node in self._active:
            for name in names:
                if name in self._graph.inputs(node):
                    yield node, name

    # --- texts ---

    def texts(self) -> dict[str, Found]:
        prompt, negative = self._text("positive"), self._text("negative")
        if set(prompt.places) & set(negative.places):
            negative = Found(why="It is the same text as the prompt")
        return {"prompt": prompt, "negative_prompt": negative}

    def _text(self, role: str) -> Found:
        found: list[Leaf] = []
        for sampler in self._samplers:
            for node, name in dict.fromkeys(self._encoders(sampler, role)):
                leaf = self._graph.resolve(node, name, text=True)
                if isinstance(leaf, Nowhere):
                    return Found(why=f"It {leaf.why}")
                if fits("prompt", leaf.value):
                    found.append(leaf)
        if not found:
            return Found(why="No text leads to a sampler" if self._samplers else "No sampler was found")
        nodes = list(dict.fromkeys(leaf.node for leaf in found))
        if len(nodes) > 1:
            told = ", ".join(self._graph.named(node) for node in nodes[:4])
            return Found(why=f"Several texts lead to the samplers ({told})")
        places = tuple(dict.fromkeys(leaf.place for leaf in found))
        return Found(places=places, own=found[0].value)

    def _encoders(self, sampler: str, role: str) -> Iterator[tuple[str, str]]:
        """The text inputs behind one side of a sampler, through its guider where it has one."""
        graph = self._graph
        for name in _EMBEDS:
            if link := graph.link(sampler, name):
                yield from self._embeds(link, role)
        guided = graph.link(sampler, "guider")
        node = self._passed(guided).node if guided else sampler
        names = ("positive", "conditioning") if role == "positive" else ("negative",)
        for name in names:
            if link := graph.link(node, name):
                yield from self._walk(link, role, frozenset())

    def _passed(self, link: Link) -> Link:
        """The link, followed through switches to the first node that is none."""
        passed = set[Link]()
        while (branch := self._graph.branch(link.node)) and (behind := self._graph.link(link.node, branch)):
            if behind in passed:
                break
            passed.add(behind)
            link = behind
        return link

    def _embeds(self, link: Link, role: str, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
        node = self._passed(link).node
        inputs = self._graph.inputs(node)
        if node in seen:
            return
        for name in _EMBEDS:
            if further := self._graph.link(node, name):
                yield from self._embeds(further, role, seen | {node})
                return
        own = f"{role}_prompt"
        if own in inputs:
            yield node, own
        elif role == "positive":
            yield from ((node, name) for name in ENCODER_TEXTS if name in inputs)

    def _walk(self, link: Link, role: str, seen: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Follow the conditioning back to the texts of the encoders. A node with both conditionings (positive and
        negative) has one output slot for each."""
        graph, link = self._graph, self._passed(link)
        node, inputs = link.node, graph.inputs(link.node)
        if node in seen or graph.kind(node) in _ENDS or graph.is_switch(node):
            return
        seen = seen | {node}
        if "positive" in inputs and "negative" in inputs:
            if link.slot < 2 and (side := graph.link(node, ("positive", "negative")[link.slot])):
                yield from self._walk(side, role, seen)
            return
        texts = [name for name in (f"{role}_prompt", *ENCODER_TEXTS) if self._holds_text(node, name)]
        if texts:
            yield from ((node, name) for name in texts)
            return
        for name in inputs:
            passes_on = name.startswith(("conditioning", "cond", role)) or graph.kind(node).startswith("Reroute")
            if passes_on and (further := graph.link(node, name)):
                yield from self._walk(further, role, seen)

    def _holds_text(self, node: str, name: str) -> bool:
        value = self._graph.inputs(node).get(name)
        return isinstance(value, str) or link_of(value) is not None

    # --- numbers ---

    def _leaves(self, places: Iterable[tuple[str, str]], field: str) -> tuple[list[Leaf], str | None]:
        """The literals behind these inputs; or the reason, if there is none behind one of them."""
        leaves, why = [], None
        for node, name in places:
            leaf = self._graph.resolve(node, name)
            if isinstance(leaf, Nowhere):
                why = f"It {leaf.why}"
            elif fits(field, leaf.value):
                leaves.append(leaf)
        return leaves, why

    def seed(self) -> Found:
        """The seeds of all samplers together: one seed of a request is written to each."""
        used = [place for place in self._having("seed", "noise_seed") if not self._adds_no_noise(place[0])]
        leaves, why = self._leaves(used, "seed")
        places = tuple(dict.fromkeys(leaf.place for leaf in leaves))
        if not places:
            return Found(why=why or "No node has a seed")
        return Found(places=places, own=leaves[0].value)

    def _adds_no_noise(self, node: str) -> bool:
        told = self._graph.inputs(node).get("add_noise")
        return told is False or told == "disable"

    def size_and_length(self) -> dict[str, Found]:
        """Width, height and frames of the nodes that make a latent or a picture with a length; if there are none, of a
        batch of empty pictures."""
        graph = self._graph
        sized = [node for node in self._active if {"width", "height"} <= set(graph.inputs(node))]
        lengths = {node: name for node in sized for name in LENGTHS if name in graph.inputs(node)}
        if not lengths:
            lengths = {node: "batch_size" for node in sized if self._is_batch(node)}
        if not lengths:
            why = Found(why="No node has a width, a height and a length")
            return {"width": why, "height": why, "num_frames": why}
        found = {side: self._same([(node, side) for node in lengths], side) for side in ("width", "height")}
        length = self._same(list(lengths.items()), "num_frames")
        if length.places:
            # Sound is made to the same length by a node of its own.
            beside, _ = self._leaves(self._having("frames_number"), "num_frames")
            extra = [leaf.place for leaf in beside if leaf.value == length.own]
            length = Found(places=tuple(dict.fromkeys((*length.places, *extra))), own=length.own)
        return {**found, "num_frames": length}

    def _is_batch(self, node: str) -> bool:
        number = self._graph.inputs(node).get("batch_size")
        return self._graph.kind(node).startswith("Empty") and isinstance(number, int) and number > 1

    def _same(self, places: Sequence[tuple[str, str]], field: str) -> Found:
        leaves, why = self._leaves(places, field)
        if why or not leaves:
            return Found(why=why or "It is no number")
        return agree(leaves, "Several nodes have it")

    def fps(self) -> Found:
        places = list(self._having("fps", "frame_rate"))
        return self._same(places, "fps") if places else Found(why="No node has a frame rate")

    def steps(self) -> Found:
        """The steps, if a single node has them. Where sampling is split over several, each would need a share of its
        own."""
        places = list(self._having("steps"))
        if not places:
            return Found(why="No node has a number of steps")
        if len(places) > 1 or self._is_split():
            return Found(why="The steps are divided between several samplers")
        return self._single(places, "num_inference_steps")

    def _is_split(self) -> bool:
        for node in self._active:
            inputs = self._graph.inputs(node)
            if re.match(r"SplitSigmas", self._graph.kind(node)):
                return True
            start, end, steps = (inputs.get(name) for name in ("start_at_step", "end_at_step", "steps"))
            if isinstance(start, int) and start > 0:
                return True
            if isinstance(end, int) and isinstance(steps, int) and end < steps:
                return True
        return False

    def guidance(self) -> Found:
        places = list(self._having("cfg"))
        if not places:
            places = [place for place in self._having("guidance") if "Guidance" in self._graph.kind(place[0])]
        return self._single(places, "guidance_scale") if places else Found(why="No node has a guidance scale")

    def _single(self, places: Sequence[tuple[str, str]], field: str) -> Found:
        leaves, why = self._leaves(places, field)
        single = list(dict.fromkeys(leaf.place for leaf in leaves))
        if why or not leaves:
            return Found(why=why or "It is no number")
        if len(single) > 1:
            return Found(why="Several samplers have one of their own")
        if any(leaf.switched for leaf in leaves):
            return Found(why="A switch decides which of several counts")
        return Found(places=tuple(single), own=leaves[0].value)

    # --- pictures ---

    def images(self) -> dict[str, Found]:
        """The picture, if the graph loads one only. Of two, `image` is the one that a node takes as its start,
        `last_image` the one that it takes as its end."""
        graph = self._graph
        loading = [node for node in self._active if graph.kind(node) in _LOADS_IMAGE]
        loading = [node for node in loading if isinstance(graph.inputs(node).get("image"), str)]
        if not loading:
            return {"image": Found(), "last_image": Found()}
        start, end = (self._taken_as(names) for names in (_START_INPUTS, _END_INPUTS))
        if len(loading) == 2 and len(start) == len(end) == 1 and {*start, *end} == set(loading):
            return {"image": self._picture(start.pop()), "last_image": self._picture(end.pop())}
        if len(loading) == 1:
            return {"image": self._picture(loading[0]), "last_image": Found()}
        many = ", ".join(graph.named(node) for node in loading[:4])
        why = Found(why=f"Several pictures are loaded ({many}): those that ComfyUI has under these names are used")
        return {"image": why, "last_image": Found()}

    def _picture(self, node: str) -> Found:
        return Found(places=((node, "image"),), own=str(self._graph.inputs(node)["image"]))

    def _taken_as(self, names: Sequence[str]) -> set[str]:
        links = (self._graph.link(node, name) for node, name in self._having(*names))
        return {link.node for link in links if link}
