"""Reads what a server answers about a video.

The servers that speak `/v1/videos` use the same names, but differ in the words for a status, in the form of an error,
and in the HTTP status of their answer about a failed job. This module reads all of these forms, and only the fields
that are needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_ID_CHARACTERS = 1024
"""The longest id that is accepted. LiteLLM's ids have 250 characters."""
QUOTED_OBJECTS = 20
"""How many JSON objects are tried in a text that may quote one."""


class Status(StrEnum):
    """The four statuses of OpenAI's API."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED)


_WORDS: Mapping[str, Status] = {
    **dict.fromkeys(("queued", "pending", "submitted", "starting"), Status.QUEUED),
    **dict.fromkeys(("completed", "succeeded", "success", "done"), Status.COMPLETED),
    **dict.fromkeys(
        ("failed", "error", "cancelled", "canceled", "expired", "rejected", "deleted"),
        Status.FAILED,
    ),
}
"""Words for the end of a job. Every other word means that it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One video as its server shows it.

    `word` is the server's own status. `progress` is 0 to 100, None where it says none. `error_code` and `error` are ""
    where nothing is told. `url` is where the file lies, if it is not the server that has it. `created_at` is in seconds
    since the epoch, by the server's clock.
    """

    id: str
    status: Status
    word: str
    progress: int | None = None
    error_code: str = ""
    error: str = ""
    url: str | None = None
    prompt: str | None = None
    model: str | None = None
    size: str | None = None
    created_at: float | None = None
    stage: str | None = None


def video_in(text: str) -> Video | None:
    """The video in the body of an answer, whatever its HTTP status was: as it is, or quoted in an error's message.

    LiteLLM shows a failed job as an error whose message holds the server's own answer.
    """
    try:
        body = json.loads(text)
    except ValueError:
        return None
    if (video := read_video(body)) is not None:
        return video
    match body:
        case {"error": {"message": str(message)}} if '"status"' in message:
            quoted = (read_video(one) for one in _objects_in(message))
            return next((one for one in quoted if one is not None and one.status is Status.FAILED), None)
    return None


def read_video(body: object) -> Video | None:
    """The video that a JSON value describes; None when it describes none."""
    if not isinstance(body, dict):
        return None
    video_id, word = body.get("id"), body.get("status")
    if not isinstance(word, str) or not isinstance(video_id, str) or not 0 < len(video_id) <= MAX_ID_CHARACTERS:
        return None
    code, message = _error(body.get("error"))
    return Video(
        id=video_id,
        status=_WORDS.get(word.lower(), Status.IN_PROGRESS),
        word=word.lower(),
        progress=_whole(body.get("progress")),
        error_code=code,
        error=message,
        url=_text(body.get("url")),
        prompt=_text(body.get("prompt")),
        model=_text(body.get("model")),
        size=_text(body.get("size")),
        created_at=_number(body.get("created_at")),
        stage=_text(body.get("stage")),
    )


def videos_in(text: str) -> list[Video]:
    """The videos of a list."""
    try:
        body = json.loads(text)
    except ValueError:
        return []
    data = body.get("data") if isinstance(body, dict) else None
    found = (read_video(one) for one in data) if isinstance(data, list) else ()
    return [one for one in found if one is not None]


def complaint(text: str) -> tuple[str, str | None]:
    """The message of an answer of 400 or more, and the field that it names, if any.

    `{"error": {"message", "param"}}`, `{"error": text}`, `{"detail": text or FastAPI's list}`, or the text as it is.
    """
    try:
        body = json.loads(text)
    except ValueError:
        return text, None
    match body:
        case {"error": {"message": str(message), **rest}}:
            param = rest.get("param")
            return message, param if isinstance(param, str) and param not in ("", "None") else None
        case {"error": str(message)} | {"detail": str(message)} | {"message": str(message)}:
            return message, None
        case {"detail": [{"loc": [*places], "msg": str(message)}, *_]}:
            field = str(places[-1]) if places else None
            return f"{field}: {message}" if field else message, field
        case {"detail": {"message": str(message)}}:
            return message, None
    return text, None


def _objects_in(message: str) -> Iterator[object]:
    """The JSON objects that a text quotes."""
    decoder, place = json.JSONDecoder(), 0
    for _ in range(QUOTED_OBJECTS):
        place = message.find("{", place)
        if place < 0:
            return
        try:
            found, place = decoder.raw_decode(message, place)
            yield found
        except ValueError:
            place += 1


def _error(error: object) -> tuple[str, str]:
    match error:
        case {"message": str(message), **rest}:
            code = rest.get("code")
            return "" if code is None else str(code), message
        case {"code": code}:
            return str(code), ""
        case str(message):
            return "", message
    return "", ""


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else max(0, min(100, int(number)))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        return None
    return float(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
