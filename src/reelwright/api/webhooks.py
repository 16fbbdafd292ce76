"""The deliveries of a video's webhooks: what was sent, how it went, and once more on request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.videos import Videos
from reelwright.jobs.webhooks import Webhooks
from reelwright.store.deliveries import Delivery


def webhooks_router(videos: Videos, webhooks: Webhooks) -> APIRouter:
    router = APIRouter(tags=["webhooks"])

    @router.get("/v1/videos/{video_id}/webhooks", response_class=Response)
    async def deliveries(request: Request, video_id: str) -> Response:
        """All deliveries for a video, the oldest first."""
        video = await videos.get(request, video_id)
        found = await webhooks.list(video.id)
        return JSONResponse({"object": "list", "data": [_object(delivery) for delivery in found]})

    @router.post("/v1/videos/{video_id}/webhooks/{delivery_id}/resend", response_class=Response)
    async def resend(request: Request, video_id: str, delivery_id: str) -> Response:
        """Try a delivery once more now, whatever its state; the schedule begins afresh."""
        video = await videos.get(request, video_id)
        return JSONResponse(_object(await webhooks.resend(video.id, delivery_id)), 202)

    return router


def _object(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "object": "webhook.delivery",
        "video_id": delivery.video_id,
        "url": delivery.url,
        "event": delivery.event,
        "state": delivery.state,
        "tries": delivery.tries,
        "last_status": delivery.last_status,
        "problem": delivery.problem,
        "created_at": _epoch(delivery.created_at),
        "next_try_at": _epoch(delivery.next_try_at),
        "ended_at": _epoch(delivery.ended_at),
    }


def _epoch(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
