"""A video server whose jobs do what the test says, for the faults that a healthy server does not show.

It speaks `/v1/videos` over real HTTP as the real one does: the video object, the list, server-sent events with ids, the
content, cancel, delete, and errors as `{"error": {"message", "type", "param", "code"}}`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 2000


@dataclass
class Job:
    """One video: its object, and the events told so far."""

    body: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.body["status"] in ("completed", "failed")


class FakeVideoServer:
    """`with FakeVideoServer() as server: …`. Jobs stay queued until `advance`, `complete` or `fail` is called.

    `has_events`: whether there is an events route. `cut_streams`: how many streams of events break after one event.
    `mute_streams`: they end before the first one. `truncated`: the content breaks off half-way. `troubles`: statuses
    that the next requests for a video's state get, with `retry_after`, if any, in seconds. `tls`: it speaks https.
    """

    def __init__(
        self, *, has_events: bool = True, poll_after_ms: int = 20, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.has_events = has_events
        self.poll_after_ms = poll_after_ms
        self.cut_streams = 0
        self.mute_streams = False
        self.truncated = False
        self.troubles: list[int] = []
        self.retry_after: int | None = None
        self.key: str | None = None
        self.jobs: dict[str, Job] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.created: list[dict[str, Any]] = []
        self.changed = threading.Condition()
        self.connections: list[socket.socket] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (_Requests,), {"fake": self}))
        self._http.daemon_threads = True
        self._host = "localhost" if tls else "127.0.0.1"
        self._scheme = "https" if tls else "http"
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._open = True

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self._host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        if not self._open:
            return
        self._open = False
        with self.changed:
            self.changed.notify_all()
        self._http.shutdown()
        self._http.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def stopped(self) -> bool:
        return not self._open

    def until(self, condition: Any, seconds: float = 60.0) -> None:
        """Wait until `condition()` is true."""
        with self.changed:
            assert self.changed.wait_for(condition, seconds), "the awaited did not happen"

    def advance(self, video_id: str, progress: int) -> None:
        self._change(video_id, "progress", {"status": "in_progress", "progress": progress, "queue_position": None})

    def preview(self, video_id: str, picture: bytes) -> None:
        image = f"data:image/webp;base64,{base64.b64encode(picture).decode()}"
        with self.changed:
            self.jobs[video_id].events.append(("preview", {"image": image}))
            self.changed.notify_all()

    def complete(self, video_id: str) -> None:
        self._change(video_id, "completed", {"status": "completed", "progress": 100, "completed_at": int(time.time())})

    def fail(self, video_id: str, code: str, message: str) -> None:
        self._change(video_id, "failed", {"status": "failed", "error": {"code": code, "message": message}})

    def _change(self, video_id: str, kind: str, news: dict[str, Any]) -> None:
        with self.changed:
            job = self.jobs[video_id]
            job.body.update(news)
            job.events.append((kind, dict(job.body)))
            self.changed.notify_all()

    def create(self, draft: dict[str, Any]) -> Job:
        with self.changed:
            width, height = (int(side) for side in draft.get("size", "512x512").split("x"))
            body = {
                "id": f"video_{len(self.created):026d}",
                "object": "video",
                "model": draft.get("model", "sketch"),
                "status": "queued",
                "progress": 0,
                "created_at": int(time.time()),
                "completed_at": None,
                "expires_at": None,
                "size": f"{width}x{height}",
                "seconds": "2",
                "prompt": draft["prompt"],
                "remixed_from_video_id": None,
                "error": None,
                "seed": draft.get("seed", 7),
                "num_frames": draft.get("num_frames", 24),
                "fps": draft.get("fps", 12),
                "width": width,
                "height": height,
                "engine": "sketch",
                "queue_position": 1,
            }
            job = self.jobs[body["id"]] = Job(body)
            self.created.append(draft)
            self.changed.notify_all()
            return job


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeVideoServer

    def setup(self) -> None:
        super().setup()
        self.fake.connections.append(self.connection)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length)
        url = urlsplit(self.path)
        with self.fake.changed:
            self.fake.seen.append((method, self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.fake.changed.notify_all()
        if self.fake.key is not None and self.headers.get("Authorization") != f"Bearer {self.fake.key}":
            return self._error(401, "unauthorized", "Missing or invalid API key")
        parts = url.path.strip("/").split("/")
        if url.path == "/health":
            return self._json({"status": "healthy"})
        if url.path == "/ready":
            return self._json({"status": "ready"})
        if url.path == "/v1/models":
            card = {"engine": "sketch", "tasks": ["text-to-video"], "description": "Draws from words."}
            model = {"id": "sketch", "object": "model", "owned_by": "sketch", "default": True, "card": card}
            return self._json({"object": "list", "data": [model]})
        if url.path == "/v1/videos" and method == "POST":
            return self._create(json.loads(sent))
        if url.path == "/v1/videos":
            return self._list({name: values[0] for name, values in parse_qs(url.query).items()})
        job = self.fake.jobs.get(parts[2]) if parts[:2] == ["v1", "videos"] and len(parts) in (3, 4) else None
        if job is None:
            return self._error(404, "not_found", "There is no video with this id", param="id")
        return self._about(job, method, parts[3] if len(parts) == 4 else None, json.loads(sent or b"{}"))

    def _about(self, job: Job, method: str, part: str | None, sent: dict[str, Any]) -> None:
        if part is None and method == "GET":
            if self.fake.troubles:
                with self.fake.changed:
                    status = self.fake.troubles.pop(0)
                    self.fake.changed.notify_all()
                later = {} if self.fake.retry_after is None else {"Retry-After": str(self.fake.retry_after)}
                return self._error(status, "unavailable", "Not now", headers=later)
            return self._json(job.body, {"openai-poll-after-ms": str(self.fake.poll_after_ms)})
        if part is None and method == "DELETE":
            with self.fake.changed:
                del self.fake.jobs[job.body["id"]]
            return self._json({"id": job.body["id"], "object": "video.deleted", "deleted": True})
        if part == "remix":
            return self._json(self.fake.create(sent).body)
        if part == "cancel":
            if not job.finished:
                self.fake.fail(job.body["id"], "cancelled", "The video was cancelled.")
            return self._json(job.body)
        if part == "content":
            return self._content(job)
        if part == "events" and self.fake.has_events:
            return self._events(job)
        return self._error(404, "not_found", "Not Found")

    def _create(self, draft: dict[str, Any]) -> None:
        if draft["prompt"] == "busy":
            return self._error(429, "queue_full", "The queue is full.", headers={"Retry-After": "3"})
        if draft["prompt"] == "broken":
            return self._error(500, "internal", "Internal server error", headers={"X-Request-Id": "req-1"})
        if not 1 <= draft.get("fps", 12) <= 60:
            return self._error(400, "invalid_field", f"Invalid fps: {draft['fps']}. Allowed: 1 to 60.", param="fps")
        return self._json(self.fake.create(draft).body)

    def _list(self, query: dict[str, str]) -> None:
        status = query.get("status")
        jobs = [job for job in self.fake.jobs.values() if status in (None, job.body["status"])]
        if query.get("order", "desc") == "desc":
            jobs.reverse()
        ids = [job.body["id"] for job in jobs]
        start = ids.index(query["after"]) + 1 if "after" in query else 0
        page = [job.body for job in jobs[start : start + int(query.get("limit", 20))]]
        last = page[-1]["id"] if page else None
        more = start + len(page) < len(jobs)
        self._json({"object": "list", "data": page, "first_id": ids[:1], "last_id": last, "has_more": more})

    def _content(self, job: Job) -> None:
        if job.body["status"] != "completed":
            return self._error(400, "invalid_field", f"The video is {job.body['status']}.", param="video_id")
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(len(MP4)))
        self.end_headers()
        self.wfile.write(MP4[: len(MP4) // 2] if self.fake.truncated else MP4)
        self.close_connection = self.fake.truncated
        return None

    def _events(self, job: Job) -> None:
        """Without a length: the stream ends with the connection. Event ids are the events' numbers from 1 on."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        told = int(self.headers.get("Last-Event-ID") or 0)
        self._send(": here are the events\n\n")
        while not self.fake.stopped and not self.fake.mute_streams:
            with self.fake.changed:
                while len(job.events) == told and not self.fake.stopped:
                    self.fake.changed.wait(5)
                news = job.events[told:]
            for kind, body in news:
                told += 1
                self._send(f"id: {told}\nevent: {kind}\ndata: {json.dumps(body)}\n\n")
                if self.fake.cut_streams > 0:
                    self.fake.cut_streams -= 1
                    return
                if kind in ("completed", "failed"):
                    return

    def _send(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()

    def _json(self, body: dict[str, Any], headers: dict[str, str] | None = None, status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
        self._json({"error": error}, headers, status)
