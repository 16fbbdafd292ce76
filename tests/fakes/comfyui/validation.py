"""What `POST /prompt` looks at before a graph is queued, in ComfyUI's own words and shapes."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.comfyui.knobs import Knobs
from tests.fakes.comfyui.nodes import FILES, MODELS, NODES, Input, NodeClass, named_file
from tests.fakes.comfyui.versions import Version

Reason = dict[str, Any]
CONVERSIONS: Mapping[str, Any] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


class Crash(Exception):
    """The real server answers this request with a bare 500."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`error` None: the good outputs run; the others are dropped, and `node_errors` alone tells."""

    error: Reason | None = None
    outputs: tuple[str, ...] = ()
    node_errors: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Catalogue:
    """The node classes that are installed, with the lists as they are now."""

    knobs: Knobs
    folder: Path
    version: Version

    def find(self, name: Any) -> NodeClass | None:
        return None if name in self.knobs.without else NODES.get(name)

    def values(self, one: Input) -> list[str]:
        if one.values == MODELS:
            return list(self.knobs.models)
        if one.values == FILES:
            return sorted(path.name for path in (self.folder / "input").iterdir() if path.is_file())
        return list(one.values)

    def info(self, one: NodeClass) -> dict[str, Any]:
        """As `/object_info` shows the class."""
        inputs: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
        for name, given in one.inputs.items():
            inputs["required" if given.required else "optional"][name] = self._spec(one, given)
        return {
            "input": inputs if inputs["optional"] else {"required": inputs["required"]},
            "input_order": {part: list(named) for part, named in inputs.items() if named},
            "output": list(one.returns),
            "output_is_list": [False] * len(one.returns),
            "output_name": list(one.returns),
            "name": one.name,
            "display_name": one.name,
            "description": "",
            "python_module": one.module,
            "category": "fake",
            "output_node": one.is_output,
        }

    def everything(self) -> dict[str, Any]:
        return {name: self.info(one) for name, one in NODES.items() if self.find(name)}

    def _spec(self, one: NodeClass, given: Input) -> list[Any]:
        if given.kind != "COMBO":
            return [given.kind, dict(given.options)]
        values = self.values(given)
        if one.modern:
            return ["COMBO", {**given.options, "multiselect": False, "options": values}]
        return [values, {name: value for name, value in given.options.items() if name != "default"}]


def judge(prompt: Any, targets: Sequence[str] | None, catalogue: Catalogue) -> Verdict:
    """Raises `Crash` for what the real server does not expect."""
    if not isinstance(prompt, dict):
        raise Crash
    outputs = []
    for name, node in prompt.items():
        if (refused := _unusable(name, node, catalogue)) is not None:
            return Verdict(error=refused)
        one = catalogue.find(node["class_type"])
        if one is not None and one.is_output and (targets is None or name in targets):
            outputs.append(name)
    if not outputs:
        return Verdict(error=_error("prompt_no_outputs", "Prompt has no outputs", ""))
    return _Inspection(prompt, catalogue).of(outputs)


def _unusable(name: str, node: Any, catalogue: Catalogue) -> Reason | None:
    named = catalogue.version.names_missing_nodes
    if isinstance(node, int | float | None) or (named and not isinstance(node, dict)):
        raise Crash
    kind = node.get("class_type") if isinstance(node, dict) else None
    if kind is not None and catalogue.find(kind):
        return None
    missing = f"Cannot execute because node {kind} does not exist."
    if kind is None:
        missing = "Cannot execute because a node is missing the class_type property."
    if not named:
        return _error("invalid_prompt", missing, f"Node ID '#{name}'")
    title = node.get("_meta", {}).get("title", kind)
    missing = f"Node '{title}' not found. The custom node may not be installed."
    if kind is None:
        missing = f"Node '{title or f'ID #{name}'}' has no class_type. The workflow may be corrupted."
    found = _error("missing_node_type", missing, f"Node ID '#{name}'")
    return found | {"extra_info": {"node_id": name, "class_type": kind, "node_title": title}}


def _error(kind: str, message: str, details: str) -> Reason:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


