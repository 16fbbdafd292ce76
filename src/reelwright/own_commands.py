"""Rewrites commands in a message so that they work when they are typed as they stand, in this environment."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

_PIP = re.compile(r"(?<![\w/.-])pip install")
_OWN = re.compile(r"(?:(?<=`)|(?<=: ))reelwright (?=[a-z])")


def as_typed(text: str) -> str:
    """The text with `pip` and `reelwright` replaced by their paths, unless the shell's PATH leads to those of this
    environment."""
    folder = Path(sys.executable).parent
    found = shutil.which("reelwright")
    if found is not None and Path(found).parent == folder:
        return text
    shown = _shortest(folder)
    return _OWN.sub(f"{shown}/reelwright ", _PIP.sub(f"{shown}/python -m pip install", text))


def _shortest(folder: Path) -> str:
    """The path relative to the working directory when it lies below it, else the whole path."""
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else relative
