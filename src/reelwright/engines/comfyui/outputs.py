"""Finds the file of a finished job that is the video, and reads pictures that have to become one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reelwright.engines.upstream.outcomes import bad_output

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv"})
MOVING = frozenset({".gif", ".webp", ".apng"})
"""Suffixes of animated pictures."""
STILLS = frozenset({".png", ".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The files that make up the video: one, or one for each frame. Each is as the history names it."""

    items: tuple[Mapping[str, Any], ...]
    video: bool
    """True for a video file, False for pictures."""


def success(entry: Mapping[str, Any]) -> bool:
    status = entry.get("status")
    if not isinstance(status, dict):  # some versions leave it out
        return bool(entry.get("outputs"))
    return status.get("status_str") == "success" or bool(status.get("completed"))


def interrupted(entry: Mapping[str, Any]) -> bool:
    """Whether somebody ended the job."""
    status = entry.get("status")
    messages = status.get("messages") if isinstance(status, dict) else None
    return any(isinstance(told, list) and told and told[0] == "execution_interrupted" for told in messages or ())


def find(entry: Mapping[str, Any], node: str) -> Output:
    """The output of that node. Raises `UpstreamError` (bad_output) where there is none.

    A node names its files under keys of its own (`images`, `gifs`, `video`), so every list is read. Files in the output
    folder come before temporary ones; of several videos the last is the whole one.
    """
    outputs = entry.get("outputs")
    told = outputs.get(node) if isinstance(outputs, dict) else None
    items = list(_files(told))
    if isinstance(told, dict) and told.get("unfinished_batch"):
        raise bad_output("the workflow renders in batches (meta_batch), which cannot be followed")
    if not items:
        raise bad_output("the workflow's output node names no file")
    kept = [item for item in items if item.get("type") == "output"] or items
    videos = [item for item in kept if _ending(item) in VIDEOS]
    if videos:
        return Output(items=(videos[-1],), video=True)
    moving = [item for item in kept if _ending(item) in MOVING]
    if moving and (len(kept) == 1 or _ending(moving[-1]) == ".gif"):
        return Output(items=(moving[-1],), video=False)
    stills = tuple(item for item in kept if _ending(item) in STILLS)
    if stills:
        return Output(items=stills, video=False)
    names = ", ".join(sorted({_ending(item) or str(item["filename"])[:40] for item in kept}))
    raise bad_output(f"the output is {names}; let the workflow end in SaveVideo")


def _files(told: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(told, dict):
        return
    for listed in told.values():
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and isinstance(item.get("filename"), str):
                yield item


def _ending(item: Mapping[str, Any]) -> str:
    return PurePosixPath(item["filename"]).suffix.lower()


def media_name(item: Mapping[str, Any], number: int) -> str:
    """A safe name for a downloaded file: the name that ComfyUI gives may be anything."""
    return f"part-{number:05d}{_ending(item)}"


def pictures_of(paths: Sequence[Path]) -> Iterator[Any]:
    """The frames of these pictures as arrays of shape (height, width, 3), uint8, sRGB; moving ones have several.

    Raises `UpstreamError` (bad_output) for a file that is no picture.
    """
    import numpy as np
    from PIL import Image, ImageSequence

    for path in paths:
        try:
            with Image.open(path, formats=("GIF", "WEBP", "PNG", "JPEG")) as picture:
                for frame in ImageSequence.Iterator(picture):
                    yield np.asarray(frame.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise bad_output(f"a picture of it cannot be read ({type(error).__name__})") from error
