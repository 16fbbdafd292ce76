"""What the tests of `/v1/videos` ask for, over HTTP in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import httpx2

SMALL: dict[str, Any] = {"model": "toy", "size": "64x64", "num_frames": 4}
Video = dict[str, Any]
LOOKS = 4
"""Of 30 s each: a busy machine is no failure."""


def create(http: httpx2.Client, prompt: str = "paint", **fields: Any) -> Video:
    """The object of a new video."""
    answer = http.post("/v1/videos", json={"prompt": prompt, **SMALL, **fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def look(http: httpx2.Client, video: Video) -> Video:
    """The video's object as it is now."""
    answer = http.get(f"/v1/videos/{video['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ended(http: httpx2.Client, video: Video) -> Video:
    """The video's object once it is completed or failed."""
    for _ in range(LOOKS):
        answer = http.get(f"/v1/videos/{video['id']}", headers={"Prefer": "wait=30"}, timeout=60)
        assert answer.status_code == 200, answer.text
        if answer.json()["status"] in ("completed", "failed"):
            return dict(answer.json())
    raise AssertionError(f"it does not end: {answer.text}")


def made(http: httpx2.Client, prompt: str = "paint", **fields: Any) -> Video:
    """The object of a new video that is completed."""
    video = ended(http, create(http, prompt, **fields))
    assert video["status"] == "completed", video["error"]
    return video


def cancel(http: httpx2.Client, video: Video) -> Video:
    answer = http.post(f"/v1/videos/{video['id']}/cancel")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


class Gate:
    """Holds the toy engine's one slot until it is opened, at the latest when its block is left."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self._file = folder / name
        self.prompt = f"until {self._file}"
        self.with_preview = f"preview {self._file}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def open(self) -> None:
        self._file.touch()
