"""The routes of ComfyUI's own API, each with its twin under `/api`."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.comfyui.job_queue import Item
from tests.fakes.comfyui.knobs import Knobs
from tests.fakes.comfyui.ledger import Ledger
from tests.fakes.comfyui.sockets import Sockets
from tests.fakes.comfyui.validation import Catalogue, Crash, judge
from tests.fakes.comfyui.versions import Version
from tests.fakes.comfyui.worker import Worker

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KINDS = ("input", "output", "temp")
SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")
GIB = 1024**3


class Routes:
    """What one life of the server answers; the files and the ledger are older than it."""

    def __init__(self, worker: Worker, sockets: Sockets, ledger: Ledger, folder: Path) -> None:
        self._worker = worker
        self._sockets = sockets
        self._ledger = ledger
        self._folder = folder
        self._numbers = 0
        self._signed: dict[str, Path] = {}
        self.storage = ""
        """Where signed addresses lead."""

    @property
    def _knobs(self) -> Knobs:
        return self._worker.knobs

    @property
    def _version(self) -> Version:
        return self._worker.version

    @property
    def _catalogue(self) -> Catalogue:
        return Catalogue(self._knobs, self._folder, self._version)

    def table(self) -> list[tuple[str, str, str, Handler]]:
        """Method, path, name of the route in `replies` and in the ledger, handler."""
        rows: list[tuple[str, str, str, Handler]] = [
            ("GET", "/ws", "ws", self._ws),
            ("POST", "/prompt", "prompt", self._prompt),
            ("GET", "/prompt", "remaining", self._remaining),
            ("GET", "/queue", "queue", self._queue),
            ("POST", "/queue", "unqueue", self._change_queue),
            ("GET", "/history", "histories", self._histories),
            ("POST", "/history", "forget", self._forget),
            ("GET", "/history/{id}", "history", self._history),
            ("POST", "/interrupt", "interrupt", self._interrupt),
            ("POST", "/free", "free", self._free),
            ("POST", "/upload/image", "upload", self._upload),
            ("GET", "/view", "view", self._view),
            ("GET", "/system_stats", "system_stats", self._system_stats),
            ("GET", "/features", "features", self._features),
            ("GET", "/object_info", "object_info", self._all_info),
            ("GET", "/object_info/{name}", "object_info", self._info),
        ]
        twins = [(method, f"/api{path}", name, handler) for method, path, name, handler in rows]
        if self._version.has_jobs:
            twins.append(("GET", "/api/jobs/{id}", "jobs", self._job))
        if self._version.cancels_jobs:
            twins.append(("POST", "/api/jobs/{id}/cancel", "cancel", self._cancel))
        return [*rows, *twins, ("GET", "/_signed/{ticket}", "signed", self._signed_view)]

    # --- jobs -------------------------------------------------------------------------------------------------------

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        return await self._sockets.serve(request, self._worker)

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        try:
            sent = await request.json()
            number = float(sent["number"]) if "number" in sent else self._next_number(sent)
        except (json.JSONDecodeError, TypeError, ValueError):
            return _broken()
        if "prompt" not in sent:
            return _refused({"type": "no_prompt", "message": "No prompt provided", "details": "No prompt provided"})
        given = sent.get("prompt_id")
        job = uuid.uuid4().hex if given is None else str(given)
        if self._version.wants_uuids:
            if given is not None and not _is_canonical(given):
                return _refused({"type": "invalid_prompt_id", "message": "prompt_id must be a valid UUID"})
            job = str(uuid.uuid4()) if given is None else job
        elif "prompt_id" in sent:
            job = str(given)  # null becomes "None"
        try:
            verdict = judge(sent["prompt"], sent.get("partial_execution_targets"), self._catalogue)
        except Crash:
            return _broken()
        if verdict.error is not None:
            return _refused(verdict.error, verdict.node_errors)
        extra = {key: value for key, value in sent.get("extra_data", {}).items() if key not in SECRETS}
        extra |= {"client_id": sent["client_id"]} if "client_id" in sent else {}
        extra |= {"create_time": int(time.time() * 1000)} if self._version.has_jobs else {}
        self._ledger.note("submitted", id=job, body=sent)
        try:
            self._worker.queue.put((number, job, sent["prompt"], extra, list(verdict.outputs)))
        except TypeError:
            return _broken()
        return web.json_response({"prompt_id": job, "number": number, "node_errors": verdict.node_errors})

    def _next_number(self, sent: dict[str, Any]) -> float:
        self._numbers += 1
        return -(self._numbers - 1) if sent.get("front") else self._numbers - 1

    def enqueue(self, graph: dict[str, Any], client: str) -> str:
        """A stranger's job."""
        job = str(uuid.uuid4())
        verdict = judge(graph, None, self._catalogue)
        assert verdict.error is None, verdict
        self._ledger.note("foreign", id=job)
        self._worker.queue.put((self._next_number({}), job, graph, {"client_id": client}, list(verdict.outputs)))
        return job

    def _hurt(self, job: str | None) -> None:
        if job is not None and job in self._ledger.ids("foreign"):
            self._ledger.note("hurt", id=job)

    async def _remaining(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"exec_info": {"queue_remaining": self._worker.queue.remaining}})

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        running, pending = self._worker.queue.look()
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def _change_queue(self, request: web.Request) -> web.StreamResponse:
        sent = await request.json()
        for job in self._worker.queue.clear() if sent.get("clear") else []:
            self._hurt(job)
        for job in sent.get("delete", []):
            if self._worker.queue.delete(job):
                self._hurt(job)
                self._ledger.note("deleted", id=job)
        return web.Response(status=200)

    async def _histories(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._worker.queue.all_history())

    async def _history(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._worker.queue.history(request.match_info["id"]))

    async def _forget(self, request: web.Request) -> web.StreamResponse:
        sent = await request.json()
        if sent.get("clear"):
            self._worker.queue.forget()
        self._worker.queue.forget(sent.get("delete", []))
        return web.Response(status=200)

    async def _interrupt(self, request: web.Request) -> web.StreamResponse:
        try:
            sent = await request.json()
        except json.JSONDecodeError:
            sent = {}
        job = sent.get("prompt_id") if self._version.interrupts_by_id else None
        stopped = self._worker.queue.interrupt(job or None)
        if stopped is not None:
            self._ledger.note("interrupted", id=stopped)
        self._hurt(stopped)
        return web.Response(status=200)

    async def _free(self, request: web.Request) -> web.StreamResponse:
        sent = await request.json()
        if sent.get("free_memory") and self._worker.queue.remaining == 0:
            self._worker.free()
        return web.Response(status=200)

    async def _job(self, request: web.Request) -> web.StreamResponse:
        job = request.match_info["id"]
        running, pending = self._worker.queue.look()
        ended = self._worker.queue.history(job).get(job)
        if ended is not None:
            return web.json_response(_ended(job, ended))
        for status, items in (("in_progress", running), ("pending", pending)):
            for item in items:
                if item[1] == job:
                    return web.json_response(_waiting(item, status))
        return web.json_response({"error": "Job not found"}, status=404)

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        job = request.match_info["id"]
        cancelled = self._worker.queue.interrupt(job) is not None or self._worker.queue.delete(job)
        if cancelled:
            self._hurt(job)
            self._ledger.note("cancelled", id=job)
        return web.json_response({"cancelled": cancelled})

    # --- files ------------------------------------------------------------------------------------------------------

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        sent = await request.post()
        image = sent.get("image")
        kind, subfolder = str(sent.get("type", "input")), str(sent.get("subfolder", ""))
        if not isinstance(image, web.FileField) or not image.filename:
            return web.Response(status=400)
        if kind not in KINDS:
            return _broken()
        folder = self._folder / kind / subfolder
        if not folder.resolve().is_relative_to((self._folder / kind).resolve()):
            return web.Response(status=400)
        folder.mkdir(parents=True, exist_ok=True)
        path = _free_name(folder / image.filename, content := image.file.read(), sent.get("overwrite") in ("true", "1"))
        path.write_bytes(content)
        self._ledger.note("uploaded", name=path.name, sha256=hashlib.sha256(content).hexdigest())
        return web.json_response({"name": path.name, "subfolder": subfolder, "type": kind})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        name, kind = request.query.get("filename", ""), request.query.get("type", "output")
        if not name or name.startswith("/") or ".." in name or kind not in KINDS:
            return web.Response(status=400)
        root = self._folder / kind
        folder = root / request.query.get("subfolder", "")
        if not folder.resolve().is_relative_to(root.resolve()):
            return web.Response(status=403)
        path = folder / Path(name).name
        if not path.is_file():
            return web.Response(status=404)
        if self._knobs.signed_views:
            ticket = secrets.token_hex(16)
            self._signed[ticket] = path
            return web.Response(status=302, headers={"Location": f"{self.storage}/_signed/{ticket}?sig=x"})
        return web.FileResponse(path, headers={"Content-Disposition": f'filename="{path.name}"'})

    async def _signed_view(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._signed[request.match_info["ticket"]])

    # --- what it is -------------------------------------------------------------------------------------------------

    async def _system_stats(self, request: web.Request) -> web.StreamResponse:
        system = {"os": "posix", "ram_total": 64 * GIB, "ram_free": 48 * GIB, "comfyui_version": self._version.name}
        system |= {"python_version": "3.12.11", "pytorch_version": "2.8.0+cu129", "embedded_python": False}
        vram = {"vram_total": 24 * GIB, "vram_free": 20 * GIB, "torch_vram_total": 2 * GIB, "torch_vram_free": GIB}
        device = {"name": "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", "type": "cuda", "index": 0, **vram}
        return web.json_response({"system": {**system, "argv": ["main.py"]}, "devices": [device]})

    async def _features(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"supports_preview_metadata": True, "max_upload_size": self._knobs.max_upload})

    async def _all_info(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._catalogue.everything())

    async def _info(self, request: web.Request) -> web.StreamResponse:
        one = self._catalogue.find(request.match_info["name"])
        return web.json_response({one.name: self._catalogue.info(one)} if one else {})


