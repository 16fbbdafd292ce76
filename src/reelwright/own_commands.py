"""Commands in a message, as they work when they are typed where this program runs."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

_PIP = re.compile(r"(?<![\w/.-])pip install")
_OWN = re.compile(r"(?:(?<=`)|(?<=: ))reelwright (?=[a-z])")


def as_typed(text: str) -> str:
    """The text with `pip` and `reelwright` by their places, unless the shell finds this environment's by itself."""
    folder = Path(sys.executable).parent
    found = shutil.which("reelwright")
    if found is not None and Path(found).parent == folder:
        return text
    shown = _shortest(folder)
    return _OWN.sub(f"{shown}/reelwright ", _PIP.sub(f"{shown}/python -m pip install", text))


def _shortest(folder: Path) -> str:
    """Seen from the working directory, if it lies there."""
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else relative
