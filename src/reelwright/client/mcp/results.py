"""What an assistant is told of videos and models: a sentence for its reader, the record for its program."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp_types import CallToolResult, ImageContent, TextContent

from reelwright.client.facts import Model, VideoFacts
from reelwright.client.mcp.definitions import USUAL_WAIT_S
from reelwright.client.wire import path_of

_IN_A_LIST = ("id", "status", "progress", "prompt", "model", "size", "seconds", "seed", "created_at", "error")
_NOT_FOR_ASSISTANTS = ("object", "video_url", "bytes")
_EMPTY: tuple[Any, ...] = (None, [], {}, "")
_NOT_OF_THE_CARD = ("opening",)


def record(video: VideoFacts, url: str, file: Path | None = None) -> dict[str, Any]:
    """The server's video object without what is empty, with absolute addresses that begin with the server's, `url`."""
    told = {name: value for name, value in video.raw.items() if value not in _EMPTY and name not in _NOT_FOR_ASSISTANTS}
    if video.status == "completed":
        told["content_url"] = url + path_of(video.id, "content")
        told["poster_url"] = f"{told['content_url']}?variant=poster"
    if file:
        told["file"] = str(file)
    return told


def video_result(
    video: VideoFacts, url: str, *, poster: tuple[bytes, str] | None = None, file: Path | None = None, keyed: bool
) -> CallToolResult:
    """One video. `poster`: its still and the still's media type; `keyed`: its addresses ask for the caller's key."""
    told = record(video, url, file)
    content: list[Any] = [TextContent(text=_sentence(video, told, keyed=keyed))]
    if poster:
        content.append(ImageContent(data=base64.b64encode(poster[0]).decode("ascii"), mime_type=poster[1]))
    return CallToolResult(content=content, structured_content=told)


def list_result(videos: Sequence[VideoFacts], *, has_more: bool, last_id: str | None, url: str) -> CallToolResult:
    rows = []
    for video in videos:
        told = record(video, url)
        rows.append({name: told[name] for name in (*_IN_A_LIST, "content_url") if name in told})
    return _data({"videos": rows, "has_more": has_more, **({"last_id": last_id} if last_id else {})})


def models_result(models: Sequence[Model]) -> CallToolResult:
    return _data({"models": [{"id": m.id, "default": m.default, "card": _card(m.card)} for m in models]})


def problem_result(message: str) -> CallToolResult:
    """A tool error: the assistant reads it and can do better."""
    return CallToolResult(content=[TextContent(text=message)], is_error=True)


def state(video: VideoFacts) -> str:
    """How far it is, in a few words."""
    match video.status:
        case "queued" if video.queue_position:
            return f"queued, number {video.queue_position} in the queue"
        case "in_progress":
            return f"in progress, {video.stage or f'{video.progress} %'}"
        case status:
            return status


def _sentence(video: VideoFacts, told: Mapping[str, Any], *, keyed: bool) -> str:
    return "\n".join([_outcome(video, told, keyed=keyed), *(f"Note: {one}" for one in told.get("warnings", ()))])


def _outcome(video: VideoFacts, told: Mapping[str, Any], *, keyed: bool) -> str:
    match video.status:
        case "completed":
            facts = [video.shape, f"seed {video.seed}", f"engine {video.engine}"]
            key = " (asks for the API key that this connection uses)" if keyed else ""
            lines = [f"The video {video.id} is completed: {', '.join(facts)}.", f"MP4: {told['content_url']}{key}"]
            if "file" in told:
                lines.append(f"Saved as: {told['file']}")
            return "\n".join(lines)
        case "failed":
            reason = f"{video.error.message} [{video.error.code}]" if video.error else "no reason is known."
            return f"The video {video.id} failed: {reason}"
        case _:
            again = f'call get_video with {{"video_id": "{video.id}", "wait_s": {USUAL_WAIT_S}}} to wait for its end'
            return f"The video {video.id} is {state(video)}. It goes on by itself; {again}."


def _data(structured: dict[str, Any]) -> CallToolResult:
    """Clients that do not know structured content read the same in the text."""
    return CallToolResult(
        content=[TextContent(text=json.dumps(structured, ensure_ascii=False))], structured_content=structured
    )


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in card.items() if value is not None and name not in _NOT_OF_THE_CARD}
