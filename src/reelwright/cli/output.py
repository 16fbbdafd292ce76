"""Where a video is written: a name that fits, and never over a file that is there already unless told so."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.cli.connection import Failed, Refused

if TYPE_CHECKING:
    from reelwright.client import Video

_NAME_LENGTH = 60


def chosen_path(given: Path | None, name: str, *, force: bool) -> Path:
    """The file to write. Without `given`, or when it is a folder, `name` becomes the file's name, made unique.

    Raises `Refused` when the file exists and `force` is not set, when it cannot be written there, or when its ending is
    none of the formats.
    """
    from reelwright.client.facts import BY_SUFFIX

    path = _file(given and _at_home(given), name, force=force)
    if path.suffix.lower() not in BY_SUFFIX:
        raise Refused(f"{path} does not end in {', '.join(BY_SUFFIX)}. Choose the format by the name's ending.")
    if not path.parent.is_dir():
        raise Refused(f"There is no folder {path.parent} to write {path.name} to.")
    if not os.access(path.parent, os.W_OK):
        raise Refused(f"The folder {path.parent} cannot be written to.")
    return path


def save(video: Video, path: Path) -> None:
    """Write the video in the format of the name's ending. Raises `Failed` when the file cannot be written."""
    try:
        video.save(path)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}. The video stays on the server.") from None


def _file(given: Path | None, name: str, *, force: bool) -> Path:
    try:
        if given is None or given.is_dir():
            return _unused(given or Path(), slug(name))
        if given.exists() and not force:
            raise Refused(f"{given} exists. Add --force to replace it, or choose another name with -o.")
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise Refused(f"{given} cannot be written: {error.strerror}.") from None
    return given


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise Refused(f"{path} begins with the home of a user who is not known here.") from None


def slug(name: str) -> str:
    """The name's letters and digits, joined by hyphens, cut between words."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", name).lower().replace("_", "-"))
    slug = "-".join(words)
    if len(slug) > _NAME_LENGTH:
        slug = slug[: _NAME_LENGTH + 1].rpartition("-")[0] or slug[:_NAME_LENGTH]
    # A name is at most 255 bytes long on common file systems, whatever the script.
    return slug.encode()[:200].decode(errors="ignore") or "video"


def _unused(folder: Path, slug: str) -> Path:
    names = itertools.chain([f"{slug}.mp4"], (f"{slug}-{number}.mp4" for number in itertools.count(2)))
    return next(path for path in (folder / name for name in names) if not path.exists())
