"""A request is checked against the model's card in this process, before a server is started for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.cli.connection import Failed, Refused
from reelwright.video import Image

_UNSEEN = Image(sha256="", media_type="", width=1, height=1)
"""Stands for a picture that only the server will open: what counts here is that there is one."""


def check(prompt: str, fields: Mapping[str, Any]) -> None:
    """`fields` as `Client.generate` takes them. Raises `Refused` as the server would, `Failed` where no engine works.

    Raises `ConfigurationError` for settings that no server starts with. Of an input picture only its existence is
    checked."""
    from reelwright.api.fields import read_fields, to_draft
    from reelwright.errors import BadRequest, EngineError
    from reelwright.offers import offered
    from reelwright.settings import load_settings

    pictures = {name: fields.get(name) for name in ("image", "last_image")}
    for image in pictures.values():
        if image is not None and not image.lower().startswith(("data:", "http://", "https://")):
            _look_at(image)
    catalog = offered(load_settings(engine=fields.get("engine")), gpus=False)
    plain = {name: value for name, value in fields.items() if name not in pictures}
    try:
        read = read_fields({"prompt": prompt, **plain}, typed=True)
        first, last = (_UNSEEN if image else None for image in pictures.values())
        catalog.resolve(to_draft(read, first, {}, last))
    except BadRequest as error:
        raise Refused(error.message) from None
    except EngineError as error:
        raise Failed(error.message) from None


def _look_at(image: str) -> None:
    try:
        with Path(image).open("rb"):
            pass
    except OSError as error:
        raise Refused(f"Cannot read the image {image}: {error.strerror}.") from None
