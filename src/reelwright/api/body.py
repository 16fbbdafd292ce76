"""Request bodies: JSON, forms and multipart become one shape, a mapping of field names to values.

JSON values keep their types; form values are strings, or a list of them for a repeated name with `[]`; files are
`Upload`s. A blank value in a form is an absent one: a browser sends what was left empty. Everything malformed is a
`BadRequest` that says what is wrong and where.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from reelwright.api.bodies import IncomingBody, reservation_of
from reelwright.api.escapes import percent_decoded
from reelwright.api.multipart import Part, boundary_of, read_parts
from reelwright.errors import BadRequest, Code

MAX_FIELDS = 200
MAX_NAME_CHARACTERS = 256
MAX_JSON_DEPTH = 64
MAX_JSON_COMMAS = 20_000
"""The most commas in a JSON body, counted before it is parsed. They bound its values: a small array takes twenty times
the memory of its text."""

PATIENCE_S = 12.0
SLOWEST_BYTES_PER_S = 20_000
"""A body may take `PATIENCE_S`, and longer only as long as it arrives at this rate."""

OFF_LOOP_BYTES = 64_000
"""A body that is longer is parsed by a thread, so that other requests are answered meanwhile."""

CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""The values of `Content-Encoding` that are unpacked (RFC 9110, 8.4.1), each as zlib names it."""
MAX_GZIP_MEMBERS = 1_000
_UNPACKED_AT_ONCE = 64 * 1024

