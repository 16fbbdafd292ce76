"""What an assistant reads of the five tools: their names, descriptions, JSON schemas and hints.

The schemas say what a field is for; its bounds are the model's, and the server's answer names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import Tool, ToolAnnotations

LONGEST_WAIT_S = 600
USUAL_WAIT_S = 45
"""How long a call waits that shows its progress and does not say for how long. Assistants give up after a minute."""

MOST_VIDEOS = 100
STATES = ("queued", "in_progress", "completed", "failed")

INSTRUCTIONS = (
    "Reelwright makes short videos (MP4) from a prompt, optionally starting from an image. Call generate_video; when "
    f"its answer is not completed, call get_video with its video_id and wait_s (e.g. {USUAL_WAIT_S}) until it is. Say "
    "what should be seen, the light, the camera and the movement; one scene a video. list_models tells the sizes and "
    "lengths that each model allows."
)

_ID: Mapping[str, Any] = {"type": "string", "description": "The video's id, e.g. video_01KB…"}
_WAIT: Mapping[str, Any] = {
    "type": "number",
    "minimum": 0,
    "maximum": LONGEST_WAIT_S,
    "description": "Wait up to so many seconds for the video's end. Without it the call returns at once, unless the "
    f"client shows progress: then it waits up to {USUAL_WAIT_S} s. The video goes on when the wait is over.",
}

_GENERATE: Mapping[str, Any] = {
    "prompt": {"type": "string", "minLength": 1, "description": "What the video shows, in any language."},
    "image": {"type": "string"},
    "last_image": {"type": "string"},
    "extends": {
        "type": "string",
        "description": "The id of a completed video: the new one is that video and, after it, what the prompt says. "
        "It begins with that video's last frame, so pass no image.",
    },
    "generate_audio": {"type": "boolean", "description": "With sound, where the model makes any."},
    "size": {"type": "string", "pattern": r"^\d+x\d+$", "description": "Width and height in pixels, e.g. 512x512."},
    "aspect_ratio": {"type": "string", "pattern": r"^\d+:\d+$", "description": "Instead of size, e.g. 16:9 or 9:16."},
    "resolution": {"type": "string", "description": "The shorter side, instead of size, e.g. 720p."},
    "seconds": {"type": "number", "exclusiveMinimum": 0, "description": "Length in seconds, instead of num_frames."},
    "num_frames": {"type": "integer", "minimum": 1, "description": "Number of frames."},
    "fps": {"type": "integer", "minimum": 1, "maximum": 60, "description": "Frames a second."},
    "seed": {"type": "integer", "minimum": 0, "description": "Repeats an earlier video where the model can."},
    "negative_prompt": {"type": "string", "description": "What should not be seen."},
    "num_inference_steps": {"type": "integer", "minimum": 1, "description": "More is slower and finer."},
    "guidance_scale": {"type": "number", "description": "How closely the prompt is followed."},
    "interpolate": {
        "type": "integer",
        "minimum": 1,
        "maximum": 8,
        "description": "So many times the frame rate, for smooth motion: frames are drawn in between.",
    },
    "model": {"type": "string", "description": "A model or engine of list_models. Default: the server's."},
    "wait_s": _WAIT,
}
_LAST_IMAGE = "End with this picture, where the model can: as image"
_IMAGE = "Start from this picture (PNG, JPEG, WebP): an http(s) URL that the server can reach, or a data URI"

_VIDEO_FACTS: Mapping[str, Any] = {
    "id": {"type": "string"},
    "status": {"type": "string", "enum": list(STATES)},
    "progress": {"type": "integer", "minimum": 0, "maximum": 100, "description": "Per cent of the work done."},
    "prompt": {"type": "string"},
    "model": {"type": "string"},
    "engine": {"type": "string"},
    "size": {"type": "string"},
    "seconds": {"type": "string"},
    "num_frames": {"type": "integer"},
    "fps": {"type": "integer"},
    "seed": {"type": "integer"},
    "queue_position": {"type": "integer", "description": "1 is the next one."},
    "created_at": {"type": "integer", "description": "Seconds since 1970."},
    "completed_at": {"type": "integer", "description": "Seconds since 1970."},
    "expires_at": {"type": "integer", "description": "When the video will be deleted; seconds since 1970."},
    "content_url": {"type": "string", "description": "The MP4, once it is completed."},
    "poster_url": {"type": "string", "description": "A still of it (JPEG), once it is completed."},
    "file": {"type": "string", "description": "Where the MP4 was saved on this machine."},
    "warnings": {"type": "array", "items": {"type": "string"}, "description": "What was asked for and not used."},
    "error": {
        "type": "object",
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["code", "message"],
    },
}
_LIST: Mapping[str, Any] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_VIDEOS, "default": 20},
    "after": {"type": "string", "description": "last_id of the page before."},
    "status": {"type": "string", "enum": list(STATES)},
    "q": {
        "type": "string",
        "description": "Words that stand in the prompt, model, engine or size; or a seed or an id.",
    },
    "model": {"type": "string", "description": "The name of a model or engine, or engine/model."},
}
_VIDEO: Mapping[str, Any] = {"type": "object", "properties": _VIDEO_FACTS, "required": ["id", "status", "progress"]}
_VIDEOS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "videos": {"type": "array", "items": _VIDEO},
        "has_more": {"type": "boolean", "description": "There are more; pass last_id as `after`."},
        "last_id": {"type": "string"},
    },
    "required": ["videos", "has_more"],
}
_MODELS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "models": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "default": {"type": "boolean"},
                    "card": {"type": "object", "description": "What it can do: tasks, sizes in pixels, frames, fps."},
                },
                "required": ["id", "default", "card"],
            },
        }
    },
    "required": ["models"],
}


def definitions(*, local: bool, saves: bool) -> tuple[Tool, ...]:
    """The tools. `local`: paths of files are taken as images; `saves`: finished videos are saved on this machine."""
    paths = ", or the path of a file on this machine" if local else ""
    image = {**_GENERATE["image"], "description": f"{_IMAGE}{paths}."}
    last_image = {**_GENERATE["last_image"], "description": f"{_LAST_IMAGE}."}
    saved = " The MP4 is saved on this machine, and `file` says where." if saves else ""
    looks = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return (
        Tool(
            name="generate_video",
            title="Generate a video",
            description="Make a video (MP4) from a prompt, optionally starting from an image, or going on from an "
            "earlier video. Returns the video's id "
            f"and state; when it is completed also the MP4's address and a still of it.{saved} It costs computing "
            "time, with some models money.",
            input_schema=_takes({**_GENERATE, "image": image, "last_image": last_image}, "prompt"),
            output_schema=dict(_VIDEO),
            annotations=ToolAnnotations(
                read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
            ),
        ),
        Tool(
            name="get_video",
            title="Look at a video",
            description="A video's state, its progress in per cent, and when it is completed the MP4's address and a "
            f"still of it.{saved} With wait_s it waits for the end, which is better than asking again and again.",
            input_schema=_takes({"video_id": _ID, "wait_s": _WAIT}, "video_id"),
            output_schema=dict(_VIDEO),
            annotations=ToolAnnotations(
                read_only_hint=not saves, destructive_hint=False, idempotent_hint=True, open_world_hint=False
            ),
        ),
        Tool(
            name="list_videos",
            title="List videos",
            description="The caller's videos, newest first, a page at a time; `q` searches them.",
            input_schema=_takes(_LIST),
            output_schema=dict(_VIDEOS),
            annotations=looks,
        ),
        Tool(
            name="cancel_video",
            title="Cancel a video",
            description="Stop a video that is queued or in progress; it ends as failed with the code `cancelled`. A "
            "video that has ended stays as it is.",
            input_schema=_takes({"video_id": _ID}, "video_id"),
            output_schema=dict(_VIDEO),
            annotations=ToolAnnotations(
                read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
            ),
        ),
        Tool(
            name="list_models",
            title="List models",
            description="What this server can make videos with, the default first: tasks, sizes, lengths, and the "
            "fields that each model honours.",
            input_schema=_takes({}),
            output_schema=dict(_MODELS),
            annotations=looks,
        ),
    )


def _takes(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """The schema of a tool's arguments; nothing else is taken."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
