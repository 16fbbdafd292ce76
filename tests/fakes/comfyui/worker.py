"""The one worker: takes prompts from the line, runs their nodes, remembers results, and tells the sockets."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

from tests.fakes.comfyui.job_queue import Item, JobQueue
from tests.fakes.comfyui.knobs import OUT_OF_MEMORY, Knobs
from tests.fakes.comfyui.ledger import Ledger
from tests.fakes.comfyui.media import Shelf
from tests.fakes.comfyui.nodes import FILES, NODES, NodeClass, Ran, named_file
from tests.fakes.comfyui.versions import Version

Send = Callable[[str, Any, str | None], None]
"""Event, data, and the `client_id` that gets it; None: every socket."""

PREVIEW = "preview"
"""The event that is sent as binary: `data` is the metadata, and the JPEG under `image`."""

TRACEBACK = (
    '  File "/home/ada/ComfyUI/execution.py", line 525, in execute\n',
    '  File "/home/ada/ComfyUI/comfy/samplers.py", line 1163, in sample\n',
)


class Interrupted(Exception):
    """Somebody asked for it."""


class Killed(Exception):
    """The process is no more; nothing is told to anybody."""


class Failure(Exception):
    """What the knobs make a node raise: a type and a message."""


@dataclass(slots=True, kw_only=True)
class Prompt:
    """One run of one item."""

    item: Item
    run: int
    signatures: Mapping[str, str]
    outputs: dict[str, Any] = field(default_factory=dict)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.item[1]

    @property
    def graph(self) -> dict[str, Any]:
        return self.item[2]

    @property
    def client(self) -> str | None:
        return self.item[3].get("client_id")


class Worker:
    """Runs until `kill`; or until a poisonous item ends its thread, as it does the real one's."""

    def __init__(self, folder: Path, knobs: Knobs, version: Version, ledger: Ledger, send: Send) -> None:
        self.folder = folder
        self.queue = JobQueue(lambda: send("status", self.status(), None))
        self.knobs = knobs
        self.version = version
        self.current: tuple[str | None, str | None] = (None, None)
        """The client and the node of now: whoever connects as that client is told the node."""
        self._ledger = ledger
        self._send = send
        self._cache: dict[str, Ran] = {}
        self._runs = count(time.monotonic_ns())
        self._dead = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def status(self) -> dict[str, Any]:
        return {"status": {"exec_info": {"queue_remaining": self.queue.remaining}}}

    def kill(self) -> None:
        self._dead.set()
        if self.thread.is_alive():
            self.thread.join()

    def free(self) -> None:
        """Forget all results."""
        self._cache.clear()

    def _work(self) -> None:
        while not self._dead.is_set():
            try:
                item = self.queue.take(lambda: self._dead.is_set() or self.knobs.stall)
            except TypeError:
                return
            if item is None:
                self._dead.wait(0.005)
                continue
            try:
                self._execute(item)
            except Killed:
                return

    # --- one prompt -------------------------------------------------------------------------------------------------

    def _execute(self, item: Item) -> None:
        prompt = Prompt(item=item, run=next(self._runs), signatures=dict(_signatures(item[2], self.folder)))
        self._ledger.note("began", id=prompt.id, run=prompt.run)
        self.current = prompt.client, None
        self._tell(prompt, "execution_start", {"prompt_id": prompt.id})
        if not (self.version.keeps_cache if self.knobs.keep_cache is None else self.knobs.keep_cache):
            self._cache = {key: ran for key, ran in self._cache.items() if key in prompt.signatures.values()}
        cached = [name for name, signature in prompt.signatures.items() if signature in self._cache]
        self._tell(prompt, "execution_cached", {"nodes": cached, "prompt_id": prompt.id})
        outcome = self._run_outputs(prompt)
        self.current = None, None
        completed = outcome == "success"
        status = {"status_str": "success" if completed else "error", "completed": completed}
        meta = {name: {"node_id": name, "display_node": name, "real_node_id": name} for name in prompt.outputs}
        self._ledger.note("ended", id=prompt.id, run=prompt.run, outcome=outcome)
        self.queue.done({"outputs": prompt.outputs, "status": status | {"messages": prompt.messages}, "meta": meta})
        if prompt.client is not None:
            self._send("executing", {"node": None, "prompt_id": prompt.id}, prompt.client)

    def _run_outputs(self, prompt: Prompt) -> str:
        at = ""
        try:
            for output in prompt.item[4]:
                for at in _order(prompt.graph, output, self._is_known(prompt)):
                    self._node(prompt, at)
        except Interrupted:
            self._tell(prompt, "execution_interrupted", self._about(prompt, at), to_all=True)
            return "interrupted"
        except Killed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a node raises ends its prompt only
            self._tell(prompt, "execution_error", self._about(prompt, at) | self._error(prompt, at, error))
            return "error"
        self._tell(prompt, "execution_success", {"prompt_id": prompt.id})
        return "success"

    def _is_known(self, prompt: Prompt) -> Callable[[str], bool]:
        return lambda name: prompt.signatures[name] in self._cache

    def _about(self, prompt: Prompt, node: str) -> dict[str, Any]:
        kind = prompt.graph[node]["class_type"]
        return {"prompt_id": prompt.id, "node_id": node, "node_type": kind, "executed": list(prompt.executed)}

    def _error(self, prompt: Prompt, node: str, error: Exception) -> dict[str, Any]:
        kind, message = error.args if isinstance(error, Failure) else (type(error).__name__, str(error))
        tip = "This error means you ran out of memory on your GPU." if kind == OUT_OF_MEMORY[0] else ""
        given = {key: [value] for key, value in prompt.graph[node]["inputs"].items() if not isinstance(value, list)}
        return {
            "exception_message": f"{message}\n{tip}",
            "exception_type": kind,
            "traceback": list(TRACEBACK),
            "current_inputs": given,
            "current_outputs": list(prompt.executed),
        }

    def _tell(self, prompt: Prompt, event: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        data = {**data, "timestamp": int(time.time() * 1000)}
        prompt.messages.append((event, data))
        if prompt.client is not None or to_all:
            self._send(event, data, prompt.client)

    # --- one node ---------------------------------------------------------------------------------------------------

    def _node(self, prompt: Prompt, name: str) -> None:
        self._look(prompt)
        node, signature = prompt.graph[name], prompt.signatures[name]
        if (known := self._cache.get(signature)) is not None:
            if known[1] and not (prompt.client is None and self.version.forgets_cached_outputs):
                self._show(prompt, name, known[1])
            return
        one = NODES[node["class_type"]]
        self.current = prompt.client, name
        self._ledger.note("node", id=prompt.id, run=prompt.run, node=name, kind=one.name, costly=not one.is_output)
        self._state(prompt, name, 0, 1, "running")
        if prompt.client is not None:
            self._send("executing", {"node": name, "display_node": name, "prompt_id": prompt.id}, prompt.client)
        ran = one.run(_Bench(self, prompt, name), self._inputs(prompt, node, one))
        self._cache[signature] = ran
        if ran[1]:
            self._show(prompt, name, ran[1])
        self._state(prompt, name, 1, 1, "finished")
        prompt.executed.append(name)

    def _inputs(self, prompt: Prompt, node: Mapping[str, Any], one: NodeClass) -> dict[str, Any]:
        values = {}
        for key, value in node["inputs"].items():
            if key not in one.inputs:
                continue
            if isinstance(value, list):
                value = self._cache[prompt.signatures[value[0]]][0][value[1]]
            values[key] = value
        return values

    def _show(self, prompt: Prompt, name: str, output: dict[str, Any]) -> None:
        prompt.outputs[name] = output
        if prompt.client is not None:
            data = {"node": name, "display_node": name, "output": output, "prompt_id": prompt.id}
            self._send("executed", data, prompt.client)

    def _state(self, prompt: Prompt, name: str, value: float, most: float, state: str) -> None:
        whose = {"node_id": name, "prompt_id": prompt.id, "display_node_id": name}
        whose |= {"parent_node_id": None, "real_node_id": name}
        prompt.states[name] = {"value": value, "max": most, "state": state, **whose}
        data = {"prompt_id": prompt.id, "nodes": {key: dict(one) for key, one in prompt.states.items()}}
        self._send("progress_state", data, prompt.client)

    def _look(self, prompt: Prompt) -> None:
        if self._dead.is_set():
            raise Killed
        if self.queue.interrupted:
            self.queue.interrupted = False
            raise Interrupted

    def step(self, prompt: Prompt, name: str, number: int, total: int) -> None:
        """One step of a sampler; it is interrupted between two steps only."""
        self._look(prompt)
        while self.knobs.hold_at == number:
            self._look(prompt)
            self._dead.wait(0.002)
        if (failure := self.knobs.failure(number)) is not None:
            raise Failure(*failure)
        self._dead.wait(self.knobs.step_seconds)
        self._state(prompt, name, number + 1, total, "running")
        data = {"value": number + 1, "max": total, "prompt_id": prompt.id, "node": name}
        self._send("progress", data, prompt.client)
        if self._previews(prompt):
            whose = {"node_id": name, "prompt_id": prompt.id, "display_node_id": name, "real_node_id": name}
            self._send(PREVIEW, {**whose, "parent_node_id": None, "image": _picture(number, total)}, prompt.client)
        self._look(prompt)

    def _previews(self, prompt: Prompt) -> bool:
        asked = prompt.item[3].get("preview_method", "default")
        if self.version.previews_by_prompt and asked != "default":
            return bool(asked != "none")
        return self.knobs.previews

    def rest(self, seconds: float) -> None:
        self._dead.wait(seconds)


class _Bench:
    def __init__(self, worker: Worker, prompt: Prompt, name: str) -> None:
        self._worker = worker
        self._prompt = prompt
        self._name = name
        self.signature = prompt.signatures[name]
        self.inputs = worker.folder / "input"
        metadata = {"prompt": prompt.graph, **prompt.item[3].get("extra_pnginfo", {})}
        self.shelf = Shelf(folder=worker.folder, metadata=metadata)

    def steps(self, count: int) -> None:
        for number in range(count):
            self._worker.step(self._prompt, self._name, number, count)

    def heavy(self) -> None:
        self._worker.rest(self._worker.knobs.decode_seconds)


def _order(graph: Mapping[str, Any], output: str, known: Callable[[str], bool]) -> Iterator[str]:
    """All that `output` needs and that is not known yet, before it; then itself."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in seen:
            return
        seen.add(name)
        if not known(name):
            for value in graph[name]["inputs"].values():
                if isinstance(value, list):
                    yield from visit(value[0])
        yield name

    return visit(output)


def _signatures(graph: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """Of each node that is whole: a digest of its class, its values and all that it is linked to."""
    made: dict[str, str] = {}

    def of(name: str) -> str:
        if name not in made:
            node = graph[name]
            one = NODES[node["class_type"]]
            parts: list[Any] = [one.name]
            for key in one.inputs:
                value = node["inputs"].get(key)
                parts.append([of(value[0]), value[1]] if isinstance(value, list) else value)
                if one.inputs[key].values == FILES and (file := named_file(folder, str(value))).is_file():
                    parts.append(hashlib.sha256(file.read_bytes()).hexdigest())
            made[name] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return made[name]

    for name, node in graph.items():
        if node["class_type"] in NODES:
            try:
                yield name, of(name)
            except (LookupError, RecursionError):
                continue  # a part of the graph that no good output needs


def _picture(number: int, total: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (255 * (number + 1) // total, 80, 40)).save(file, "JPEG")
    return file.getvalue()
