"""Multipart forms (RFC 7578): the parts of a body, in order."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PART_HEADERS = 16
_DECODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"": bytes,
    b"7bit": bytes,
    b"8bit": bytes,
    b"binary": bytes,
    b"base64": binascii.a2b_base64,
    b"quoted-printable": binascii.a2b_qp,
}


@dataclass(slots=True, kw_only=True)
class Part:
    """One part. `file_name` is None where the part has none; its content type is in lower case, without parameters."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: bytes | None = None
    file_name: bytes | None = None
    content_type: bytes = b""
    data: bytes = b""

    @property
    def is_file(self) -> bool:
        """A part with a file name, and a picture without one: some clients leave it out."""
        return self.file_name is not None or self.content_type.startswith(b"image/")


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names, or empty."""
    return parse_options_header(content_type)[1].get(b"boundary", b"")


def read_parts(body: bytes, boundary: bytes, most: int) -> Iterator[Part]:
    """The parts of the body. Text before the first boundary and after the last is none (RFC 2046, section 5.1.1).

    Raises ValueError that completes "Malformed multipart form: …", also as soon as there are more parts than `most`.
    """
    if not boundary:
        raise ValueError("the Content-Type names no boundary")
    delimiter = b"--" + boundary
    start = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    if start == 1:
        raise ValueError("the closing boundary is missing")
    collector = _Collector(most)
    try:
        MultipartParser(boundary, collector.callbacks(), max_header_count=MAX_PART_HEADERS).write(body[start:])
    except FormParserError as error:
        raise ValueError(str(error)) from None
    if not collector.ended:
        raise ValueError("the closing boundary is missing")
    yield from collector.parts


class _Collector:
    """Collects what the parser finds: its callbacks."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.parts: list[Part] = []
        self.ended = False
        self._name = self._value = b""
        self._data = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._piece,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        if len(self.parts) == self._most:
            raise FormParserError(f"more than {self._most} fields")
        self.parts.append(Part())
        self._data = bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self.parts[-1].headers.setdefault(self._name.lower(), self._value)
        self._name = self._value = b""

    def _headers_end(self) -> None:
        part = self.parts[-1]
        _, options = parse_options_header(part.headers.get(b"content-disposition", b""))
        part.name, part.file_name = options.get(b"name"), options.get(b"filename")
        part.content_type = part.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()

    def _piece(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _end(self) -> None:
        part = self.parts[-1]
        if part.name is None:
            raise FormParserError("a part has no name")
        encoding = part.headers.get(b"content-transfer-encoding", b"").strip().lower()
        if encoding not in _DECODERS:
            raise FormParserError(f"unknown Content-Transfer-Encoding {encoding.decode('latin-1')[:40]!r}")
        try:
            part.data = _DECODERS[encoding](bytes(self._data))
        except binascii.Error:
            raise FormParserError(f"a part's {encoding.decode()} is damaged") from None

    def _finish(self) -> None:
        self.ended = True
