"""What a program with LiteLLM's SDK does. Arguments: the server's address with /v1, a picture. Prints what it saw."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import litellm

base, picture = sys.argv[1:]
there = {"api_base": base, "api_key": "any"}
TOY = {"size": "64x64", "seconds": "1"}


def ended(video_id: str) -> str:
    while (video := litellm.video_status(video_id=video_id, **there)).status in ("queued", "in_progress"):
        time.sleep(0.1)
    return str(video.status)


made = litellm.video_generation(model="openai/toy", prompt="paint", user="ann", **TOY, **there)
status = ended(made.id)
content = litellm.video_content(video_id=made.id, **there)
retired = litellm.video_generation(model="openai/sora-2", prompt="sea", **TOY, **there)
with Path(picture).open("rb") as file:
    moved = litellm.video_generation(model="openai/toy", prompt="paint", input_reference=file, **TOY, **there)
remixed = litellm.video_remix(video_id=made.id, prompt="repaint", **there)
listed = litellm.video_list(custom_llm_provider="openai", **there)
try:
    litellm.video_generation(model="openai/unheard-of", prompt="paint", **there)
    refused = ""
except litellm.NotFoundError as error:
    refused = str(error)
sys.stdout.write(
    json.dumps(
        {
            "status": status,
            "content": content[:12].decode("latin-1"),
            "retired": ended(retired.id),
            "moved": ended(moved.id),
            "remixed": ended(remixed.id),
            "listed": len(listed["data"]),
            "refused": refused,
        }
    )
)
