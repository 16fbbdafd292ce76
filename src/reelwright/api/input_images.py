"""Input images: from a file part, a data URI, bare base64 or a URL to a checked, decoded and stored `Image`."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.api.body import Upload
from reelwright.api.escapes import percent_decoded
from reelwright.api.picture_decoder import PictureDecoder
from reelwright.errors import invalid
from reelwright.media import images
from reelwright.media.image_headers import media_type_of
from reelwright.outbound import Outbound
from reelwright.store.files import Files
from reelwright.video import Image

_WHITE = " \t\n\f\r"
"""White space as the WHATWG's standards have it (ASCII whitespace)."""
_ALLOWED = "Send a PNG, JPEG or WebP file, its base64 (best as a data URI) or an https URL."


def holds_picture(text: str) -> bool:
    """Whether a string is a picture and not words: a data URI of one, or base64 that begins as a PNG, JPEG or WebP."""
    head = text[:200].lstrip(_WHITE)
    if head[: len("data:image/")].lower() == "data:image/":
        return True
    try:
        begins = base64.b64decode(head[:24], validate=True)
    except (binascii.Error, ValueError):
        return False
    return media_type_of(begins) is not None


class InputImages:
    """Checks the header of an input image, has its pixels decoded in another process, and stores the decoded image."""

    def __init__(self, files: Files, outbound: Outbound) -> None:
        self._files = files
        self._outbound = outbound
        self._decoder = PictureDecoder()

    async def store(self, value: object, field: str = "image") -> Image | None:
        """Decode and store the image that `value` is or names. Returns it; None for None.

        Raises `BadRequest` that names the field and what is wrong.
        """
        match value:
            case None:
                return None
            case Upload(data=data):
                pass
            case str():
                data = await self._read(value.strip(_WHITE), field)
            case _:
                raise invalid(field, value, _ALLOWED)
        await asyncio.to_thread(images.check_image, data, field=field)
        decoded = await self._decoder.decode(data, field)
        return await asyncio.to_thread(self._keep, decoded)

    async def store_last_frame(self, path: Path, field: str) -> tuple[Mapping[str, Any], Image]:
        """Store the last frame of the video at `path`. Returns the video's facts (see `PictureDecoder.last_frame`) and
        the image."""
        found, picture = await self._decoder.last_frame(path, field)
        return found, await asyncio.to_thread(self._keep, picture)

    async def _read(self, text: str, field: str) -> bytes:
        """The bytes that a string names or holds."""
        scheme = text[:8].lower()
        if scheme.startswith("data:"):
            return await asyncio.to_thread(_decode_data_uri, text, field)
        if scheme.startswith(("https://", "http://")):
            return await self._outbound.fetch_image(text, max_bytes=images.MAX_BYTES, field=field)
        if holds_picture(text):
            return await asyncio.to_thread(_decode_base64, text.encode(errors="replace"), text, field)
        raise invalid(field, text, _ALLOWED)

    def _keep(self, data: bytes) -> Image:
        image = images.check_image(data, max_bytes=None)
        self._files.keep_image(data)
        return image


def _decode_data_uri(uri: str, field: str) -> bytes:
    """The body of a data: URL, as https://fetch.spec.whatwg.org/#data-url-processor reads it.

    `uri` without white space around it; its declared type is not looked at.
    """
    url = uri.replace("\t", "").replace("\n", "").replace("\r", "").partition("#")[0]
    kind, comma, body = url[len("data:") :].partition(",")
    if not comma:
        raise invalid(field, uri, "A data URI must have a comma before its data: data:image/png;base64,…")
    data = percent_decoded(body.encode(errors="replace"))
    kind = kind.strip(_WHITE)
    packed = kind[-len("base64") :].lower() == "base64" and kind[: -len("base64")].rstrip(" ").endswith(";")
    return _decode_base64(data, uri, field) if packed else data


def _decode_base64(text: bytes, shown: str, field: str) -> bytes:
    """White space and no padding are fine (https://infra.spec.whatwg.org/#forgiving-base64-decode)."""
    packed = text.translate(None, _WHITE.encode())
    if len(packed) % 4 == 0:
        packed = packed[:-2] + packed[-2:].rstrip(b"=")
    try:
        return binascii.a2b_base64(packed + b"=" * (-len(packed) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        remedy = "Its base64 is damaged: only A–Z, a–z, 0–9, + and / may be in it, padded with =."
        raise invalid(field, shown, remedy) from None
