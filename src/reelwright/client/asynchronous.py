"""`AsyncClient`: the server from asyncio.

`synchronous.py`, with `Client`, is written from this file by `make client`: change this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
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
class AsyncVideo(VideoFacts):
    """A video and the client that knows where it lives. Immutable: `wait` and `refresh` return the newer state."""

    client: AsyncClient = field(repr=False, compare=False)

    async def refresh(self) -> AsyncVideo:
        return await self.client.get(self.id)

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 – it bounds many requests, not one
        on_progress: Callable[[AsyncVideo], None] | None = None,
        on_preview: Callable[[bytes], None] | None = None,
    ) -> AsyncVideo:
        """See `AsyncClient.wait`."""
        return await self.client.wait(self.id, timeout, on_progress, on_preview)

    async def save(self, path: Path | str, *, variant: Variant | None = None) -> Path:
        """See `AsyncClient.save`."""
        return await self.client.save(self.id, path, variant=variant)

    def events(self) -> AsyncGenerator[Event]:
        """See `AsyncClient.events`."""
        return self.client.events(self.id)

    async def resume(self, *, idempotency_key: str | None = None, **beside: Unpack[Beside]) -> AsyncVideo:
        """See `AsyncClient.resume`."""
        return await self.client.resume(self.id, idempotency_key=idempotency_key, **beside)

    async def remix(self, prompt: str, *, idempotency_key: str | None = None) -> AsyncVideo:
        """See `AsyncClient.remix`."""
        return await self.client.remix(self.id, prompt, idempotency_key=idempotency_key)

    async def extend(self, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]) -> AsyncVideo:
        """See `AsyncClient.extend`."""
        return await self.client.extend(self.id, prompt, idempotency_key=idempotency_key, **fields)

    async def annotate(self, metadata: Mapping[str, str | None]) -> AsyncVideo:
        """See `AsyncClient.annotate`."""
        return await self.client.annotate(self.id, metadata)

    async def share(self, *, days: float | None = None) -> Share:
        """See `AsyncClient.share`."""
        return await self.client.share(self.id, days=days)

    async def cancel(self) -> AsyncVideo:
        """See `AsyncClient.cancel`."""
        return await self.client.cancel(self.id)

    async def delete(self) -> None:
        """See `AsyncClient.delete`."""
        await self.client.delete(self.id)


class AsyncClient:
    """A connection to one server. Use it as a context manager, or `close` it. Tasks may share it."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        api_key: str | None = None,
        patience: float = 30.0,
        transport: httpx2.AsyncBaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`patience`: for how many seconds a `wait` puts up with a server that does not answer (it restarts, say).

        `transport`: another way to the server than the network. `headers` go with every request. Raises ValueError when
        `server` is not an http(s) URL.
        """
        import httpx2

        self._http = httpx2.AsyncClient(**connection(server, api_key), transport=transport)
        self._http.headers.update(headers or {})
        self._patience = patience

    @property
    def server(self) -> str:
        """The server's address, without a slash at the end."""
        return str(self._http.base_url).rstrip("/")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def generate(
        self, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]
    ) -> AsyncVideo:
        """Ask for a video; returns as soon as the server has accepted the job. See `Fields` for the options.

        With `idempotency_key`, a repeated call returns the first call's video. Raises `APIError`, `Unreachable`, and
        OSError for an image that cannot be read.
        """
        body = await asyncio.to_thread(creation, prompt, fields)
        return self._video_in(await self._call("POST", "/v1/videos", json=body, headers=once(idempotency_key)))

    async def remix(self, video_id: str, prompt: str, *, idempotency_key: str | None = None) -> AsyncVideo:
        """The same video anew, with another prompt and a fresh seed."""
        path, headers = path_of(video_id, "remix"), once(idempotency_key)
        return self._video_in(await self._call("POST", path, json={"prompt": prompt}, headers=headers))

    async def extend(
        self, video: str | Path | bytes, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]
    ) -> AsyncVideo:
        """A video and what comes after it, as one: its last frame begins what the prompt says.

        `video` is the id of a completed one, or the path or bytes of an MP4. `seconds` or `num_frames` are of what is
        added; size and rate are the video's. Raises as `generate`.
        """
        body = await asyncio.to_thread(extension, video, prompt, fields)
        headers = once(idempotency_key)
        return self._video_in(await self._call("POST", "/v1/videos/extensions", headers=headers, **body))

    async def get(self, video_id: str) -> AsyncVideo:
        """The video as it is now. Raises `NotFound`."""
        return self._video_in(await self._call("GET", path_of(video_id)))

    async def list(
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
    ) -> Page[AsyncVideo]:
        """One page of this key's videos, newest first unless `order` is "asc". `limit` is at most 100.

        The rest narrows it: `q` is a search, each of whose words stands in the prompt, model, engine or size, or is the
        seed or the id; `model` is the name of a model or engine, or `engine/model`; `metadata` are entries to have.
        """
        query = page_query(
            limit=limit, after=after, order=order, q=q, status=status, model=model, shape=shape, metadata=metadata
        )
        body = object_of(await self._call("GET", "/v1/videos", params=query))
        videos = tuple(self._video(item) for item in body["data"])
        return Page(videos=videos, has_more=body["has_more"], last_id=body.get("last_id"))

    async def annotate(self, video_id: str, metadata: Mapping[str, str | None]) -> AsyncVideo:
        """Set entries of a finished video's metadata; those that are None are removed. Raises `Conflict` before."""
        return self._video_in(await self._call("POST", path_of(video_id), json={"metadata": metadata}))

    async def share(self, video_id: str, *, days: float | None = None) -> Share:
        """A link that shows a completed video to people without a key, for so many days (the server's default)."""
        body = {} if days is None else {"days": days}
        return share_of(await self._call("POST", path_of(video_id, "share"), json=body))

    async def cancel(self, video_id: str) -> AsyncVideo:
        """Stop its job. A video that is finished already stays as it is."""
        return self._video_in(await self._call("POST", path_of(video_id, "cancel")))

    async def resume(
        self, video_id: str, *, idempotency_key: str | None = None, **beside: Unpack[Beside]
    ) -> AsyncVideo:
        """A new video of the same request that goes on from where that one has failed (its `resumable` says so).

        It keeps that one's metadata unless others are given.
        """
        path, headers = path_of(video_id, "resume"), once(idempotency_key)
        return self._video_in(await self._call("POST", path, json=beside, headers=headers))

    async def delete(self, video_id: str) -> None:
        """Remove it and its file; stops a running job first."""
        await self._call("DELETE", path_of(video_id))

    async def deliveries(self, video_id: str) -> Sequence[Mapping[str, Any]]:
        """What was sent to the video's webhooks, oldest first: id, url, event, state, tries, last_status, problem."""
        found: Sequence[Mapping[str, Any]] = object_of(await self._call("GET", path_of(video_id, "webhooks")))["data"]
        return found

    async def resend(self, video_id: str, delivery_id: str) -> Mapping[str, Any]:
        """Try a delivery once more now."""
        return object_of(await self._call("POST", path_of(video_id, "webhooks", delivery_id, "resend")))

    async def models(self) -> tuple[Model, ...]:
        """What the server can make videos with."""
        return models_of(await self._call("GET", "/v1/models"))

    async def model(self, name: str) -> Model:
        """One model or alias. Raises `NotFound`."""
        return model_of(object_of(await self._call("GET", f"/v1/models/{quote(name)}")))

    async def usage(
        self, *, since: date | None = None, until: date | None = None, key: str | None = None
    ) -> Mapping[str, Any]:
        """What this key has used each day (UTC), 30 days in all without bounds, and what its limits leave it.

        `key`: the id of another key, which only an admin may ask about.
        """
        return object_of(await self._call("GET", "/v1/usage", params=usage_query(since, until, key)))

    async def health(self) -> Mapping[str, Any]:
        """The server's own words about itself (`GET /health`)."""
        return object_of(await self._call("GET", "/health"))

    async def ready(self) -> Mapping[str, Any]:
        """The deep check (`GET /ready`). Raises `Busy` with the reason while the server cannot generate."""
        return object_of(await self._call("GET", "/ready"))

    def events(self, video_id: str, *, after: str | None = None) -> AsyncGenerator[Event]:
        """What happens to a video, as it happens, to its end. `after` is the id of the last event already seen."""
        return self._events(video_id, after, None)

    async def wait(
        self,
        video_id: str,
        timeout: float | None = None,  # noqa: ASYNC109 – it bounds many requests, not one
        on_progress: Callable[[AsyncVideo], None] | None = None,
        on_preview: Callable[[bytes], None] | None = None,
    ) -> AsyncVideo:
        """Wait for the video's end and return it completed. `timeout` in seconds; None waits for ever.

        `on_progress` gets the video whenever its state, progress or place in the queue changes, `on_preview` each
        picture (WebP or JPEG) that the engine shows on the way; both are plain functions. Follows the server's events;
        where there are none, asks as often as the server says. Raises `VideoFailed`, `WaitTimeout`.
        """
        watch: Watch[AsyncVideo] = Watch(timeout, on_progress, on_preview, self._patience)
        while True:
            try:
                response = await self._call("GET", path_of(video_id))
                if watch.saw(self._video_in(response), poll_after(response)):
                    return watch.result()
                if watch.follows:
                    await self._follow(video_id, watch)
            except Unreachable as error:
                watch.lost(error)
            except APIError as error:
                watch.refused(error)
            await asyncio.sleep(watch.pause())

    async def save(self, video_id: str, path: Path | str, *, variant: Variant | None = None) -> Path:
        """Download the finished video to `path`, which appears only when it is complete (and is replaced if it exists).

        Without `variant`, the path's ending chooses: .mp4, .webm, .gif, .webp, or .jpg for a still. Raises ValueError
        for another ending, `APIError` when there is no file (yet), OSError when `path` cannot be written.
        """
        query = {"variant": variant or variant_for(path)}
        async with self._stream(path_of(video_id, "content"), params=query) as response:
            with Part(path) as part:
                async for chunk in response.aiter_bytes(CHUNK):
                    await asyncio.to_thread(part.write, chunk)
        return Path(path)

    async def content(self, video_id: str, variant: Variant = "video") -> tuple[bytes, str]:
        """The bytes of the finished video, or of a still or rendition of it, and their media type.

        Raises `APIError` when there is no file (yet). `save` does not hold them in memory.
        """
        response = await self._call("GET", path_of(video_id, "content"), params={"variant": variant})
        return response.content, response.headers["content-type"]

    async def _follow(self, video_id: str, watch: Watch[AsyncVideo]) -> None:
        watch.listening()
        try:
            async with aclosing(self._events(video_id, watch.last_event, watch.silence())) as events:
                async for event in events:
                    if watch.heard(event, self._video):
                        return
        except NotFound:
            watch.follows = False

    async def _events(self, video_id: str, after: str | None, silence: float | None) -> AsyncGenerator[Event]:
        from httpx2 import EventSource

        async with self._stream(path_of(video_id, "events"), **listening(after, silence)) as response:
            async for message in EventSource(response):
                yield Event(kind=message.event, id=message.id, data=event_data(message.data))

    def _video(self, body: Mapping[str, Any]) -> AsyncVideo:
        return AsyncVideo(client=self, **video_facts(body))

    def _video_in(self, response: httpx2.Response) -> AsyncVideo:
        return self._video(object_of(response))

    async def _call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        with reaching(self._http.base_url):
            response = await self._http.request(method, path, **options)
        if response.is_success:
            return response
        raise api_error(response)

    @asynccontextmanager
    async def _stream(self, path: str, **options: Any) -> AsyncGenerator[httpx2.Response]:
        with reaching(self._http.base_url):
            async with self._http.stream("GET", path, **options) as response:
                if not response.is_success:
                    await response.aread()
                    raise api_error(response)
                yield response
