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
                "key": text("The id of the API key; empty where none was asked for"),
                "owner": text("Whose it is"),
                "engine": text(),
                "model": text(),
                "status": text(enum=[*Status]),
                "position": nullable(whole("Its place in the line", minimum=1)),
                "progress": whole("Percent", minimum=0, maximum=100),
                "seconds": number("Of video that were asked for", minimum=0),
                "created_at": whole("Seconds since 1970"),
            }
        ),
        "EngineLine": record(
            {
                "object": text(const="engine"),
                "name": text(),
                "waiting": whole(minimum=0),
                "running": whole(minimum=0),
                "oldest_s": number("How long the one that waits longest has waited", minimum=0),
                "paused": flag("Whether its jobs are not begun"),
            }
        ),
        "Worker": record(
            {
                "object": text(const="worker"),
                "id": text(),
                "address": text("The machine and the process"),
                "version": text(),
                "engines": array(text()),
                "slots": whole("Jobs that it can make at one time", minimum=0),
                "running": whole(minimum=0),
                "draining": flag("Whether it takes no more jobs"),
                "up_s": number(),
                "last_beat_s": number("Since it was heard of last", minimum=0),
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
                        "videos": whole("Finished ones", minimum=0),
                        "bytes": whole("Of their files", minimum=0),
                        "free_bytes": whole("On the disk of the data directory", minimum=0),
                    }
                ),
            }
        ),
        "DrainedWorker": record({"object": text(const="worker"), "id": text(), "draining": flag()}),
        "PausedEngine": record({"object": text(const="engine"), "name": text(), "paused": flag()}),
    }


def operations() -> dict[tuple[str, str], Operation]:
    one = DATABASE | NAMES_ONE
    paused = {"200": answer("As it is now", "PausedEngine")}
    drained = {"200": answer("As it is now", "DrainedWorker")}
    return {
        ("/v1/admin/line", "get"): _operation(
            "getLine", "Everybody's jobs", {"200": answer("They are", "Line")}, DATABASE
        ),
        ("/v1/admin/line/{video_id}/front", "post"): _operation(
            "moveToFront", "Make a job the next one", {"200": answer("As it is", "Job")}, one | {Code.CONFLICT}, _VIDEO
        ),
        ("/v1/admin/line/{video_id}/cancel", "post"): _operation(
            "cancelJob", "End anybody's job", {"200": answer("As it is now", "Job")}, one, _VIDEO
        ),
        ("/v1/admin/engines/{engine}/pause", "post"): _operation(
            "pauseEngine", "Begin no more jobs", paused, one, _ENGINE
        ),
        ("/v1/admin/engines/{engine}/resume", "post"): _operation(
            "resumeEngine", "Begin them again", paused, one, _ENGINE
        ),
        ("/v1/admin/workers/{worker_id}/drain", "post"): _operation(
            "drainWorker", "Let a process begin no more jobs", drained, one, _WORKER
        ),
        ("/v1/admin/workers/{worker_id}/resume", "post"): _operation(
            "resumeWorker", "Let it begin jobs again", drained, one, _WORKER
        ),
    }
