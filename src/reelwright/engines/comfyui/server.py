"""One running ComfyUI: every request that is made of it.

The protocol is that of ComfyUI's `server.py` and `execution.py`. Differences between its versions are learnt from the
answers. Methods ask once: waiting and trying again is done in `rendering`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2

from reelwright.engines.comfyui.refusals import Absent, another_id, rejected, uploading
from reelwright.engines.upstream.job_limits import ANSWER_BYTES, JobLimits
from reelwright.engines.upstream.network import NOT_SENT
from reelwright.engines.upstream.outcomes import Scrubber, from_status, nonsense

INTERRUPT_BY_ID = (0, 3, 57)
"""Before this version `POST /interrupt` stops whatever runs, whoever asked for it."""
QUEUE_BYTES = 64 * 1024 * 1024
"""How long an answer about the queue or the history may be. The queue has the whole graphs of everybody's jobs, some 60
kB each with their layout; an entry of the history has one graph and what each of its nodes shows."""
FOLDER = "reelwright"
"""The folder, inside ComfyUI's own, for the files that this engine uploads and has written."""


class State(Enum):
    """What a ComfyUI says of a job that has not ended."""

    PENDING = "pending"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The ids of the jobs that run and that wait, those of others too."""

    running: tuple[str, ...]
    pending: tuple[str, ...]

    def state(self, prompt_id: str) -> State:
        if prompt_id in self.running:
            return State.RUNNING
        return State.PENDING if prompt_id in self.pending else State.UNKNOWN

    @property
    def is_stuck(self) -> bool:
        """Whether jobs wait and none runs. That is so for a moment between two jobs, and for long when ComfyUI's worker
        has ended."""
        return bool(self.pending) and not self.running


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What `GET /system_stats` tells. `vram_free` in bytes, of the first device; None without one."""

    version: str
    vram_free: int | None

    @property
    def number(self) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:3])


