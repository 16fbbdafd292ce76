"""Reads the files of workflows: an API export alone, with its description in the same file, or with a sidecar.

`NAME.json` is the model NAME: ComfyUI's plain API export, or an object with `"reelwright": 1` that holds the graph
(`graph`) or names its file (`workflow`). `NAME.reelwright.json` beside it is a sidecar of the same form, which
overrules it. A file of any other form is a `Problem`; its content is never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.engines.comfyui.graph import Graph
from reelwright.engines.comfyui.problem import Problem
from reelwright.engines.comfyui.sidecar import Sidecar, parse_sidecar

SUFFIX = ".json"
SIDECAR_SUFFIX = ".reelwright.json"
MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 5000
EXPORT = "In ComfyUI, choose “Workflow → Export (API)” and use that file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a model's files hold. `file` is the name of the one that a message should name."""

    name: str
    file: str
    graph: Graph
    sidecar: Sidecar


def is_sidecar(path: Path) -> bool:
    return path.name.endswith(SIDECAR_SUFFIX)


def model_name(path: Path) -> str:
    """The model that a workflow's file or its sidecar belongs to."""
    return path.name.removesuffix(SIDECAR_SUFFIX if is_sidecar(path) else SUFFIX)


def sidecar_of(path: Path) -> Path:
    """Where the sidecar of this workflow's file stands, or would."""
    return path.with_name(model_name(path) + SIDECAR_SUFFIX)


def read_document(path: Path) -> Document:
    """The graph of this file and what belongs to it. Raises `Problem`."""
    beside = sidecar_of(path)
    own = {} if is_sidecar(path) and not path.with_name(model_name(path) + SUFFIX).is_file() else _own(path)
    overrules = _load(beside) if beside.is_file() else {}
    if overrules and "reelwright" not in overrules:
        raise Problem(beside.name, 'It has no `"reelwright": 1`', f"Add it, or name the file {path.name} otherwise.")
    described = {**own, **overrules} if "reelwright" in own else overrules
    nodes = _nodes(path, own, described)
    sidecar = parse_sidecar(beside.name if overrules else path.name, described) if described else Sidecar()
    return Document(name=model_name(path), file=path.name, graph=Graph(nodes), sidecar=sidecar)


def _own(path: Path) -> dict[str, Any]:
    return _load(path.with_name(model_name(path) + SUFFIX))


def _nodes(path: Path, own: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The graph itself, wherever it stands."""
    if described.get("graph") is not None:
        return _checked(path.name, described["graph"])
    if (named := described.get("workflow")) is not None:
        beside = isinstance(named, str) and named not in ("", "..") and named == Path(named).name
        other = path.with_name(str(named)) if beside else path
        if not beside or not other.is_file():
            raise Problem(path.name, f"Its `workflow` names {named!r}, which is not beside it", "Put the export there.")
        return _checked(other.name, _load(other))
    if "reelwright" in own or not own:
        raise Problem(path.name, "It has no graph", "Put the API export under `graph`, or name its file in `workflow`.")
    return _checked(path.name, own)


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Problem(
            path.name, f"It cannot be read ({error.strerror})", "Check the file and its permissions."
        ) from None
    if len(data) > MAX_BYTES:
        raise Problem(
            path.name, f"It is larger than {MAX_BYTES >> 20} MB", "A workflow is far smaller: check the file."
        )
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise Problem(path.name, "It is nested too deeply", EXPORT) from None
    except UnicodeDecodeError:
        raise Problem(path.name, "It is not text in UTF-8", EXPORT) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(
            path.name, f"It is not valid JSON ({error.msg}, {where})", f"Mend it, or export anew. {EXPORT}"
        ) from None
    if not isinstance(found, dict) or not found:
        raise Problem(path.name, "It is not a JSON object with nodes", EXPORT)
    return found


def _checked(file: str, found: object) -> dict[str, dict[str, Any]]:
    """The nodes, reduced to what ComfyUI reads."""
    if not isinstance(found, dict) or not found:
        raise Problem(file, "Its graph is not an object with nodes", EXPORT)
    data: dict[str, Any] = found
    if isinstance(data.get("nodes"), list) or isinstance(data.get("links"), list):
        raise Problem(file, "It is in the editor's own format, which ComfyUI does not run", EXPORT)
    if isinstance(data.get("prompt"), dict) and "class_type" not in data["prompt"]:
        data = data["prompt"]  # the body of a POST /prompt, as scripts keep it
    if len(data) > MAX_NODES:
        raise Problem(file, f"It has {len(data):,} nodes", f"At most {MAX_NODES:,} are read: split it.")
    return {str(node): _node(file, str(node), value) for node, value in data.items()}


def _node(file: str, node: str, value: object) -> dict[str, Any]:
    match value:
        case {"class_type": str(kind), "inputs": dict(inputs), **further} if kind:
            meta = further.get("_meta")
            return {"class_type": kind, "inputs": inputs} | ({"_meta": meta} if isinstance(meta, dict) else {})
    raise Problem(file, f"Its entry {node[:40]!r} is no node with `class_type` and `inputs`", EXPORT)
