"""A file under way: it appears under its name only when it is complete."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Self


class Part:
    """Writes `.NAME.xxxx.part` beside `path`; leaving the `with` block renames it, an error removes it."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.part")

    def __enter__(self) -> Self:
        self._file = self._part.open("xb")
        return self

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