MAX_BRACKETS = 8
_BRACKETED = re.compile(r"(?P<name>[^\[\]]+)(?P<keys>(?:\[[^\[\]]*\])+)")
_KEYS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file part. Its name and type are the client's word and are never trusted."""

    data: bytes
    name: str = ""
    media_type: str = ""

    def __repr__(self) -> str:
        return f"a file of {len(self.data):,} bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The fields of a request. `typed` tells whether values have JSON types or are all strings."""

    fields: Mapping[str, Any]
    typed: bool

    def digest(self) -> str:
        """The SHA-256 (hex) of what was asked, whatever the order of the fields."""
        text = json.dumps(self.fields, sort_keys=True, default=lambda file: hashlib.sha256(file.data).hexdigest())
        return hashlib.sha256(text.encode()).hexdigest()


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The raw body, unpacked where `Content-Encoding` says that it is packed.

    Raises `BadRequest`: `body_too_large` as soon as it is clear that it is longer than allowed, packed or unpacked,
    `body_too_slow`, `unsupported_media_type` for another coding, `malformed_body` for what cannot be unpacked. Raises
    `Busy` where there is no room for it beside the others (see `Bodies`).
    """
    coding = _content_coding(request)
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        _too_large(max_bytes)
    reservation = reservation_of(request)
    with IncomingBody(reservation) as incoming:
        try:
            async with asyncio.timeout(PATIENCE_S) as limit:
                begun = asyncio.get_running_loop().time()
                async for chunk in request.stream():
                    if incoming.size + len(chunk) > max_bytes:
                        _too_large(max_bytes)
                    await incoming.add(chunk)
                    limit.reschedule(begun + PATIENCE_S + incoming.size / SLOWEST_BYTES_PER_S)
        except TimeoutError:
            raise BadRequest(
                f"The request body came too slowly: {incoming.size:,} bytes", code=Code.BODY_TOO_SLOW
            ) from None
        except ClientDisconnect:
            raise BadRequest("The request body ended early", code=Code.MALFORMED_BODY) from None
        raw = await incoming.whole()
    if coding is None:
        return raw
    await reservation.load(max_bytes)
    return await run_in_threadpool(_unpack, raw, coding, max_bytes)


def _content_coding(request: Request) -> str | None:
    """The coding in which the body is compressed; None when it is not."""
    named = ",".join(request.headers.getlist("content-encoding"))
    codings = [coding for one in named.split(",") if (coding := one.strip().lower()) not in ("", "identity")]
    if not codings:
        return None
    if codings[1:] or codings[0] not in CODINGS:
        raise BadRequest(
            f"Unsupported Content-Encoding: {named[:100]!r}. Send the body as it is, or in gzip or deflate.",
            code=Code.UNSUPPORTED_MEDIA_TYPE,
        )
    return codings[0]


def _unpack(raw: bytes, coding: str, max_bytes: int) -> bytes:
    """Decompress a body in gzip (RFC 1952, one member or several) or deflate (RFC 1950)."""
    unpacked = bytearray()
    stream, members = zlib.decompressobj(CODINGS[coding]), 1
    for begin in range(0, len(raw), _UNPACKED_AT_ONCE):
        rest = raw[begin : begin + _UNPACKED_AT_ONCE]
        while rest:
            if stream.eof:
                stream, members = zlib.decompressobj(CODINGS[coding]), members + 1
            try:
                unpacked += stream.decompress(rest, max_bytes + 1 - len(unpacked))
            except zlib.error:
                _malformed(f"The body is not valid {coding}, as its Content-Encoding says")
            if len(unpacked) > max_bytes:
                _too_large(max_bytes)
            if members > MAX_GZIP_MEMBERS:
                _malformed(f"The body has more than {MAX_GZIP_MEMBERS:,} gzip members")
            rest = stream.unused_data
    if raw and not stream.eof:
        _malformed(f"The body in {coding} ends early")
    return bytes(unpacked)


async def parse_body(request: Request, max_bytes: int) -> Body:
    """The fields of a JSON, form or multipart body; an empty body has none."""
    content_type = request.headers.get("content-type", "")
    raw = await read_body(request, max_bytes)
    if len(raw) > OFF_LOOP_BYTES:
        return await run_in_threadpool(_parse, content_type, raw)
    return _parse(content_type, raw)


def _parse(content_type: str, raw: bytes) -> Body:
    media_type = content_type.partition(";")[0].strip().lower()
    match media_type:
        case "application/json":
            return Body(fields=parse_json_object(raw), typed=True)
        case "application/x-www-form-urlencoded":
            return Body(fields=_filled(_parse_urlencoded(raw)), typed=False)
        case "multipart/form-data":
            return Body(fields=_filled(_parse_multipart(content_type, raw)), typed=False)
        case "" if not raw:
            return Body(fields={}, typed=True)
        case _:
            sent = media_type[:100] or "none"
            raise BadRequest(
                f"Unsupported Content-Type: {sent!r}. Send application/json, application/x-www-form-urlencoded or "
                "multipart/form-data.",
                code=Code.UNSUPPORTED_MEDIA_TYPE,
            )


def parse_json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object as RFC 8259 has it: UTF-8, no NaN or Infinity, not too deep. An empty body is an empty object."""
    if not raw.strip(b" \t\r\n"):
        return {}
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        _malformed(f"The body is not valid UTF-8 at byte {error.start}")
    value = parse_json(text)
    if not isinstance(value, dict):
        _malformed(f"The body must be a JSON object, not {_json_kind(value)}")
    return value


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises `BadRequest` (`malformed_body`) for NaN and Infinity, and for too much of it."""
    if text.count(",") > MAX_JSON_COMMAS:
        _malformed(f"The JSON has more than {MAX_JSON_COMMAS:,} values")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        _malformed(f"Malformed JSON: {error.msg} at line {error.lineno} column {error.colno}")
    except RecursionError:
        _too_deep()
    except ValueError:
        _malformed("Malformed JSON: a number is too long")
    _check_depth(value)
    return value


def unbracket(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Form keys with brackets as objects and lists: `a[b]=1` → {"a": {"b": 1}}, `l[]=1` and `l[0]=1` → {"l": [1]}.

    That is how the OpenAI clients flatten nested values. An object whose keys are 0 … n-1 becomes a list. A repeated
    `l[][n]` belongs to the first element that has no `n` yet, as the clients' own service reads it.
    """
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        match = _BRACKETED.fullmatch(name)
        if match is None:
            _add(tree, name, value)
            continue
        path = [match["name"], *_KEYS.findall(match["keys"])]
        if len(path) > MAX_BRACKETS:
            _malformed(f"Malformed form: {name[:80]!r} is nested deeper than {MAX_BRACKETS} levels")
        for one in value if isinstance(value, list) else [value]:
            _put(tree, path, one, name)
    return {name: _listed(value) for name, value in tree.items()}


