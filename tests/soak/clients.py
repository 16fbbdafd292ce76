"""The clients of the soak: one for each dialect, and some that mean no good. Each goes through its round for ever.

What a client was promised stands in its ledger, so that at the end every job can be asked after.
"""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.api.asks import picture

TOY = {"model": "toy", "size": "64x64", "num_frames": 4}
SKETCH = {"model": "sketch", "size": "64x64", "num_frames": 4}
PICTURE = picture(width=96)
LIMIT_S = 120.0
FOREIGN = "video_00000000000000000000000000"


@dataclass(kw_only=True)
class Ledger:
    """What one client has seen: answers by status, and the jobs that it was promised, by what it then did to them."""

    name: str
    key: str
    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    rounds: int = 0


class Visitor:
    """A client with a key. `ask` notes every answer; a server's error, or one that is not allowed for, is a fault."""

    def __init__(self, url: str, ledger: Ledger, text: str, over: threading.Event) -> None:
        self.url = url
        self.ledger = ledger
        self.over = over
        self.chance = random.Random(ledger.name)
        self.http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {text}"}, timeout=LIMIT_S)

    def visit(self, tour: Callable[[Visitor], None]) -> None:
        """Go round until it is over; the client is closed then."""
        with closing(self.http):
            while not self.over.is_set():
                try:
                    tour(self)
                except (httpx2.HTTPError, KeyError, ValueError, OSError) as error:
                    self.ledger.faults.append(f"{self.ledger.name}: {type(error).__name__} {error}")
                    return
                self.ledger.rounds += 1
                self.over.wait(self.chance.uniform(0.05, 0.3))

    def ask(self, method: str, path: str, *fine: int, **request: Any) -> httpx2.Response:
        """`fine`: the statuses that this request may be answered with beside 429; 200 where none is named."""
        answer = self.http.request(method, path, **request)
        self.note(answer, fine or (200,))
        return answer

    def note(self, answer: httpx2.Response, fine: tuple[int, ...]) -> None:
        self.ledger.answers[answer.status_code] += 1
        if answer.status_code not in (*fine, 429):
            told = answer.text[:200] if "json" in answer.headers.get("content-type", "") else ""
            request = answer.request
            self.ledger.faults.append(f"{request.method} {request.url.path}: {answer.status_code} {told}")
        if answer.status_code == 429:
            self.over.wait(0.2)

    def taken(self, answer: httpx2.Response) -> str | None:
        """The id of the job that was made, which is this client's from now on."""
        if answer.status_code not in (200, 201, 202):
            return None
        video_id = str(answer.headers.get("X-Video-Id") or answer.json()["id"])
        self.ledger.kept.add(video_id)
        return video_id

    def ended(self, path: str, words: tuple[str, ...]) -> None:
        """Poll until the job has ended, or the soak is over."""
        while not self.over.is_set():
            answer = self.ask("GET", path)
            if answer.status_code == 200 and answer.json()["status"] in words:
                return
            self.over.wait(0.1)

    def delete(self, video_id: str) -> None:
        while True:
            answer = self.ask("DELETE", f"/v1/videos/{video_id}")
            if answer.status_code != 429:
                break
        self.ledger.kept.discard(video_id)
        self.ledger.cancelled.discard(video_id)
        self.ledger.deleted.add(video_id)


