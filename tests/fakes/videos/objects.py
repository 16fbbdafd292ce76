"""What each kind of server says of a job."""

from __future__ import annotations

import time
from typing import Any

from tests.fakes.videos.jobs import STEPS, Job
from tests.fakes.videos.profiles import Profile, Progress

INVENTED_S = 5.0


def video_object(job: Job, profile: Profile, *, url: str | None = None) -> dict[str, Any]:
    asked = job.asked
    told: dict[str, Any] = {
        "id": job.id,
        "object": "video",
        "model": asked.model or profile.served or "default",
        "status": _status(job, profile),
        "progress": _progress(job, profile),
        "created_at": int(job.created),
        "completed_at": int(time.time()) if job.ended else None,
        "expires_at": None,
        "size": f"{asked.width}x{asked.height}",
        "seconds": asked.seconds,
        "quality": "standard",
        "remixed_from_video_id": None,
        "error": _error(job, profile),
    }
    if profile.lists == "prompts":
        told["prompt"] = asked.prompt
    if profile.name.startswith("sglang"):
        told["url"] = url if job.file else None
        told["file_path"] = f"outputs/{job.id}.mp4" if job.file else None
    if profile.once:
        told |= {"num_frames": asked.num_frames, "fps": asked.fps, "engine": "sketch", "queue_position": None}
        told |= {"seed": asked.fields.get("seed"), "stage": None}
    return told


def _status(job: Job, profile: Profile) -> str:
    return profile.running if job.state == "in_progress" else job.state


def _progress(job: Job, profile: Profile) -> int:
    if job.file is not None:
        return 100
    match profile.progress:
        case Progress.ENDS:
            return 0
        case Progress.INVENTED:
            return 0 if job.began is None else int(min(1.0, (time.time() - job.began) / INVENTED_S) * 90)
        case Progress.MEASURED:
            return job.done * 100 // STEPS


def _error(job: Job, profile: Profile) -> Any:
    if job.error is None:
        return None
    code, message = job.error
    return {"message": message} if profile.name.startswith("sglang") else {"code": code, "message": message}


def error_body(profile: Profile, status: int, why: Any, param: str | None = None) -> dict[str, Any]:
    if profile.openai_errors:
        message = why if isinstance(why, str) else f"Invalid {param}: {why[0]['msg']}"
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": param, "code": "invalid_field"}}
    if profile.name == "vllm-omni" and status == 400:
        return {"error": {"message": why, "type": "BadRequestError", "param": param, "code": 400}}
    return {"detail": why}