def _broken() -> web.Response:
    return web.Response(status=500, text="500 Internal Server Error\n\nServer got itself in trouble")


def _refused(error: dict[str, Any], node_errors: dict[str, Any] | None = None) -> web.Response:
    return web.json_response({"error": {"extra_info": {}, **error}, "node_errors": node_errors or {}}, status=400)


def _is_canonical(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _free_name(path: Path, content: bytes, overwrite: bool) -> Path:
    """`in.png`, or `in (1).png` where another picture has that name."""
    number, free = 0, path
    while not overwrite and free.exists() and free.read_bytes() != content:
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return free


def _waiting(item: Item, status: str) -> dict[str, Any]:
    number, job, graph, extra, _ = item
    told = {"id": job, "status": status, "priority": number, "create_time": extra.get("create_time")}
    return {**told, "outputs_count": 0, "workflow": {"prompt": graph, "extra_data": extra}}


def _ended(job: str, entry: dict[str, Any]) -> dict[str, Any]:
    status, messages = "completed", dict(entry["status"]["messages"])
    if not entry["status"]["completed"]:
        status = "cancelled" if "execution_interrupted" in messages else "failed"
    told = _waiting(tuple(entry["prompt"]), status)
    count = sum(
        len(items) for output in entry["outputs"].values() for key, items in output.items() if key != "animated"
    )
    told |= {"outputs": entry["outputs"], "outputs_count": count, "execution_status": entry["status"]}
    return told | ({"execution_error": messages["execution_error"]} if "execution_error" in messages else {})
