"""Finds the input of a node that each field of a request is written to: by sidecar, title, placeholder or detection.

The first of these that says something about a field decides. A field for which none of them finds a place beyond doubt
is not honoured, and a note says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reelwright.engines.comfyui.detection import detect
from reelwright.engines.comfyui.fields import FIELDS, IMAGE_FIELDS, TEXT_FIELDS, Field, Note, Rule, Target
from reelwright.engines.comfyui.graph import Leaf, link_of
from reelwright.engines.comfyui.placeholders import find_placeholders, foreign_placeholder
from reelwright.engines.comfyui.places import Found
from reelwright.engines.comfyui.problem import Problem
from reelwright.engines.comfyui.reading import SIDECAR_SUFFIX, Document
from reelwright.engines.comfyui.saver import find_saver
from reelwright.engines.comfyui.titles import find_by_title, fits

_SEEDS = {
    "PrimitiveInt": 2**63 - 1,
    "Seed (rgthree)": 1_125_899_906_842_624,
    "easy seed": 1_125_899_906_842_624,
    "KSampler": 2**64 - 1,
    "KSamplerAdvanced": 2**64 - 1,
    "SamplerCustom": 2**64 - 1,
    "RandomNoise": 2**64 - 1,
}
"""The greatest seed that a node takes, where it is known without asking a ComfyUI."""

_PAID = re.compile(
    r"^(Kling|Luma|Runway|Minimax|Pixverse|Vidu|Moonvalley|ByteDance|Veo|Pika|OpenAIVideo|Ltxv?Api|Recraft|Ideogram|Grok"
    r"|Sora|Hailuo|Higgsfield|Topaz)|(TextToVideo|ImageToVideo|VideoToVideo)Api$",
)
_LOADS = re.compile(r"^(LoadVideo|LoadAudio|VHS_LoadVideo\w*|VHS_LoadAudio\w*)$")
_WITHOUT_OWN = (*TEXT_FIELDS, *IMAGE_FIELDS, "seed", "width", "height", "num_frames", "fps", "seconds")
"""Fields that a request always has, or that may be left empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The fields that a workflow honours, the node that leaves the video, and what is to be known beside them.

    `seen` are values of the graph that count though no request can change them: width, height, frames, fps, seconds.
    """

    fields: Mapping[str, Field]
    output: str
    notes: tuple[Note, ...]
    seen: Mapping[str, int | float]


def wire(document: Document) -> Wiring:
    """Raises `Problem` for a graph without an output or a prompt, and for one that cannot be run like this."""
    return _Wirer(document).wiring()


class _Wirer:
    def __init__(self, document: Document) -> None:
        self._file = document.file
        self._name = document.name
        self._graph = document.graph
        self._sidecar = document.sidecar

    def wiring(self) -> Wiring:
        output = find_saver(self._file, self._graph, self._sidecar.output)
        active = self._graph.ancestors(output)
        self._refuse_paid(active)
        if foreign := foreign_placeholder(self._graph):
            place, placeholder = foreign
            raise Problem(
                self._file, f"{place} holds {placeholder}, which only another client fills", "Put a value there."
            )
        detected = detect(self._graph, active)
        fields, notes = self._fields(active, detected)
        if "prompt" not in fields:
            why = next((note.why for note in notes if note.field == "prompt"), "it is switched off in the sidecar")
            raise Problem(
                self._file,
                f"It has no prompt: {why[0].lower()}{why[1:]}",
                "Give the node that holds it the title `prompt`, or name it in "
                f'{self._name}{SIDECAR_SUFFIX}: {{"reelwright": 1, "inputs": {{"prompt": ["6.text"]}}}}.',
            )
        if "num_frames" in fields:
            fields.pop("seconds", None)  # the frames say it exactly
        notes += self._loaded(active)
        return Wiring(fields=fields, output=output, notes=tuple(notes), seen=self._seen(output, detected))

    def _refuse_paid(self, active: Sequence[str]) -> None:
        paid = next((node for node in active if _PAID.search(self._graph.kind(node))), None)
        if paid is not None:
            raise Problem(
                self._file,
                f"{self._graph.begins(paid)} is a paid partner node: each video would be billed by another service",
                "Use a workflow whose model runs in ComfyUI itself.",
            )

    def _fields(self, active: Sequence[str], detected: Mapping[str, Found]) -> tuple[dict[str, Field], list[Note]]:
        titled, placeholders = find_by_title(self._graph, active), find_placeholders(self._graph)
        fields, notes = {}, []
        for name in FIELDS:
            templates = placeholders.get(name, Found())
            rule, found = self._first(name, titled, templates, detected)
            if found.places or templates.places:
                fields[name] = self._field(name, rule, found, templates)
            elif found.why:
                notes.append(Note(field=name, why=found.why))
        return self._apart(fields, notes), notes

    @staticmethod
    def _apart(fields: Mapping[str, Field], notes: list[Note]) -> dict[str, Field]:
        """The fields without those that were detected at a place that belongs to another field."""
        told = {
            target: field.name for field in fields.values() if field.rule != Rule.DETECTED for target in field.targets
        }
        places = {(target.node, target.input): name for target, name in told.items()}
        kept = {}
        for name, field in fields.items():
            others = {places.get((target.node, target.input), name) for target in field.targets} - {name}
            if field.rule == Rule.DETECTED and others:
                notes.append(Note(field=name, why=f"Its place ({field.targets[0]}) is that of `{others.pop()}`"))
            else:
                kept[name] = field
        return kept

    def _first(
        self, name: str, titled: Mapping[str, Found], templates: Found, detected: Mapping[str, Found]
    ) -> tuple[Rule, Found]:
        if name in self._sidecar.inputs:
            return Rule.SIDECAR, self._told(name)
        if name in titled:
            return Rule.TITLE, titled[name]
        if templates.places:
            return Rule.PLACEHOLDER, templates
        return Rule.DETECTED, detected.get(name, Found())

    def _told(self, name: str) -> Found:
        """The places that the sidecar names. Raises `Problem` for one that the graph does not have."""
        places = self._sidecar.inputs[name]
        for node, key in places:
            if node not in self._graph.nodes or key not in self._graph.inputs(node):
                lacking = "node" if node not in self._graph.nodes else "input"
                raise Problem(
                    self._file,
                    f"The sidecar writes `{name}` to {node}.{key}, and the graph has no such {lacking}",
                    f"Mend `inputs.{name}`.",
                )
        own = self._graph.inputs(places[0][0])[places[0][1]] if places else None
        if link_of(own):
            resolved = self._graph.resolve(*places[0])
            own = resolved.value if isinstance(resolved, Leaf) else None
        return Found(places=places, own=own if fits(name, own) else None, why="The sidecar switches it off")

    def _field(self, name: str, rule: Rule, found: Found, templates: Found) -> Field:
        held = set(templates.places)
        places = dict.fromkeys((*found.places, *templates.places))
        targets = tuple(self._target(name, place, template=place in held) for place in places)
        own = self._sidecar.defaults.get(name, templates.own if found.own is None or held else found.own)
        if held and own is None and name not in _WITHOUT_OWN:
            raise Problem(
                self._file,
                f"{targets[0]} holds a placeholder for `{name}`, and nothing says its value where a request has none",
                f'Put {{"reelwright": 1, "defaults": {{"{name}": …}}}} into {self._name}{SIDECAR_SUFFIX}.',
            )
        return Field(name=name, targets=targets, rule=rule, own=own)

    def _target(self, name: str, place: tuple[str, str], *, template: bool) -> Target:
        low, high = self._sidecar.bounds.get(place, (None, None))
        if name == "seed" and high is None:
            low, high = low or 0, _SEEDS.get(self._graph.kind(place[0]))
        return Target(node=place[0], input=place[1], low=low, high=high, template=template)

    def _loaded(self, active: Sequence[str]) -> Iterator[Note]:
        for node in active:
            if _LOADS.match(self._graph.kind(node)):
                yield Note(
                    field=None, why=f"{self._graph.begins(node)} loads a file that has to be in ComfyUI's input folder"
                )

    def _seen(self, output: str, detected: Mapping[str, Found]) -> dict[str, int | float]:
        """The graph's own size and length, also those that no request can change."""
        names = ("width", "height", "num_frames", "fps", "seconds")
        told = {name: self._sidecar.defaults.get(name, detected.get(name, Found()).own) for name in names}
        if told["fps"] is None:
            told["fps"] = self._output_fps(output)
        return {name: value for name, value in told.items() if isinstance(value, int | float)}

    def _output_fps(self, output: str) -> float | None:
        """The frame rate of the file: the output node's, since other nodes may have rates of their own."""
        link = self._graph.link(output, "video")
        for node in (output, link.node) if link else (output,):
            for name in ("fps", "frame_rate"):
                leaf = self._graph.resolve(node, name)
                if isinstance(leaf, Leaf) and fits("fps", leaf.value):
                    return float(leaf.value)
        return None
