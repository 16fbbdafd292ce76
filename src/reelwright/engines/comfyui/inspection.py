"""Asks a running ComfyUI for its version, what a workflow needs that it lacks, and which values it takes.

Only questions are sent (`/system_stats`, `/object_info`); nothing is queued.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reelwright.engines.comfyui.graph import link_of
from reelwright.engines.comfyui.workflow import Workflow
from reelwright.engines.upstream.outcomes import reason_of

if TYPE_CHECKING:
    import httpx2

GIB = 1 << 30
HUGE = 1 << 31
LOOK_SECONDS = 10.0
LACKING = "Put the file where ComfyUI looks for it, or install the nodes (ComfyUI-Manager finds them by their class)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one ComfyUI answered. `name` is its address as it may be shown; `problem` why it cannot be used, with the
    remedy. `classes` are the definitions of its nodes, by class.
    """

    name: str
    problem: str | None = None
    remedy: str | None = None
    version: str = ""
    devices: str = ""
    classes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """One line for people: its address, its version, and the device on which it runs."""
        return ", ".join(part for part in (self.name, f"version {self.version}", self.devices) if part)

    def lacks(self, workflow: Workflow) -> tuple[str, ...]:
        """What the workflow's output needs and this ComfyUI does not have: node classes, then files."""
        graph = workflow.graph
        active = graph.ancestors(workflow.output)
        absent = {kind: node for node in reversed(active) if (kind := graph.kind(node)) not in self.classes}
        classes = tuple(f"the node class {kind} (node {node})" for kind, node in sorted(absent.items()))
        return classes + tuple(dict.fromkeys(file for node in active for file in self._files(workflow, node)))

    def _files(self, workflow: Workflow, node: str) -> Iterator[str]:
        """The graph's choices that this ComfyUI does not offer; mostly names of model files."""
        written = {(target.node, target.input) for one in workflow.fields.values() for target in one.targets}
        for name, value in workflow.graph.inputs(node).items():
            choices = _choices(self._spec(workflow.graph.kind(node), name))
            if choices is None or link_of(value) or (node, name) in written or value in choices:
                continue
            if isinstance(value, str | int | float):
                yield f"{str(value)[:120]!r} for {node}.{name} ({workflow.graph.kind(node)})"

    def bounds(self, workflow: Workflow) -> dict[str, list[float | None]]:
        """The least and the greatest value of each place that a number is written to, where ComfyUI has such bounds."""
        found = {}
        for one in workflow.fields.values():
            for target in one.targets:
                match self._spec(workflow.graph.kind(target.node), target.input):
                    case [("INT" | "FLOAT"), {**options}]:
                        low, high = (_bound(one.name, options.get(name)) for name in ("min", "max"))
                        if low is not None or high is not None:
                            found[str(target)] = [low, high]
        return found

    def _spec(self, kind: str, name: str) -> Any:
        """An input's definition: `[type, options]`."""
        match self.classes.get(kind):
            case {"input": {**groups}}:
                return next(
                    (group[name] for group in groups.values() if isinstance(group, dict) and name in group), None
                )
        return None


def look_at(
    url: str,
    headers: Mapping[str, str],
    *,
    seconds: float = LOOK_SECONDS,
    transport: httpx2.BaseTransport | None = None,
) -> Look:
    """Ask the ComfyUI at this address (without a slash at its end). Raises nothing where it does not answer."""
    import httpx2

    name = urlsplit(url).netloc
    try:
        with httpx2.Client(transport=transport, timeout=seconds, headers=dict(headers)) as client:
            stats, classes = (client.get(f"{url}{path}") for path in ("/system_stats", "/object_info"))
        for answer in (stats, classes):
            if answer.status_code in (401, 403):
                return Look(
                    name=name,
                    problem=f"It refuses the token (HTTP {answer.status_code})",
                    remedy="Set REELWRIGHT_COMFYUI_TOKEN, and the option auth_header where it is not a Bearer token",
                )
            answer.raise_for_status()
        return _told(name, stats.json(), classes.json())
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        what = "It has trouble" if status >= 500 else "It is no ComfyUI"
        problem = f"{what} (HTTP {status} for {error.request.url.path})"
    except httpx2.HTTPError as error:
        problem = f"It does not answer ({reason_of(error)})"
    except ValueError:
        problem = "It is no ComfyUI"
    return Look(name=name, problem=problem, remedy="Start ComfyUI, or mend its address (REELWRIGHT_COMFYUI_URL)")


def _told(name: str, stats: Any, classes: Any) -> Look:
    match stats:
        case {"system": {"comfyui_version": str(version)}, **rest} if isinstance(classes, dict):
            return Look(name=name, version=version, devices=_devices(rest.get("devices")), classes=classes)
    raise ValueError("no ComfyUI")


def _devices(devices: object) -> str:
    told = []
    for one in devices if isinstance(devices, Sequence) else ():
        match one:
            case {"name": str(name), "vram_total": int(total), "vram_free": int(free)}:
                # "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync"
                model = re.sub(r"^\w+:\d+ | : \w+$", "", name)
                told.append(f"{model}, {free / GIB:.1f} of {total / GIB:.1f} GiB free")
    return "; ".join(told)


def _choices(spec: Any) -> Sequence[Any] | None:
    """The values that an input chooses from; None where it does not, and where they are files that one uploads."""
    options: Mapping[str, Any]
    match spec:
        case [list(values), *rest]:
            options = rest[0] if rest and isinstance(rest[0], dict) else {}
        case ["COMBO", dict(options)] if isinstance(options.get("options"), list):
            values = options["options"]
        case _:
            return None
    uploaded = any(options.get(name) for name in ("image_upload", "video_upload", "audio_upload"))
    return None if uploaded else values


def _bound(field: str, value: object) -> float | None:
    """A bound as ComfyUI gives it; None when it is only what a number can hold, as with its primitive nodes."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value < -HUGE:
        return None
    return value if field == "seed" or value <= HUGE else None
