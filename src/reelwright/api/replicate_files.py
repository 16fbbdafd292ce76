"""Replicate's files (https://replicate.com/docs/reference/http#files.create): pictures that clients upload beforehand.

By default Replicate's clients send a picture with `POST /v1/files`, and then use the address in the answer (`urls.get`)
as the `image` of a prediction. The server never fetches such an address: whatever its host is, its path names a file
that the same owner has uploaded here.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelwright.api.addresses import base_url
from reelwright.api.body import Upload, parse_body, parse_json
from reelwright.api.vocabulary import unknown_fields
from reelwright.clock import iso_milliseconds
from reelwright.engines.catalog import check_text
from reelwright.errors import BadRequest, NotFound, invalid
from reelwright.ids import FILE_ID
from reelwright.jobs.uploading import Uploading
from reelwright.media import images
from reelwright.store.uploads import Uploaded

MAX_METADATA_CHARACTERS = 4_096
MAX_NAME_CHARACTERS = 255
MAX_ADDRESS_CHARACTERS = 2_048
_FIELDS = frozenset({"content", "filename", "type", "metadata"})
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)
_UNKNOWN_TYPE = "application/octet-stream"
_OWN_ADDRESS = re.compile(rf"(?:/.*)?/v1/files/({FILE_ID})(?:/download)?/?")


class FileCalls:
    """Answers requests about files, and finds the file that an address names."""

    def __init__(self, *, uploads: Uploading, max_body_bytes: int) -> None:
        self._uploads = uploads
        self._max_body_bytes = max_body_bytes

    async def create(self, request: Request) -> Response:
        """Store a file of any kind for 24 hours: multipart `content`, and `filename`, `type`, `metadata` (JSON)."""
        fields = (await parse_body(request, self._max_body_bytes)).fields
        if unknown := [name for name in fields if name not in _FIELDS]:
            raise unknown_fields(unknown, _FIELDS)
        content = fields.get("content")
        if not isinstance(content, Upload):
            raise BadRequest("The file is missing: send it as the part content of a multipart form.", field="content")
        uploaded = await self._uploads.keep(
            request.state.caller,
            content.data,
            name=_name(_text(fields, "filename") or content.name),
            media_type=_media_type(_text(fields, "type") or content.media_type),
            metadata=_metadata(fields),
        )
        return JSONResponse(_object(uploaded, base_url(request)), 201)

    async def list(self, request: Request) -> Response:
        """The caller's files, newest first; there are never so many that they need pages."""
        found = await self._uploads.list(request.state.owner)
        results = [_object(uploaded, base_url(request)) for uploaded in found]
        return JSONResponse({"previous": None, "next": None, "results": results})

    async def get(self, request: Request, file_id: str) -> Response:
        """The facts of a file."""
        uploaded = await self._uploads.get(request.state.owner, file_id)
        if uploaded is None:
            raise _missing()
        return JSONResponse(_object(uploaded, base_url(request)))

    async def download(self, request: Request, file_id: str) -> Response:
        """The file's bytes. A browser saves them and never shows them, whatever their media type is."""
        data = await self._uploads.read(request.state.owner, file_id)
        if data is None:
            raise _missing()
        headers = {
            "Content-Disposition": f'attachment; filename="{file_id}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private",
        }
        return Response(data, media_type=await asyncio.to_thread(_seen_type, data), headers=headers)

    async def delete(self, request: Request, file_id: str) -> Response:
        """Remove a file; videos that were asked for with it keep their picture."""
        if not await self._uploads.delete(request.state.caller, file_id):
            raise _missing()
        return Response(status_code=204)

    async def resolve(self, owner: str, value: object, field: str) -> object:
        """The uploaded file, if `value` is the address of one; any other value as it is.

        Raises `BadRequest` that names `field` when this owner has no such file, or no longer.
        """
        match = _OWN_ADDRESS.fullmatch(_path(value)) if isinstance(value, str) else None
        if match is None:
            return value
        data = await self._uploads.read(owner, match[1])
        if data is None:
            raise invalid(field, value, "There is no such file. Files are kept for 24 hours: send it again.")
        return Upload(data=data)


def files_router(calls: FileCalls) -> APIRouter:
    router = APIRouter(tags=["replicate"])
    router.add_api_route("/v1/files", calls.create, methods=["POST"])
    router.add_api_route("/v1/files", calls.list, methods=["GET"])
    router.add_api_route("/v1/files/{file_id}", calls.get, methods=["GET"])
    router.add_api_route("/v1/files/{file_id}", calls.delete, methods=["DELETE"])
    router.add_api_route("/v1/files/{file_id}/download", calls.download, methods=["GET"])
    return router


def _object(uploaded: Uploaded, base_url: str) -> dict[str, Any]:
    return {
        "id": uploaded.id,
        "name": uploaded.name,
        "content_type": uploaded.media_type,
        "size": uploaded.size,
        "etag": uploaded.sha256,
        "checksums": {"sha256": uploaded.sha256},
        "metadata": dict(uploaded.metadata),
        "created_at": iso_milliseconds(uploaded.created_at),
        "expires_at": iso_milliseconds(uploaded.expires_at),
        "urls": {"get": f"{base_url}v1/files/{uploaded.id}"},
    }


def _path(address: str) -> str:
    """The path of an http or https URL, "" for anything else.

    `urlsplit` caches its arguments, so it must not be given a data URI, which may have many MB.
    """
    address = address.strip() if len(address) <= MAX_ADDRESS_CHARACTERS else ""
    if not address.lower().startswith(("http://", "https://")):
        return ""
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _text(fields: Any, name: str) -> str:
    """The text of a part of the form. Some clients send such a part as a file."""
    value = fields.get(name, "")
    if isinstance(value, Upload):
        value = value.data.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise invalid(name, value, "Must be a string.")
    return value


def _name(name: str) -> str:
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(character for character in last if character.isprintable())[:MAX_NAME_CHARACTERS] or "file"


def _media_type(value: str) -> str:
    essence = value.partition(";")[0].strip().lower()
    return essence if _MEDIA_TYPE.fullmatch(essence) else _UNKNOWN_TYPE


def _metadata(fields: Any) -> dict[str, Any]:
    value = fields.get("metadata")
    if isinstance(value, str | Upload):
        text = _text(fields, "metadata")
        value = parse_json(text) if text.strip() else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("metadata", value, "Must be a JSON object.")
    check_text("metadata", json.dumps(value, ensure_ascii=False), MAX_METADATA_CHARACTERS)
    return value


def _seen_type(data: bytes) -> str:
    """The media type of a picture, by its bytes; `_UNKNOWN_TYPE` for everything else."""
    try:
        return images.check_image(data, max_bytes=len(data)).media_type
    except BadRequest:
        return _UNKNOWN_TYPE


def _missing() -> NotFound:
    return NotFound("There is no file with this id", field="id")