def _put(tree: dict[str, Any], path: list[str], value: object, name: str) -> None:
    node: dict[str, Any] = tree
    for depth, key in enumerate(path[:-1], 1):
        node = node.setdefault(key or _element(node, path[depth:]), {})
        if not isinstance(node, dict):
            raise BadRequest(f"Invalid {name[:100]}: it was sent both with and without brackets.", field=name[:100])
    last = path[-1] or str(len(node))
    if last in node:
        raise BadRequest(f"Invalid {name[:100]}: it was sent more than once. Send it once.", field=name[:100])
    node[last] = value


def _element(elements: dict[str, Any], path: list[str]) -> str:
    """The key of the first element that has no value at `path` yet."""
    return next((key for key, element in elements.items() if _is_free(element, path)), str(len(elements)))


def _is_free(node: object, path: list[str]) -> bool:
    if not isinstance(node, dict):
        return False
    key, *rest = path
    return key == "" or key not in node or (rest != [] and _is_free(node[key], rest))


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    values = {key: _listed(inner) for key, inner in value.items()}
    if values and list(values) == [str(number) for number in range(len(values))]:
        return list(values.values())
    return values


def _parse_urlencoded(raw: bytes) -> dict[str, Any]:
    """https://url.spec.whatwg.org/#concept-urlencoded-parser. Clients that do not escape (curl -d) send UTF-8 as it
    is."""
    if raw.count(b"&") >= MAX_FIELDS:
        _malformed(f"Malformed form: more than {MAX_FIELDS} fields")
    fields: dict[str, Any] = {}
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            _add(fields, _form_text(name), _form_text(value))
    return fields


def _form_text(written: bytes) -> str:
    try:
        return percent_decoded(written.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        _malformed(f"Malformed form: invalid UTF-8 at byte {error.start}")


def _parse_multipart(content_type: str, raw: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    try:
        for part in read_parts(raw, boundary_of(content_type), MAX_FIELDS):
            if part.is_file and not part.file_name and not part.data:
                continue  # what a browser sends for a file field in which nothing was chosen
            name = _text(part.name or b"", "a field's name")
            _add(fields, name, _upload(part) if part.is_file else _text(part.data, "a field's value"))
    except ValueError as error:
        _malformed(f"Malformed multipart form: {error}")
    return fields


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    """A form's fields without the blank ones. A blank prompt stays: it is an error of its own."""
    return {name: value for name, value in fields.items() if value != "" or name == "prompt"}


def _upload(part: Part) -> Upload:
    name, media_type = part.file_name or b"", part.content_type
    return Upload(data=part.data, name=name.decode("utf-8", "replace"), media_type=media_type.decode("latin-1"))


def _add(fields: dict[str, Any], name: str, value: object) -> None:
    if len(name) > MAX_NAME_CHARACTERS:
        _malformed(f"Malformed form: a field's name has more than {MAX_NAME_CHARACTERS} characters")
    if name in fields and "[]" in name:
        earlier = fields[name]
        fields[name] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        return
    if name in fields:
        raise BadRequest(f"Invalid {name[:100]}: it was sent more than once. Send it once.", field=name[:100])
    if len(fields) >= MAX_FIELDS:
        _malformed(f"Malformed form: more than {MAX_FIELDS} fields")
    fields[name] = value


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        _malformed(f"Malformed multipart form: {what} is not valid UTF-8")


def _check_depth(value: object) -> None:
    """Raises `BadRequest` for a value that is nested too deeply. Works level by level, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_JSON_DEPTH):
        inner = [item for node in level for item in (node.values() if isinstance(node, dict) else node)]
        level = [item for item in inner if isinstance(item, dict | list)]
    if level:
        _too_deep()


def _too_deep() -> NoReturn:
    _malformed(f"The JSON is nested deeper than {MAX_JSON_DEPTH} levels")


def _refuse_constant(name: str) -> NoReturn:
    _malformed(f"Malformed JSON: {name} is not a JSON number")


def _json_kind(value: object) -> str:
    kinds = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


def _malformed(message: str) -> NoReturn:
    raise BadRequest(message, code=Code.MALFORMED_BODY)


def _too_large(max_bytes: int) -> NoReturn:
    raise BadRequest(
        f"The request body is too large. At most {max_bytes / 1e6:g} MB are allowed.", code=Code.BODY_TOO_LARGE
    )
