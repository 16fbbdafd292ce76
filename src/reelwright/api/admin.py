"""`/v1/admin`: the queues, the disk and the processes, for keys with the scope `admin`. It shows no prompts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright import ids
from reelwright.engines.catalog import Catalog
from reelwright.errors import NotFound
from reelwright.jobs.overseer import Overseer, Overview
from reelwright.store.fleet_queue import Backlog, MemberStatus
from reelwright.video import Video

_PRIVATE = {"Cache-Control": "no-store"}


class AdminCalls:
    def __init__(self, overseer: Overseer, catalog: Catalog) -> None:
        self._overseer = overseer
        self._catalog = catalog

    async def line(self) -> Response:
        """Everybody's running and waiting jobs, the engines that are paused, the disk, and the processes of a fleet."""
        return JSONResponse(self._overview(await self._overseer.look()), headers=_PRIVATE)

    async def front(self, request: Request, video_id: str) -> Response:
        """Make this waiting job the next one of its engine."""
        video = await self._overseer.to_front(video_id, request.state.caller)
        return JSONResponse(_job(video), headers=_PRIVATE)

    async def cancel(self, request: Request, video_id: str) -> Response:
        """End a job, whoever's it is. One that has ended already stays as it is."""
        return JSONResponse(_job(await self._overseer.cancel(video_id, request.state.caller)), headers=_PRIVATE)

    async def pause(self, request: Request, engine: str) -> Response:
        """Begin no more jobs of an engine, on any machine. What runs goes on, what comes waits."""
        return await self._set_paused(request, engine, paused=True)

    async def resume(self, request: Request, engine: str) -> Response:
        """Let the jobs of a paused engine begin."""
        return await self._set_paused(request, engine, paused=False)

    async def drain(self, request: Request, worker_id: str) -> Response:
        """Let a process of a fleet finish what it makes and begin no more jobs."""
        return await self._set_draining(request, worker_id, draining=True)

    async def undrain(self, request: Request, worker_id: str) -> Response:
        """Let a drained process begin jobs again."""
        return await self._set_draining(request, worker_id, draining=False)

    async def _set_draining(self, request: Request, worker_id: str, *, draining: bool) -> Response:
        if not ids.is_worker_id(worker_id):
            raise NotFound("There is no process with this id; GET /v1/admin/line lists them.", field="id")
        await self._overseer.drain(worker_id, request.state.caller, draining=draining)
        return JSONResponse({"object": "worker", "id": worker_id, "draining": draining}, headers=_PRIVATE)

    async def _set_paused(self, request: Request, engine: str, *, paused: bool) -> Response:
        if engine not in self._catalog.offers:
            raise NotFound(
                f"There is no engine of this name; there are {', '.join(self._catalog.offers)}.", field="engine"
            )
        await self._overseer.pause(engine, request.state.caller, paused=paused)
        return JSONResponse({"object": "engine", "name": engine, "paused": paused}, headers=_PRIVATE)

    def _overview(self, overview: Overview) -> dict[str, Any]:
        usable = [name for name, offer in self._catalog.offers.items() if not offer.problem]
        names = dict.fromkeys([*usable, *sorted(overview.backlog), *sorted(overview.paused)])
        return {
            "object": "line",
            "engines": [
                _engine(name, overview.backlog.get(name, Backlog()), name in overview.paused) for name in names
            ],
            "jobs": [_job(video) for video in overview.jobs],
            "workers": [_worker(member) for member in overview.members],
            "disk": {"videos": overview.stored, "bytes": overview.stored_bytes, "free_bytes": overview.free_bytes},
        }


def _engine(name: str, line: Backlog, paused: bool) -> dict[str, Any]:
    return {
        "object": "engine",
        "name": name,
        "waiting": line.waiting,
        "running": line.running,
        "oldest_s": round(line.oldest_s, 1),
        "paused": paused,
    }


def _job(video: Video) -> dict[str, Any]:
    return {
        "object": "job",
        "id": video.id,
        "key": video.key,
        "owner": video.owner,
        "engine": video.spec.engine,
        "model": video.spec.model,
        "status": video.status.value,
        "position": video.position,
        "progress": video.progress,
        "seconds": round(video.spec.seconds, 3),
        "created_at": int(video.created_at.timestamp()),
    }


def _worker(status: MemberStatus) -> dict[str, Any]:
    return {
        "object": "worker",
        "id": status.member.id,
        "address": status.member.address,
        "version": status.member.version,
        "engines": list(status.member.engines),
        "slots": status.member.slots,
        "running": len(status.running),
        "draining": status.draining,
        "up_s": round(status.age_s, 1),
        "last_beat_s": round(max(0.0, status.beat_age_s), 1),
    }


def admin_router(calls: AdminCalls) -> APIRouter:
    router = APIRouter(tags=["admin"])
    for path, endpoint, method in (
        ("/v1/admin/line", calls.line, "GET"),
        ("/v1/admin/line/{video_id}/front", calls.front, "POST"),
        ("/v1/admin/line/{video_id}/cancel", calls.cancel, "POST"),
        ("/v1/admin/engines/{engine}/pause", calls.pause, "POST"),
        ("/v1/admin/engines/{engine}/resume", calls.resume, "POST"),
        ("/v1/admin/workers/{worker_id}/drain", calls.drain, "POST"),
        ("/v1/admin/workers/{worker_id}/resume", calls.undrain, "POST"),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response)
    return router
