"""Makes the JSON object by which the OpenAI dialect shows a video, in answers, events and webhooks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reelwright.clock import iso_milliseconds
from reelwright.video import Status, Video


def video_object(video: Video, before: str = "") -> dict[str, Any]:
    """The OpenAI video object with our extras; `seconds` is a string, times are whole seconds since the epoch.

    `before`: the path prefix under which the client reaches this server.
    """
    spec = video.spec
    return {
        "id": video.id,
        "object": "video",
        "model": spec.model,
        "status": video.status,
        "progress": video.progress,
        "created_at": _epoch(video.created_at),
        "completed_at": _epoch(video.completed_at),
        "expires_at": _epoch(video.expires_at),
        "size": f"{spec.width}x{spec.height}",
        "seconds": f"{spec.total_seconds:g}",
        "prompt": spec.prompt,
        "remixed_from_video_id": video.remixed_from,
        "resumed_from_video_id": video.resumed_from,
        "resumable": video.resumable,
        "extended_from_video_id": spec.extends.video_id if spec.extends else None,
        "error": {"code": video.failure.code, "message": video.failure.message} if video.failure else None,
        "seed": spec.seed,
        "num_frames": spec.total_frames,
        "fps": spec.fps,
        "width": spec.width,
        "height": spec.height,
        "engine": spec.engine,
        "queue_position": video.position,
        "stage": video.stage,
        "started_at": _epoch(video.started_at),
        "video_url": f"{before}/v1/videos/{video.id}/content" if video.status is Status.COMPLETED else None,
        "negative_prompt": spec.negative_prompt,
        "num_inference_steps": spec.num_inference_steps,
        "guidance_scale": spec.guidance_scale,
        "motion_bucket_id": spec.motion_bucket_id,
        "noise_aug_strength": spec.noise_aug_strength,
        "generate_audio": spec.generate_audio,
        "extra_params": dict(spec.params),
        "has_image": spec.image is not None,
        "has_last_image": spec.last_image is not None,
        "interpolate": spec.interpolate,
        "upscale": spec.upscale.model if spec.upscale else None,
        "final_size": "x".join(map(str, spec.final_size)),
        "final_frames": spec.final_frames,
        "final_fps": spec.final_fps,
        "dropped_fields": [one.field for one in spec.unused],
        "warnings": [str(one) for one in spec.unused],
        "made_with": video.made_with,
        "metadata": video.metadata,
        "bytes": video.file.size if video.file else None,
        "generation_seconds": video.generation_seconds,
    }


def webhook_body(event: str, video: Video, base_url: str) -> Mapping[str, Any]:
    """What a webhook is sent: the event's id, type and time, and the video object with an absolute `video_url`.

    The id is the same at every try.
    """
    told = video_object(video)
    if told["video_url"]:
        told["video_url"] = base_url.rstrip("/") + told["video_url"]
    happened = video.completed_at or video.created_at
    return {
        "id": f"evt_{hashlib.sha256(f'{video.id} {event}'.encode()).hexdigest()[:24]}",
        "object": "event",
        "type": event,
        "timestamp": iso_milliseconds(happened),
        "created_at": _epoch(happened),
        "data": told,
    }


def _epoch(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
