"""A finished file on its way to the client: headers, ETag, ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from reelwright.video import Video

CHUNK_BYTES = 256 * 1024


def video_headers(video: Video) -> dict[str, str]:
    """What a client may want to know about the file, in headers."""
    assert video.file is not None
    return {
        "ETag": f'"{video.file.sha256[:32]}"',
        "X-Video-Id": video.id,
        "X-Seed": str(video.request.seed),
        "X-Engine": video.request.engine,
        "X-Video-Size": f"{video.file.size / 1024 / 1024:.2f}MB",
        "X-Generation-Time": f"{video.generation_seconds or 0:.2f}s",
    }


def send_file(
    request: Request, path: Path, media_type: str, headers: Mapping[str, str], filename: str | None = None
) -> Response:
    """The file with Range support, or 304 when the client has this very version (`If-None-Match`, RFC 9110)."""
    wanted = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if request.method in ("GET", "HEAD") and (headers["ETag"] in wanted or "*" in wanted):
        return Response(status_code=304, headers=dict(headers))
    response = FileResponse(path, media_type=media_type, headers=dict(headers), filename=filename)
    response.chunk_size = CHUNK_BYTES
    return response


def variant_etag(video: Video, variant: str) -> str:
    """An ETag for something made from the finished file."""
    assert video.file is not None
    return f'"{hashlib.sha256(f"{video.file.sha256}/{variant}".encode()).hexdigest()[:32]}"'
