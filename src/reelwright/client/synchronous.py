"""`Client`: the server from plain Python.

Written from `asynchronous.py` by `make client`: change that one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack
from urllib.parse import quote

from reelwright.client.errors import APIError, NotFound, Unreachable, api_error
from reelwright.client.facts import (
    Beside,
    Event,
    Fields,
    Model,
    Page,
    Shape,
    Share,
    Status,
    Variant,
    VideoFacts,
    variant_for,
    video_facts,
)
from reelwright.client.part import Part
from reelwright.client.watch import Watch
from reelwright.client.wire import (
    CHUNK,
    DEFAULT_SERVER,
    connection,
    creation,
    event_data,
    extension,
    listening,
    model_of,
    models_of,
    object_of,
    once,
    page_query,
    path_of,
    poll_after,
    reaching,
    share_of,
    usage_query,
)

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(VideoFacts):
    """A video and the client that knows where it lives. Immutable: `wait` and `refresh` return the newer state."""

    client: Client = field(repr=False, compare=False)

    def refresh(self) -> Video:
        return self.client.get(self.id)

    def wait(
        self,
        timeout: float | None = None,
        on_progress: Callable[[Video], None] | None = None,
        on_preview: Callable[[bytes], None] | None = None,
    ) -> Video:
        """See `Client.wait`."""
        return self.client.wait(self.id, timeout, on_progress, on_preview)

    def save(self, path: Path | str, *, variant: Variant | None = None) -> Path:
        """See `Client.save`."""
        return self.client.save(self.id, path, variant=variant)

    def events(self) -> Generator[Event]:
        """See `Client.events`."""
        return self.client.events(self.id)

    def resume(self, *, idempotency_key: str | None = None, **beside: Unpack[Beside]) -> Video:
        """See `Client.resume`."""
        return self.client.resume(self.id, idempotency_key=idempotency_key, **beside)

    def remix(self, prompt: str, *, idempotency_key: str | None = None) -> Video:
        """See `Client.remix`."""
        return self.client.remix(self.id, prompt, idempotency_key=idempotency_key)

    def extend(self, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]) -> Video:
        """See `Client.extend`."""
        return self.client.extend(self.id, prompt, idempotency_key=idempotency_key, **fields)

    def annotate(self, metadata: Mapping[str, str | None]) -> Video:
        """See `Client.annotate`."""
        return self.client.annotate(self.id, metadata)

    def share(self, *, days: float | None = None) -> Share:
        """See `Client.share`."""
        return self.client.share(self.id, days=days)

    def cancel(self) -> Video:
        """See `Client.cancel`."""
        return self.client.cancel(self.id)

    def delete(self) -> None:
        """See `Client.delete`."""
        self.client.delete(self.id)


class Client:
    """A connection to one server. Use it as a context manager, or `close` it. Threads may share it."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        api_key: str | None = None,
        patience: float = 30.0,
        transport: httpx2.BaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`patience`: for how many seconds a `wait` puts up with a server that does not answer (it restarts, say).

        `transport`: another way to the server than the network. `headers` go with every request. Raises ValueError when
        `server` is not an http(s) URL.
        """
        import httpx2

        self._http = httpx2.Client(**connection(server, api_key), transport=transport)
        self._http.headers.update(headers or {})
        self._patience = patience

    @property
    def server(self) -> str:
        """The server's address, without a slash at the end."""
        return str(self._http.base_url).rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def generate(self, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]) -> Video:
        """Ask for a video; returns as soon as the server has accepted the job. See `Fields` for the options.

        With `idempotency_key`, a repeated call returns the first call's video. Raises `APIError`, `Unreachable`, and
        OSError for an image that cannot be read.
        """
        body = creation(prompt, fields)
        return self._video_in(self._call("POST", "/v1/videos", json=body, headers=once(idempotency_key)))

    def remix(self, video_id: str, prompt: str, *, idempotency_key: str | None = None) -> Video:
        """The same video anew, with another prompt and a fresh seed."""
        path, headers = path_of(video_id, "remix"), once(idempotency_key)
        return self._video_in(self._call("POST", path, json={"prompt": prompt}, headers=headers))

    def extend(
        self, video: str | Path | bytes, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]
    ) -> Video:
        """A video and what comes after it, as one: its last frame begins what the prompt says.

        `video` is the id of a completed one, or the path or bytes of an MP4. `seconds` or `num_frames` are of what is
        added; size and rate are the video's. Raises as `generate`.
        """
        body = extension(video, prompt, fields)
        headers = once(idempotency_key)
        return self._video_in(self._call("POST", "/v1/videos/extensions", headers=headers, **body))

    def get(self, video_id: str) -> Video:
        """The video as it is now. Raises `NotFound`."""
        return self._video_in(self._call("GET", path_of(video_id)))

    def list(
        self,
        *,
        limit: int = 20,
        after: str | None = None,
        order: Literal["asc", "desc"] = "desc",
        q: str | None = None,
        status: Status | None = None,
        model: str | None = None,
        shape: Shape | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Page[Video]:
        """One page of this key's videos, newest first unless `order` is "asc". `limit` is at most 100.

        The rest narrows it: `q` is a search, each of whose words stands in the prompt, model, engine or size, or is the
        seed or the id; `model` is the name of a model or engine, or `engine/model`; `metadata` are entries to have.
        """
        query = page_query(
            limit=limit, after=after, order=order, q=q, status=status, model=model, shape=shape, metadata=metadata
        )
        body = object_of(self._call("GET", "/v1/videos", params=query))
        videos = tuple(self._video(item) for item in body["data"])
        return Page(videos=videos, has_more=body["has_more"], last_id=body.get("last_id"))

    def annotate(self, video_id: str, metadata: Mapping[str, str | None]) -> Video:
        """Set entries of a finished video's metadata; those that are None are removed. Raises `Conflict` before."""
        return self._video_in(self._call("POST", path_of(video_id), json={"metadata": metadata}))

    def share(self, video_id: str, *, days: float | None = None) -> Share:
        """A link that shows a completed video to people without a key, for so many days (the server's default)."""
        body = {} if days is None else {"days": days}
        return share_of(self._call("POST", path_of(video_id, "share"), json=body))

    def cancel(self, video_id: str) -> Video:
        """Stop its job. A video that is finished already stays as it is."""
        return self._video_in(self._call("POST", path_of(video_id, "cancel")))

    def resume(self, video_id: str, *, idempotency_key: str | None = None, **beside: Unpack[Beside]) -> Video:
        """A new video of the same request that goes on from where that one has failed (its `resumable` says so).

        It keeps that one's metadata unless others are given.
        """
        path, headers = path_of(video_id, "resume"), once(idempotency_key)
        return self._video_in(self._call("POST", path, json=beside, headers=headers))

    def delete(self, video_id: str) -> None:
        """Remove it and its file; stops a running job first."""
        self._call("DELETE", path_of(video_id))

    def deliveries(self, video_id: str) -> Sequence[Mapping[str, Any]]:
        """What was sent to the video's webhooks, oldest first: id, url, event, state, tries, last_status, problem."""
        found: Sequence[Mapping[str, Any]] = object_of(self._call("GET", path_of(video_id, "webhooks")))["data"]
        return found

    def resend(self, video_id: str, delivery_id: str) -> Mapping[str, Any]:
        """Try a delivery once more now."""
        return object_of(self._call("POST", path_of(video_id, "webhooks", delivery_id, "resend")))

    def models(self) -> tuple[Model, ...]:
        """What the server can make videos with."""
        return models_of(self._call("GET", "/v1/models"))

    def model(self, name: str) -> Model:
        """One model or alias. Raises `NotFound`."""
        return model_of(object_of(self._call("GET", f"/v1/models/{quote(name)}")))

    def usage(
        self, *, since: date | None = None, until: date | None = None, key: str | None = None
    ) -> Mapping[str, Any]:
        """What this key has used each day (UTC), 30 days in all without bounds, and what its limits leave it.

        `key`: the id of another key, which only an admin may ask about.
        """
        return object_of(self._call("GET", "/v1/usage", params=usage_query(since, until, key)))

    def health(self) -> Mapping[str, Any]:
        """The server's own words about itself (`GET /health`)."""
        return object_of(self._call("GET", "/health"))

    def ready(self) -> Mapping[str, Any]:
        """The deep check (`GET /ready`). Raises `Busy` with the reason while the server cannot generate."""
        return object_of(self._call("GET", "/ready"))

    def events(self, video_id: str, *, after: str | None = None) -> Generator[Event]:
        """What happens to a video, as it happens, to its end. `after` is the id of the last event already seen."""
        return self._events(video_id, after, None)

    def wait(
        self,
        video_id: str,
        timeout: float | None = None,
        on_progress: Callable[[Video], None] | None = None,
        on_preview: Callable[[bytes], None] | None = None,
    ) -> Video:
        """Wait for the video's end and return it completed. `timeout` in seconds; None waits for ever.

        `on_progress` gets the video whenever its state, progress or place in the queue changes, `on_preview` each
        picture (WebP or JPEG) that the engine shows on the way; both are plain functions. Follows the server's events;
        where there are none, asks as often as the server says. Raises `VideoFailed`, `WaitTimeout`.
        """
        watch: Watch[Video] = Watch(timeout, on_progress, on_preview, self._patience)
        while True:
            try:
                response = self._call("GET", path_of(video_id))
                if watch.saw(self._video_in(response), poll_after(response)):
                    return watch.result()
                if watch.follows:
                    self._follow(video_id, watch)
            except Unreachable as error:
                watch.lost(error)
            except APIError as error:
                watch.refused(error)
            time.sleep(watch.pause())

    def save(self, video_id: str, path: Path | str, *, variant: Variant | None = None) -> Path:
        """Download the finished video to `path`, which appears only when it is complete (and is replaced if it exists).

        Without `variant`, the path's ending chooses: .mp4, .webm, .gif, .webp, or .jpg for a still. Raises ValueError
        for another ending, `APIError` when there is no file (yet), OSError when `path` cannot be written.
        """
        query = {"variant": variant or variant_for(path)}
        with self._stream(path_of(video_id, "content"), params=query) as response, Part(path) as part:
            for chunk in response.iter_bytes(CHUNK):
                part.write(chunk)
        return Path(path)

    def content(self, video_id: str, variant: Variant = "video") -> tuple[bytes, str]:
        """The bytes of the finished video, or of a still or rendition of it, and their media type.

        Raises `APIError` when there is no file (yet). `save` does not hold them in memory.
        """
        response = self._call("GET", path_of(video_id, "content"), params={"variant": variant})
        return response.content, response.headers["content-type"]

    def _follow(self, video_id: str, watch: Watch[Video]) -> None:
        watch.listening()
        try:
            with closing(self._events(video_id, watch.last_event, watch.silence())) as events:
                for event in events:
                    if watch.heard(event, self._video):
                        return
        except NotFound:
            watch.follows = False

    def _events(self, video_id: str, after: str | None, silence: float | None) -> Generator[Event]:
        from httpx2 import EventSource

        with self._stream(path_of(video_id, "events"), **listening(after, silence)) as response:
            for message in EventSource(response):
                yield Event(kind=message.event, id=message.id, data=event_data(message.data))

    def _video(self, body: Mapping[str, Any]) -> Video:
        return Video(client=self, **video_facts(body))

    def _video_in(self, response: httpx2.Response) -> Video:
        return self._video(object_of(response))

    def _call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        with reaching(self._http.base_url):
            response = self._http.request(method, path, **options)
        if response.is_success:
            return response
        raise api_error(response)

    @contextmanager
    def _stream(self, path: str, **options: Any) -> Generator[httpx2.Response]:
        with reaching(self._http.base_url), self._http.stream("GET", path, **options) as response:
            if not response.is_success:
                response.read()
                raise api_error(response)
            yield response