def openai(visitor: Visitor) -> None:
    """Creates, follows the events, downloads in ranges, looks at stills, lists, deletes."""
    asked = {**visitor.chance.choice((TOY, SKETCH)), "prompt": "a red boat at dusk", "metadata": {"of": "soak"}}
    if visitor.chance.random() < 0.3:
        asked["input_reference"] = ("fox.png", PICTURE)
        form = {name: str(value) for name, value in asked.items() if name not in ("input_reference", "metadata")}
        form["model"] = "toy"
        made = visitor.ask("POST", "/v1/videos", data=form, files={"input_reference": asked["input_reference"]})
    else:
        headers = {"Idempotency-Key": str(visitor.chance.random())}
        made = visitor.ask("POST", "/v1/videos", json=asked, headers=headers)
        if made.status_code == 200:
            again = visitor.ask("POST", "/v1/videos", json=asked, headers=headers)
            if again.status_code == 200 and again.json()["id"] != made.json()["id"]:
                visitor.ledger.faults.append("one idempotency key has made two videos")
    video_id = visitor.taken(made)
    if video_id is None:
        return
    path = f"/v1/videos/{video_id}"
    if visitor.chance.random() < 0.5:
        with visitor.http.stream("GET", f"{path}/events") as events:
            visitor.note(events, (200,))
            for line in events.iter_lines():
                if line.startswith(("event: completed", "event: failed")) or visitor.over.is_set():
                    break
    visitor.ended(path, ("completed", "failed"))
    if visitor.over.is_set():
        return
    whole = visitor.ask("GET", f"{path}/content")
    visitor.ask("GET", f"{path}/content", 206, headers={"Range": "bytes=0-99"})
    visitor.ask("GET", f"{path}/content", 206, headers={"Range": f"bytes={len(whole.content) // 2}-"})
    visitor.ask("GET", f"{path}/content", 416, headers={"Range": "bytes=99999999-"})
    visitor.ask("GET", f"{path}/content", 304, headers={"If-None-Match": whole.headers.get("ETag", '"x"')})
    visitor.ask("GET", f"{path}/content", params={"variant": "thumbnail"})
    visitor.ask("GET", "/v1/videos", params={"limit": 5})
    visitor.delete(video_id)


def native(visitor: Visitor) -> None:
    """Waits for the file; sends forms and pictures; hangs up in the middle of a wait."""
    path, small = "/api/video/generate", {"width": 64, "height": 64, "num_frames": 4}
    engine = visitor.chance.choice(("toy", "sketch"))
    kept = visitor.taken(visitor.ask("POST", path, json={"prompt": "a fox", "engine": engine, **small}))
    form = {"prompt": "a fox", "engine": "toy", **{name: str(value) for name, value in small.items()}}
    other = visitor.taken(visitor.ask("POST", path, data=form, files={"image": ("a.png", PICTURE, "image/png")}))
    hang_up(visitor, b'{"prompt": "slow 5", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}')
    later = visitor.ask(
        "POST", path, 202, json={"prompt": "paint", "engine": "toy", **small}, headers={"Prefer": "respond-async"}
    )
    third = visitor.taken(later)
    for video_id in (kept, other, third):
        if video_id:
            visitor.delete(video_id)


