"""Pictures from this machine's files, for an assistant that runs here.

Only a picture is read, so that an assistant that was talked into it cannot send any other file to the server.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from reelwright.client.wire import picture_type

MAX_BYTES = 11_900_000
"""A larger one does not fit into a body of JSON of 16 MB, in which it goes as base64."""


class LocalImageProblem(Exception):
    """Why a file is not taken."""


def local_image(name: str) -> bytes:
    """The bytes of a PNG, JPEG or WebP file, named by its path (`~` is the home folder) or a `file:` URL.

    Raises `LocalImageProblem`.
    """
    path = _path(name)
    try:
        if not path.is_file():
            raise LocalImageProblem(f"there is no file {path}. Pass the full path of a PNG, JPEG or WebP file.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise LocalImageProblem(f"the file {path} cannot be read ({error.strerror}).") from None
    if picture_type(data) is None:
        raise LocalImageProblem(f"the file {path} is not a PNG, JPEG or WebP picture.")
    if len(data) > MAX_BYTES:
        raise LocalImageProblem(f"the file {path} is larger than {MAX_BYTES / 1e6:g} MB. Scale it down.")
    return data


def _path(name: str) -> Path:
    try:
        if name.lower().startswith("file:"):
            return Path(unquote(urlsplit(name).path))
        return Path(name).expanduser()
    except (RuntimeError, ValueError) as error:  # no such user's home; not a URL
        raise LocalImageProblem(f"{name[:200]!r} is not a path ({error}).") from None