class ComfyUI:
    def __init__(self, *, url: str, client: httpx2.Client, headers: Mapping[str, str], scrub: Scrubber) -> None:
        """`url` has no slash at its end. `headers` carry the token, if there is one."""
        self.url = url
        self.name = urlsplit(url).netloc
        """Host and port, which may be shown: without path, user and password."""
        self.headers = dict(headers)
        self.stats: Stats | None = None
        self._client = client
        self._scrub = scrub
        self._has_jobs: bool | None = None

    # --- submission -------------------------------------------------------------------------------------------------

    def submit(self, prompt_id: str, graph: Mapping[str, Any], output: str, previews: str, limits: JobLimits) -> None:
        """Queue the graph under that id, for that output node only.

        The same id and graph twice are executed once: the second is served from ComfyUI's cache. `number` and `front`
        are never sent: two entries with the same number kill the thread that executes. Raises `Rejected` for a graph
        that it does not take, also where it would take a part of it; `UpstreamError`; and `httpx2.TransportError`
        where nobody knows whether it arrived.
        """
        body = {
            "prompt": graph,
            "prompt_id": prompt_id,
            "client_id": prompt_id,  # without it, progress and previews would be sent to every client
            "partial_execution_targets": [output],
            "extra_data": {"preview_method": previews},
        }
        with limits.submitting():
            response = self._ask("POST", "/prompt", limits, json=body)
        if response.status_code == 400 or (response.is_success and _node_errors(response)):
            raise rejected(response.text, self.name, self._scrub, taken=response.is_success)
        self._check(response)
        match self._json(response):
            case {"prompt_id": given} if given == prompt_id:
                return
            case {"prompt_id": given}:  # it has ignored our id: the job cannot be followed, and is removed if it waits
                self._ask("POST", "/queue", limits, json={"delete": [given]})
                raise another_id(self.name)
        raise nonsense(response.text, self.name, self._scrub)

    def upload(self, path: Path, name: str, media_type: str, limits: JobLimits) -> str:
        """Upload the picture at `path` to ComfyUI's input folder. Returns its name there, for a LoadImage node. Raises
        `UpstreamError`.

        The same name with the same content is uploaded once.
        """
        with path.open("rb") as file:
            response = self._ask(
                "POST",
                "/upload/image",
                limits,
                files={"image": (name, file, media_type)},
                data={"subfolder": FOLDER, "type": "input"},
            )
        if response.status_code == 413:
            raise uploading(self.name, path.stat().st_size)
        self._check(response)
        answer = self._json(response)
        match answer:
            case {"name": str(stored), "subfolder": str(folder)}:
                return f"{folder}/{stored}" if folder else stored
        raise nonsense(response.text, self.name, self._scrub)

    # --- looks ------------------------------------------------------------------------------------------------------

    def history(self, prompt_id: str, limits: JobLimits) -> Mapping[str, Any] | None:
        """The entry of a job that has ended; None for every other one. Raises `UpstreamError`, `TransportError`."""
        answer = self._get(f"/history/{prompt_id}", limits, QUEUE_BYTES)
        entry = answer.get(prompt_id) if isinstance(answer, dict) else None
        return entry if isinstance(entry, dict) else None

    def queue(self, limits: JobLimits) -> Queue:
        """The jobs that run and wait now. Raises `UpstreamError`, `TransportError`."""
        match answer := self._get("/queue", limits, QUEUE_BYTES):
            case {"queue_running": list(running), "queue_pending": list(pending)}:
                return Queue(running=_ids(running), pending=_ids(pending))
        raise nonsense(str(answer), self.name, self._scrub)

    def state(self, prompt_id: str, limits: JobLimits) -> State | Mapping[str, Any]:
        """The job's state for certain, or its entry in the history if it has ended. Raises `UpstreamError`,
        `TransportError`.

        The queue is read before the history: a job that ends in between is in one of them.
        """
        if self._has_jobs is not False and (known := self._job(prompt_id, limits)) is not None:
            if known in (State.PENDING, State.RUNNING):
                return known
            return self.history(prompt_id, limits) or State.UNKNOWN
        queued = self.queue(limits).state(prompt_id)
        return queued if queued is not State.UNKNOWN else self.history(prompt_id, limits) or State.UNKNOWN

    def _job(self, prompt_id: str, limits: JobLimits) -> State | None:
        """The job's state by `GET /api/jobs/{id}` (version 0.6 and later); UNKNOWN also for a job that has ended. None:
        this ComfyUI has no such route."""
        response = self._ask("GET", f"/api/jobs/{prompt_id}", limits)
        if response.status_code == 404:
            self._has_jobs = "Job not found" in response.text
            return State.UNKNOWN if self._has_jobs else None
        if response.status_code == 405:
            self._has_jobs = False
            return None
        self._check(response)
        self._has_jobs = True
        match self._json(response):
            case {"status": "pending"}:
                return State.PENDING
            case {"status": "in_progress"}:
                return State.RUNNING
        return State.UNKNOWN

    # --- the end ----------------------------------------------------------------------------------------------------

    def cancel(self, prompt_id: str, limits: JobLimits, *, exclusive: bool) -> bool:
        """End the job if it waits or runs. True when it is gone now. Never ends another job (see `INTERRUPT_BY_ID`),
        unless `exclusive` allows it.

        Raises `UpstreamError`, `httpx2.TransportError`.
        """
        response = self._ask("POST", f"/api/jobs/{prompt_id}/cancel", limits)
        if not response.is_success:
            for _ in range(3):  # each request removes one entry, and there may be two with this id
                if prompt_id not in self.queue(limits).pending:
                    break
                self._check(self._ask("POST", "/queue", limits, json={"delete": [prompt_id]}))
            if prompt_id in self.queue(limits).running:
                by_id = self.stats is not None and self.stats.number >= INTERRUPT_BY_ID
                if by_id or exclusive:
                    self._check(self._ask("POST", "/interrupt", limits, json={"prompt_id": prompt_id}))
        return self.queue(limits).state(prompt_id) is State.UNKNOWN

    def address(self, item: Mapping[str, Any]) -> str:
        """The address of a file that an entry of the history names."""
        asked = {name: str(item[name]) for name in ("filename", "subfolder", "type") if item.get(name)}
        return f"{self.url}/view?{urlencode(asked)}"

    def socket_address(self, client_id: str) -> str:
        """The address of the web socket for that client id."""
        return f"ws{self.url.removeprefix('http')}/ws?clientId={client_id}"

    # --- what it is -------------------------------------------------------------------------------------------------

    def fetch_stats(self, limits: JobLimits) -> Stats:
        """Ask for the version and the devices, and keep them as `stats`. Raises `UpstreamError`, `TransportError`."""
        response = self._ask("GET", "/system_stats", limits)
        self._check(response)
        match self._json(response):
            case {"system": {"comfyui_version": str(version)}, **rest}:
                self.stats = Stats(version=version, vram_free=_vram(rest.get("devices")))
                return self.stats
        raise nonsense(response.text, self.name, self._scrub)

    def classes(self, limits: JobLimits) -> frozenset[str]:
        """The node classes that it knows. Raises `UpstreamError`, `TransportError`."""
        answer = self._get("/object_info", limits, QUEUE_BYTES)
        return frozenset(answer) if isinstance(answer, dict) else frozenset()

    def waiting(self, limits: JobLimits) -> int:
        """How many jobs it has, those of others too. Raises `UpstreamError`, `TransportError`."""
        match self._get("/prompt", limits):
            case {"exec_info": {"queue_remaining": int(number)}}:
                return number
        return 0

    # --- the wire ---------------------------------------------------------------------------------------------------

    def _get(self, path: str, limits: JobLimits, allowance: int = ANSWER_BYTES) -> Any:
        """The answer, of at most `allowance` bytes."""
        limits.expect(allowance)
        response = self._send("GET", path, limits)
        self._check(response)
        return self._json(response)

    def _ask(self, method: str, path: str, limits: JobLimits, **content: Any) -> httpx2.Response:
        limits.expect()
        return self._send(method, path, limits, **content)

    def _send(self, method: str, path: str, limits: JobLimits, **content: Any) -> httpx2.Response:
        limits.check()
        try:
            return self._client.request(
                method, f"{self.url}{path}", headers=self.headers, follow_redirects=False, **content
            )
        except NOT_SENT as error:
            raise Absent(self.name) from error

    def _check(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        raise from_status(response.status_code, response.headers, response.text, self.name, self._scrub)

    def _json(self, response: httpx2.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise nonsense(response.text, self.name, self._scrub) from error


def _node_errors(response: httpx2.Response) -> bool:
    try:
        answer = response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and bool(answer.get("node_errors"))


def _ids(entries: list[Any]) -> tuple[str, ...]:
    """Each entry is [number, id, graph, …]."""
    return tuple(str(entry[1]) for entry in entries if isinstance(entry, list) and len(entry) > 1)


def _vram(devices: object) -> int | None:
    match devices:
        case [{"vram_free": int(free)}, *_]:
            return free
    return None
