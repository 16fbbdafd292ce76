"""Ends jobs at the server that works on them, after they were cancelled or given up here.

| answer to DELETE (of a Reelwright: to `POST …/cancel`) | then                                              |
|--------------------------------------------------------|---------------------------------------------------|
| 200, 204, 404                                          | it has ended, or was never there                  |
| 409                                                    | the server still tries: once more after 2 s       |
| 405, anything else, none                               | it may run on, and the log says so                |
"""

from __future__ import annotations

import sys
import threading
import time

import httpx2

from reelwright.engines.openai.server import Server
from reelwright.engines.upstream.job_limits import JobLimits, limited_by
from reelwright.errors import EngineError

AGAIN_S = 2.0
LIMIT_S = 5.0
NAME = "upstream-cancel"
"""The name of the threads that do it."""


def end_now(server: Server, video_id: str) -> bool:
    """Ask the server to end the job. True when it said that the job has ended. Takes some seconds at most and raises
    nothing."""
    for attempt in range(2):
        status = _ask(server, video_id)
        if status != 409:
            return status in (200, 204, 404)
        if attempt == 0:
            time.sleep(AGAIN_S)
    return False


def end_in_background(server: Server, video_id: str) -> None:
    """As `end_now`, in a thread of its own: the caller does not wait."""
    threading.Thread(target=_end_and_tell, args=(server, video_id), name=NAME, daemon=True).start()


def _end_and_tell(server: Server, video_id: str) -> None:
    if not end_now(server, video_id):
        sys.stderr.write(f"{server.name} did not end the job {video_id}, which nobody wants any more: it may run on.\n")
        sys.stderr.flush()


def _ask(server: Server, video_id: str) -> int:
    try:
        limits = JobLimits(None, LIMIT_S, LIMIT_S, LIMIT_S)
        with limited_by(limits):
            return server.end(video_id, limits)
    except (EngineError, httpx2.HTTPError):
        return 0
