"""Talking to a ComfyUI by hand: to the fake, or to a real one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import httpx2
from websockets.sync.client import ClientConnection, connect

from tests.servers import eventually


class ComfyUI(Protocol):
    """Whatever answers at an address."""

    @property
    def url(self) -> str: ...


def job_id() -> str:
    return str(uuid.uuid4())


def post(one: ComfyUI, graph: Any, job: str | None = None, **more: Any) -> httpx2.Response:
    body = {"prompt": graph, **({"prompt_id": job, "client_id": job} if job else {}), **more}
    return httpx2.post(f"{one.url}/prompt", json=body)


def ended(one: ComfyUI, job: str) -> dict[str, Any]:
    """Its entry in the history."""
    entry = eventually(lambda: httpx2.get(f"{one.url}/history/{job}").json().get(job))
    assert isinstance(entry, dict)
    return entry


def run(one: ComfyUI, graph: Any, **more: Any) -> dict[str, Any]:
    answer = post(one, graph, job := job_id(), **more)
    assert answer.status_code == 200, answer.text
    return ended(one, job)


def view(one: ComfyUI, item: dict[str, Any], **more: Any) -> httpx2.Response:
    query = {key: item[key] for key in ("filename", "subfolder", "type")}
    return httpx2.get(f"{one.url}/view", params=query, **more)


@contextmanager
def socket(one: ComfyUI, client: str, **more: Any) -> Iterator[ClientConnection]:
    with connect(f"ws{one.url.removeprefix('http')}/ws?clientId={client}", close_timeout=0.2, **more) as connection:
        yield connection


def heard(one: ClientConnection, until: str, node: Any = ...) -> list[Any]:
    """Messages up to the first event of this name: events as JSON, binary ones as bytes."""
    messages: list[Any] = []
    while True:
        message = one.recv(timeout=10)
        messages.append(json.loads(message) if isinstance(message, str) else message)
        last = messages[-1]
        if isinstance(last, dict) and last["type"] == until and (node is ... or last["data"]["node"] == node):
            return messages


def upload(one: ComfyUI, name: str, content: bytes, **fields: str) -> httpx2.Response:
    return httpx2.post(f"{one.url}/upload/image", files={"image": (name, content)}, data=fields)
