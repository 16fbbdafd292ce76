"""A workflow file as a model: which fields it takes, and how a request is filled into its graph."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.engines.comfyui.fields import NUMBER_FIELDS, WHOLE_FIELDS, Field, Target
from reelwright.engines.comfyui.graph import Graph
from reelwright.engines.comfyui.grid import Grid, grid_of
from reelwright.engines.comfyui.mapping import Wiring, wire
from reelwright.engines.comfyui.placeholders import filled
from reelwright.engines.comfyui.problem import Problem
from reelwright.engines.comfyui.reading import EXPORT, Document, read_document
from reelwright.engines.comfyui.sidecar import Sidecar
from reelwright.errors import EngineError
from reelwright.video import VideoSpec

_PREFIX = "filename_prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A graph to be posted. `sent` are the values that were written, by field; `adjusted` those that had to be others
    than asked, as [asked, sent] (sent None: the graph decides).
    """

    graph: Mapping[str, Mapping[str, Any]]
    sent: Mapping[str, Any]
    adjusted: Mapping[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One model of the engine. `name` is the model's, `file` that of its file (without folders)."""

    name: str
    file: str
    graph: Graph
    sidecar: Sidecar
    wiring: Wiring
    grid: Grid

    @classmethod
    def of(cls, document: Document) -> Workflow:
        """Raises `Problem`."""
        wiring = wire(document)
        kinds = [document.graph.kind(node) for node in document.graph.ancestors(wiring.output)]
        return cls(
            name=document.name,
            file=document.file,
            graph=document.graph,
            sidecar=document.sidecar,
            wiring=wiring,
            grid=grid_of(kinds, document.sidecar.limits),
        )

    @classmethod
    def read(cls, path: Path) -> Workflow:
        """The model in this file. Raises `Problem`."""
        try:
            return cls.of(read_document(path))
        except RecursionError:
            raise Problem(path.name, "Its nodes form too long a chain", EXPORT) from None

    @property
    def output(self) -> str:
        """The id of the node that saves the video."""
        return self.wiring.output

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a request that shape the video, by name."""
        return self.wiring.fields

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the graph, so that a record says which one made the video."""
        text = json.dumps(self.graph.nodes, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def own(self, name: str) -> Any:
        """The graph's own value of a field, whether requests can change it or not; None when the file does not say."""
        field = self.fields.get(name)
        value = field.own if field else None
        return self.wiring.seen.get(name) if value is None else value

    def fill(self, spec: VideoSpec, *, prefix: str, image: str | None = None, last_image: str | None = None) -> Filled:
        """The graph that makes this request. `prefix` is where the output node saves, below ComfyUI's output folder;
        `image` and `last_image` are names in its input folder.

        Raises `EngineError` where the workflow takes a picture that there is none of.
        """
        return _Filling(self, spec).filled(prefix, {"image": image, "last_image": last_image})


class _Filling:
    def __init__(self, workflow: Workflow, spec: VideoSpec) -> None:
        self._workflow = workflow
        self._spec = spec
        self._sent: dict[str, Any] = {}
        self._adjusted: dict[str, list[Any]] = {}

    def filled(self, prefix: str, pictures: Mapping[str, str | None]) -> Filled:
        values = {name: value for name, value in self._values(pictures) if value is not None}
        nodes = copy.deepcopy({node: dict(value) for node, value in self._workflow.graph.nodes.items()})
        templates: dict[tuple[str, str], Target] = {}
        for name, value in values.items():
            for target in self._workflow.fields[name].targets:
                if target.template:
                    templates[target.node, target.input] = target
                else:
                    nodes[target.node]["inputs"][target.input] = self._fit(target, name, value)
        for (node, key), target in templates.items():
            text = nodes[node]["inputs"][key]
            if text != self._workflow.graph.inputs(node)[key]:
                continue  # the whole text is another field's
            nodes[node]["inputs"][key] = filled(text, values, functools.partial(self._fit, target))
        nodes[self._workflow.output]["inputs"][_PREFIX] = prefix
        self._note_differences()
        return Filled(graph=nodes, sent=self._sent, adjusted=self._adjusted)

    def _values(self, pictures: Mapping[str, str | None]) -> Iterator[tuple[str, Any]]:
        """The value of each field; a placeholder needs one also where the request has none."""
        for name, field in self._workflow.fields.items():
            value = self._picture(name, pictures[name]) if name in pictures else self._wished(name)
            if value is None and any(target.template for target in field.targets):
                value = "" if field.own is None else field.own
            yield name, value

    def _picture(self, name: str, uploaded: str | None) -> str:
        if uploaded is None:
            raise EngineError(
                f"The workflow {self._workflow.name} needs {name.replace('_', ' ')}: send {name}.", field=name
            )
        return uploaded

    def _wished(self, name: str) -> Any:
        spec = self._spec
        if name in ("num_frames", "seconds"):
            grid = self._workflow.grid
            frames = grid.nearest_frames(spec.num_frames)
            # Where lengths are a multiple plus one, graphs that count in seconds add that one themselves.
            return frames if name == "num_frames" else (frames - (grid.frames_step > 1)) / spec.fps
        return getattr(spec, name)

    def _fit(self, target: Target, name: str, value: Any) -> Any:
        """The value as this input takes it: rounded to a whole number, within the bounds; a seed that is too large is
        taken modulo the bound."""
        if name not in NUMBER_FIELDS or isinstance(value, str):
            return value
        if name == "seed":
            fitting = value if target.high is None else value % (int(target.high) + 1)
        else:
            if name in WHOLE_FIELDS or self._is_whole(target):
                value = max(1, math.floor(value + 0.5))
            low = value if target.low is None else max(target.low, value)
            fitting = low if target.high is None else min(target.high, low)
        self._sent.setdefault(name, fitting)
        return fitting

    def _is_whole(self, target: Target) -> bool:
        """Whether the input takes whole numbers only. JSON writes 5.0 as 5, so the class counts first."""
        kind = self._workflow.graph.kind(target.node)
        own = self._workflow.graph.inputs(target.node).get(target.input)
        if kind.startswith("Primitive"):
            return kind == "PrimitiveInt"
        return target.input in ("seconds", "duration", "value") and isinstance(own, int)

    def _note_differences(self) -> None:
        """Note in `adjusted` what the video will have that differs from the request."""
        spec, fields = self._spec, self._workflow.fields
        self._note("seed", spec.seed)
        self._note("num_inference_steps", spec.num_inference_steps)
        self._note("guidance_scale", spec.guidance_scale)
        if "num_frames" in fields:
            self._note("num_frames", spec.num_frames)
        elif "seconds" in self._sent:
            if abs(self._sent["seconds"] - spec.seconds) * spec.fps > 1:
                self._adjusted["seconds"] = [spec.seconds, self._sent["seconds"]]
        else:
            self._note_own("num_frames", spec.num_frames)
        if "fps" in fields:
            self._note("fps", spec.fps)
        else:
            self._note_own("fps", spec.fps)

    def _note(self, name: str, asked: Any) -> None:
        if asked is not None and name in self._sent and self._sent[name] != asked:
            self._adjusted[name] = [asked, self._sent[name]]

    def _note_own(self, name: str, asked: int) -> None:
        own = self._workflow.own(name)
        if own != asked:
            self._adjusted[name] = [asked, own]
