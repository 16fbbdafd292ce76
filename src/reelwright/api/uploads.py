"""Input images: from a file part, a data URI or an https URL to a checked, stored `Image`."""

from __future__ import annotations

import asyncio
import binascii

from reelwright.api.body import Upload
from reelwright.errors import invalid
from reelwright.media import images
from reelwright.outbound import Outbound
from reelwright.store.files import Files
from reelwright.video import Image


class Intake:
    """Takes input images in. Only the header is looked at here; pixels are decoded in an engine's child process."""

    def __init__(self, files: Files, outbound: Outbound, max_bytes: int) -> None:
        self._files = files
        self._outbound = outbound
        self._max_bytes = max_bytes

    async def take(self, value: object, field: str = "image") -> Image | None:
        """The stored image, None for None. Raises `BadRequest` that names the field and what is wrong."""
        match value:
            case None:
                return None
            case Upload(data=data):
                pass
            case str() if value.startswith("data:"):
                data = await asyncio.to_thread(_decode_data_uri, value, field)
            case str() if value.startswith(("https://", "http://")):
                data = await self._outbound.fetch_image(value, max_bytes=self._max_bytes, field=field)
            case _:
                raise invalid(field, value, "Send a PNG, JPEG or WebP file, a base64 data URI or an https URL.")
        return await asyncio.to_thread(self._check_and_keep, data, field)

    def _check_and_keep(self, data: bytes, field: str) -> Image:
        image = images.check_image(data, max_bytes=self._max_bytes, field=field)
        self._files.keep_image(data)
        return image


def _decode_data_uri(uri: str, field: str) -> bytes:
    kind, comma, data = uri.partition(",")
    if not comma or not kind.endswith(";base64"):
        raise invalid(field, uri, "A data URI must be data:image/…;base64,…")
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError):
        raise invalid(field, uri, "Its base64 is damaged.") from None
