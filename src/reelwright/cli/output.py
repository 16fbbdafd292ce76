"""Where a video is written: a name that fits, and never over a file that is there already unless told so."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.cli.connection import Refused

if TYPE_CHECKING:
    from reelwright.client import Variant

_NAME_LENGTH = 60
_VARIANTS: Mapping[str, Variant] = {".mp4": "video", ".gif": "gif", ".webm": "webm", ".webp": "webp"}


def chosen_path(given: Path | None, name: str, *, force: bool) -> Path:
    """The file to write. Without `given`, or when it is a folder, `name` becomes the file's name, made unique.

    Raises `Refused` when the file exists and `force` is not set, when it cannot be written there, or when its ending is
    none of the formats.
    """
    if given is None or given.is_dir():
        path = _unused(given or Path(), _slug(name))
    elif given.exists() and not force:
        raise Refused(f"{given} exists. Add --force to replace it, or choose another name with -o.")
    else:
        path = given
    if path.suffix.lower() not in _VARIANTS:
        raise Refused(f"{path} does not end in {', '.join(_VARIANTS)}. Choose the format by the name's ending.")
    if not path.parent.is_dir():
        raise Refused(f"There is no folder {path.parent} to write {path.name} to.")
    if not os.access(path.parent, os.W_OK):
        raise Refused(f"The folder {path.parent} cannot be written to.")
    return path


def variant_of(path: Path) -> Variant:
    """The format that the name's ending asks for. `path` comes from `chosen_path`."""
    return _VARIANTS[path.suffix.lower()]


def _slug(name: str) -> str:
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
