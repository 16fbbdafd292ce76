"""The operations and schemas of `/v1/admin` in the OpenAPI document."""

from __future__ import annotations

from functools import partial

from reelwright.api.schema.json_schema import Schema, array, flag, nullable, number, record, ref, text, whole
from reelwright.api.schema.openai import VOICE
from reelwright.api.schema.operations import DATABASE, NAMES_ONE, Operation, answer, operation, path_parameter
from reelwright.errors import Code
from reelwright.ids import VIDEO_ID
from reelwright.video import Status

TAG = "admin"
_operation = partial(operation, TAG, VOICE)

_VIDEO = [path_parameter("video_id", text(pattern=f"^{VIDEO_ID}$"))]
_WORKER = [path_parameter("worker_id", text("The id of a process of a fleet"))]
_ENGINE = [path_parameter("engine", text("The name of an engine"))]


def schemas() -> dict[str, Schema]:
    return {
        "Job": record(
            {
                "object": text(const="job"),
                "id": text(pattern=f"^{VIDEO_ID}$"),
                "key": text("The id of the API key that made the job; empty where the server asks for no keys"),
                "owner": text("Whose it is"),
                "engine": text(),
                "model": text(),
                "status": text(enum=[*Status]),
                "position": nullable(whole("Its place in the line", minimum=1)),
                "progress": whole("Percent", minimum=0, maximum=100),
                "seconds": number("The length of the video that was asked for, in seconds", minimum=0),
                "created_at": whole("Seconds since 1970"),
            }
        ),
        "EngineLine": record(
            {
                "object": text(const="engine"),
                "name": text(),
                "waiting": whole(minimum=0),
                "running": whole(minimum=0),
                "oldest_s": number("How long the oldest waiting job has waited, in seconds", minimum=0),
                "paused": flag("Whether the engine is paused: its jobs wait and none begins"),
            }
        ),
        "Worker": record(
            {
                "object": text(const="worker"),
                "id": text(),
                "address": text("The names of the machine and the process"),
                "version": text(),
                "engines": array(text()),
                "slots": whole("How many jobs it can run at the same time", minimum=0),
                "running": whole(minimum=0),
                "draining": flag("Whether it is draining: it begins no more jobs"),
                "up_s": number(),
                "last_beat_s": number("Seconds since its last sign of life", minimum=0),
            }
        ),
        "Line": record(
            {
                "object": text(const="line"),
                "engines": array(ref("EngineLine")),
                "jobs": array(ref("Job")),
                "workers": array(ref("Worker")),
                "disk": record(
                    {
                        "videos": whole("How many finished videos there are", minimum=0),
                        "bytes": whole("Size of their files, in bytes", minimum=0),
                        "free_bytes": whole("Free space on the disk of the data directory, in bytes", minimum=0),
                    }
                ),
            }
        ),
        "DrainedWorker": record({"object": text(const="worker"), "id": text(), "draining": flag()}),
        "PausedEngine": record({"object": text(const="engine"), "name": text(), "paused": flag()}),
    }


def operations() -> dict[tuple[str, str], Operation]:
    one = DATABASE | NAMES_ONE
    paused = {"200": answer("Its state after the change", "PausedEngine")}
    drained = {"200": answer("Its state after the change", "DrainedWorker")}
    return {
        ("/v1/admin/line", "get"): _operation(
            "getLine",
            "List the jobs of all keys, the workers and the disk",
            {"200": answer("The queue, the workers and the disk", "Line")},
            DATABASE,
        ),
        ("/v1/admin/line/{video_id}/front", "post"): _operation(
            "moveToFront",
            "Move a waiting job to the front of the queue",
            {"200": answer("The job after the change", "Job")},
            one | {Code.CONFLICT},
            _VIDEO,
        ),
        ("/v1/admin/line/{video_id}/cancel", "post"): _operation(
            "cancelJob", "Cancel a job of any key", {"200": answer("Its state after the change", "Job")}, one, _VIDEO
        ),
        ("/v1/admin/engines/{engine}/pause", "post"): _operation(
            "pauseEngine", "Pause an engine: no more of its jobs begin", paused, one, _ENGINE
        ),
        ("/v1/admin/engines/{engine}/resume", "post"): _operation(
            "resumeEngine", "Resume an engine that was paused", paused, one, _ENGINE
        ),
        ("/v1/admin/workers/{worker_id}/drain", "post"): _operation(
            "drainWorker", "Drain a worker: it begins no more jobs", drained, one, _WORKER
        ),
        ("/v1/admin/workers/{worker_id}/resume", "post"): _operation(
            "resumeWorker", "End the draining of a worker: it begins jobs again", drained, one, _WORKER
        ),
    }
