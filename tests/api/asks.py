"""What the tests of the API ask for: small videos of the toy engine, a small picture, and a look into the database."""

from __future__ import annotations

import http.client
import io
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import PIL.Image

from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.encode import encode_mp4
from tests.databases import run_sql
from tests.servers import ServerProcess

PATH = "/api/video/generate"
SMALL: dict[str, Any] = {"engine": "toy", "width": 64, "height": 64, "num_frames": 4}


def generate(client: httpx2.Client, prompt: str, **fields: Any) -> httpx2.Response:
    """The answer to a small request in JSON; a field that is None is left out."""
    body = {"prompt": prompt, **SMALL, **fields}
    return client.post(PATH, json={name: value for name, value in body.items() if value is not None})


def send(client: httpx2.Client, body: bytes, content_type: str = "application/json", **headers: str) -> httpx2.Response:
    """The answer to a body as it stands."""
    return client.post(PATH, content=body, headers={"Content-Type": content_type, **headers})


def count(server: ServerProcess) -> int:
    """How many videos there are."""
    return int(run_sql(server, "SELECT count(*) FROM videos")[0][0])


@contextmanager
def nothing_is_stored(server: ServerProcess) -> Iterator[None]:
    """Inside the block no video and no idempotency key is added. The janitor may take away what has ended."""

    def stored() -> set[tuple[str, ...]]:
        return {
            *run_sql(server, "SELECT 'video', id FROM videos"),
            *run_sql(server, "SELECT 'key', owner, key FROM idempotency_keys"),
        }

    before = stored()
    yield
    assert stored() - before == set()


def read_answer(connection: socket.socket) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of the answer on a raw socket."""
    with http.client.HTTPResponse(connection) as answer:
        answer.begin()
        return answer.status, answer.headers, answer.read()


def film(num_frames: int = 4, fps: float = 12, size: tuple[int, int] = (64, 64)) -> bytes:
    """An MP4 whose frames get brighter."""
    with tempfile.TemporaryDirectory() as folder:
        frames = FrameBuffer.create(num_frames, size[1], size[0])
        frames.array()[:] = (np.arange(num_frames, dtype=np.uint8) * 9 + 30)[:, None, None, None]
        path = Path(folder) / "a.mp4"
        encode_mp4(Clip(fps=fps, num_frames=num_frames, frames=frames), path, metadata={})
        return path.read_bytes()


def picture(form: str = "PNG", width: int = 64, height: int = 64) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (width, height), (200, 120, 40)).save(file, form)
    return file.getvalue()