def hang_up(visitor: Visitor, body: bytes) -> None:
    """The caller waits for a synchronous answer and is gone after a moment: its job is cancelled."""
    parts = urlsplit(visitor.url)
    head = (
        f"POST /api/video/generate HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: {visitor.http.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(parts.hostname), int(parts.port or 80)), LIMIT_S) as connection:
        connection.sendall(head.encode() + body)
        visitor.over.wait(visitor.chance.uniform(0, 0.5))
    visitor.ledger.answers[0] += 1


def huggingface(visitor: Visitor) -> None:
    body = {"inputs": "a lighthouse", "parameters": {"width": 64, "height": 64, "num_frames": 4}}
    first = visitor.taken(visitor.ask("POST", "/models/reelwright/sketch", json=body))
    raw = {"Content-Type": "image/png"}
    second = visitor.taken(visitor.ask("POST", "/models/reelwright/toy", content=PICTURE, headers=raw))
    for video_id in (first, second):
        if video_id:
            visitor.delete(video_id)


def replicate(visitor: Visitor) -> None:
    """Uploads a file, uses it, cancels every third prediction."""
    sent = visitor.ask("POST", "/v1/files", 201, files={"content": ("a.png", PICTURE, "image/png")})
    if sent.status_code != 201:
        return
    address = sent.json()["urls"]["get"]
    asked: dict[str, Any] = {"prompt": "paint", "width": 64, "height": 64, "num_frames": 4}
    stops = visitor.chance.random() < 0.3
    asked |= {"prompt": "slow 5"} if stops else {"image": address}
    made = visitor.ask("POST", "/v1/models/reelwright/toy/predictions", 201, 202, json={"input": asked})
    video_id = visitor.taken(made)
    if video_id:
        if stops:
            visitor.ask("POST", f"/v1/predictions/{video_id}/cancel")
            visitor.ledger.kept.discard(video_id)
            visitor.ledger.cancelled.add(video_id)
        visitor.ended(f"/v1/predictions/{video_id}", ("succeeded", "failed", "canceled"))
        visitor.delete(video_id)
    visitor.ask("DELETE", f"/v1/files/{sent.json()['id']}", 204)


def openrouter(visitor: Visitor) -> None:
    made = visitor.ask("POST", "/api/v1/videos", 202, json={"prompt": "paint", "model": "toy", "size": "64x64"})
    video_id = visitor.taken(made)
    if video_id is None:
        return
    visitor.ended(f"/api/v1/videos/{video_id}", ("completed", "failed"))
    if not visitor.over.is_set():
        visitor.ask("GET", f"/api/v1/videos/{video_id}/content", params={"index": 0})
    visitor.delete(video_id)


def rude(visitor: Visitor) -> None:
    """Bad input, wrong keys, what is not there, and connections that are given up in the middle of a request."""
    ask = visitor.ask
    ask("POST", "/v1/videos", 400, content=b'{"prompt": ', headers={"Content-Type": "application/json"})
    ask("POST", "/v1/videos", 400, json={"prompt": "x", "nonsense": 1})
    ask("POST", "/api/video/generate", 400, json={"prompt": " "})
    ask("POST", "/api/video/generate", 400, json={"prompt": "x", "num_frames": 10**9})
    ask("POST", "/api/video/generate", 400, data={"prompt": "x"}, files={"image": ("a.png", PICTURE[:40], "image/png")})
    ask("POST", "/v1/predictions", 404, 422, json={"input": {"prompt": "x"}, "version": "none-of-ours"})
    ask("GET", f"/v1/videos/{FOREIGN}", 404)
    ask("DELETE", f"/v1/videos/{FOREIGN}", 404)
    ask("GET", "/v1/no/such/route", 404)
    ask("GET", "/v1/videos", 401, 429, headers={"Authorization": f"Bearer rw_{'x' * 49}"})
    ask("GET", "/v1/keys", 403)
    ask("GET", "/v1/videos", 421, headers={"Host": "elsewhere.example"})
    parts = urlsplit(visitor.url)
    for piece in (b"", b"GET /v1/vid", b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
        with socket.create_connection((str(parts.hostname), int(parts.port or 80)), LIMIT_S) as connection:
            connection.sendall(piece)
        visitor.ledger.answers[0] += 1


def admin(visitor: Visitor) -> None:
    """Looks at everything, and makes, changes and revokes keys."""
    for path in (
        "/v1/keys",
        "/v1/usage",
        "/v1/audit",
        "/v1/admin/line",
        "/metrics",
        "/health",
        "/ready",
        "/v1/account",
    ):
        visitor.ask("GET", path, 200, 403)
    made = visitor.ask("POST", "/v1/keys", 201, json={"name": "for a moment", "limits": {"waiting": 2}})
    if made.status_code == 201:
        path = f"/v1/keys/{made.json()['id']}"
        visitor.ask("POST", path, json={"limits": {"waiting": 3}})
        visitor.ask("POST", f"{path}/rotate", json={})
        visitor.ask("DELETE", path)
    visitor.over.wait(1)


TOURS: Mapping[str, Callable[[Visitor], None]] = {
    **{"openai": openai, "openai too": openai, "native": native, "huggingface": huggingface},
    **{"replicate": replicate, "openrouter": openrouter, "rude": rude, "admin": admin},
}