class _Inspection:
    """Walks from each output to all that it needs; what is wrong is kept by node."""

    def __init__(self, prompt: dict[str, Any], catalogue: Catalogue) -> None:
        self._prompt = prompt
        self._catalogue = catalogue
        self._found: dict[str, tuple[bool, list[Reason]]] = {}
        self._visiting: list[str] = []

    def of(self, outputs: Sequence[str]) -> Verdict:
        good, told, node_errors = [], [], {}
        for output in outputs:
            try:
                fine, reasons = self._node(output)
            except (LookupError, TypeError) as error:
                fine, reasons = False, [self._exception("exception_during_validation", error)]
                self._found[output] = fine, reasons
            if fine:
                good.append(output)
                continue
            told += [f"{reason['message']}: {reason['details']}" for reason in reasons]
            self._blame(output, node_errors)
        if good:
            return Verdict(outputs=tuple(good), node_errors=node_errors)
        summary = _error("prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(told))
        return Verdict(error=summary, node_errors=node_errors)

    def _blame(self, output: str, node_errors: dict[str, Any]) -> None:
        for name, (fine, reasons) in self._found.items():
            if not fine and reasons:
                kind = self._prompt[name]["class_type"] if name in self._prompt else None
                blank = {"errors": reasons, "dependent_outputs": [], "class_type": kind}
                node_errors.setdefault(name, blank)["dependent_outputs"].append(output)

    def _node(self, name: str) -> tuple[bool, list[Reason]]:
        if name in self._found:
            return self._found[name]
        if name in self._visiting:
            if not self._catalogue.version.names_missing_nodes:
                raise RecursionError("maximum recursion depth exceeded")
            path = " -> ".join([*self._visiting[self._visiting.index(name) :], name])
            self._found[name] = False, [_error("dependency_cycle", "Dependency cycle detected", path)]
            return self._found[name]
        node = self._prompt[name]
        one = self._catalogue.find(node["class_type"])
        assert one is not None
        reasons: list[Reason] = []
        fine = True
        self._visiting.append(name)
        for key, given in one.inputs.items():
            fine = self._input(node["inputs"], key, given, reasons) and fine
        self._visiting.pop()
        if name not in self._found or not reasons:
            fine = fine and self._found.get(name, (True, []))[0]
            self._found[name] = fine and not reasons, [*self._found.get(name, (True, []))[1], *reasons]
        return self._found[name]

    def _input(self, inputs: dict[str, Any], key: str, given: Input, reasons: list[Reason]) -> bool:
        """False where the reason is another node's."""
        if key not in inputs:
            if given.required:
                reasons.append(self._reason("required_input_missing", "Required input is missing", key, key))
            return True
        value = inputs[key]
        if isinstance(value, list):
            return self._link(value, key, given, reasons)
        if (reason := self._literal(inputs, key, given)) is not None:
            reasons.append(reason)
        return True

    def _link(self, value: list[Any], key: str, given: Input, reasons: list[Reason]) -> bool:
        if len(value) != 2:
            wanted = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            reasons.append(self._reason("bad_linked_input", wanted, key, key, received_value=value))
            return True
        source, slot = value
        one = self._catalogue.find(self._prompt[source]["class_type"])
        assert one is not None
        kind = one.returns[slot]
        if kind != given.kind and not (given.kind == "COMBO" and kind in ("STRING", "COMBO")):
            details = f"{key}, received_type({kind}) mismatch input_type({given.kind})"
            message = "Return type mismatch between linked nodes"
            reasons.append(self._reason("return_type_mismatch", message, details, key, linked_node=value))
            return True
        try:
            return self._node(source)[0]
        except (LookupError, TypeError, RecursionError) as error:
            self._found[source] = False, [self._exception("exception_during_inner_validation", error)]
            return False

    def _literal(self, inputs: dict[str, Any], key: str, given: Input) -> Reason | None:
        value = inputs[key]
        try:
            if given.kind in CONVERSIONS:
                value = inputs[key] = CONVERSIONS[given.kind](value)
        except (TypeError, ValueError) as error:
            message = f"Failed to convert an input value to a {given.kind} value"
            return self._reason("invalid_input_type", message, f"{key}, {value}, {error}", key, received_value=value)
        if given.values == FILES:
            if named_file(self._catalogue.folder, str(value)).is_file():
                return None
            message = "Custom validation failed for node"
            return self._reason("custom_validation_failed", message, f"{key} - Invalid image file: {value}", key)
        return self._bounds(value, key, given) or self._listed(value, key, given)

    def _bounds(self, value: Any, key: str, given: Input) -> Reason | None:
        least, most = given.options.get("min"), given.options.get("max")
        if least is not None and value < least:
            message = f"Value {value} smaller than min of {least}"
            return self._reason("value_smaller_than_min", message, key, key, received_value=value)
        if most is not None and value > most:
            message = f"Value {value} bigger than max of {most}"
            return self._reason("value_bigger_than_max", message, key, key, received_value=value)
        return None

    def _listed(self, value: Any, key: str, given: Input) -> Reason | None:
        values = self._catalogue.values(given)
        if given.kind != "COMBO" or value in values:
            return None
        listed = f"(list of length {len(values)})" if len(values) > 20 else str(values)
        details = f"{key}: {value!r} not in {listed}"
        config = None if len(values) > 20 else [values, {}]
        more = {"received_value": value, "input_config": config}
        return self._reason("value_not_in_list", "Value not in list", details, key, **more)

    def _reason(self, kind: str, message: str, details: str, key: str, **more: Any) -> Reason:
        return _error(kind, message, details) | {"extra_info": {"input_name": key, **more}}

    def _exception(self, kind: str, error: Exception) -> Reason:
        """With a traceback, and so with the paths of the machine."""
        told = _error(kind, "Exception when validating node", str(error))
        lines = [*traceback.format_tb(error.__traceback__), '  File "/home/ada/ComfyUI/execution.py", line 798\n']
        return told | {"extra_info": {"exception_type": type(error).__name__, "traceback": lines}}
