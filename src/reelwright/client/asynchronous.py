"""`AsyncClient`: the server from asyncio. The same words as `Client`; see there for what each method promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from reelwright.client.errors import APIError, NotFound, Unreachable, api_error
from reelwright.client.facts import Event, Fields, Model, Page, Status, Variant, VideoFacts, variant_for, video_facts
from reelwright.client.part import Part
from reelwright.client.watch import Watch
from reelwright.client.wire import (
    CHUNK,
    DEFAULT_SERVER,
    connection,
    creation,
    event_data,
    listening,
    models_of,
    object_of,
    page_query,
    path_of,
    poll_after,
    reaching,
)

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncVideo(VideoFacts):
    """As `Video`, for `AsyncClient`."""

    client: AsyncClient = field(repr=False, compare=False)

    async def refresh(self) -> AsyncVideo:
        return await self.client.get(self.id)

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 – the same signature as the synchronous video's
        on_progress: Callable[[AsyncVideo], None] | None = None,
        on_preview: Callable[[bytes], None] | None = None,
    ) -> AsyncVideo:
        """See `AsyncClient.wait`."""
        return await self.client.wait(self.id, timeout, on_progress, on_preview)

    async def save(self, path: Path | str, *, variant: Variant | None = None) -> Path:
        return await self.client.save(self.id, path, variant=variant)

    def events(self) -> AsyncGenerator[Event]:
        return self.client.events(self.id)

    async def resume(self) -> AsyncVideo:
        """See `AsyncClient.resume`."""
        return await self.client.resume(self.id)

    async def remix(self, prompt: str) -> AsyncVideo:
        return await self.client.remix(self.id, prompt)

    async def extend(self, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]) -> AsyncVideo:
        return await self.client.extend(self.id, prompt, idempotency_key=idempotency_key, **fields)

    async def cancel(self) -> AsyncVideo:
        return await self.client.cancel(self.id)

    async def delete(self) -> None:
        await self.client.delete(self.id)


class AsyncClient:
    """As `Client`, for asyncio: `async with AsyncClient() as client: …`."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        api_key: str | None = None,
        patience: float = 30.0,
        transport: httpx2.AsyncBaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`transport`: another way to the server than the network. `headers` go with every request."""
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
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = await asyncio.to_thread(creation, prompt, fields)
        return self._video_in(await self._call("POST", "/v1/videos", json=body, headers=headers))

    async def remix(self, video_id: str, prompt: str) -> AsyncVideo:
        """The same video anew, with another prompt and a fresh seed."""
        return self._video_in(await self._call("POST", path_of(video_id, "remix"), json={"prompt": prompt}))

    async def extend(
        self, video_id: str, prompt: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]
    ) -> AsyncVideo:
        """See `Client.extend`."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = {**await asyncio.to_thread(creation, prompt, fields), "video": {"id": video_id}}
        return self._video_in(await self._call("POST", "/v1/videos/extensions", json=body, headers=headers))

    async def get(self, video_id: str) -> AsyncVideo:
        return self._video_in(await self._call("GET", path_of(video_id)))

    async def list(
        self,
        *,
        limit: int = 20,
        after: str | None = None,
        order: Literal["asc", "desc"] = "desc",
        status: Status | None = None,
    ) -> Page[AsyncVideo]:
        body = object_of(await self._call("GET", "/v1/videos", params=page_query(limit, after, order, status)))
        videos = tuple(self._video(item) for item in body["data"])
        return Page(videos=videos, has_more=body["has_more"], last_id=body.get("last_id"))

    async def cancel(self, video_id: str) -> AsyncVideo:
        return self._video_in(await self._call("POST", path_of(video_id, "cancel")))

    async def resume(self, video_id: str) -> AsyncVideo:
        """A new video of the same request that goes on from where that one has failed (its `resumable` says so)."""
        return self._video_in(await self._call("POST", path_of(video_id, "resume")))

    async def delete(self, video_id: str) -> None:
        await self._call("DELETE", path_of(video_id))

    async def deliveries(self, video_id: str) -> Sequence[Mapping[str, Any]]:
        """See `Client.deliveries`."""
        found: Sequence[Mapping[str, Any]] = object_of(await self._call("GET", path_of(video_id, "webhooks")))["data"]
        return found

    async def resend(self, video_id: str, delivery_id: str) -> Mapping[str, Any]:
        return object_of(await self._call("POST", path_of(video_id, "webhooks", delivery_id, "resend")))

    async def models(self) -> tuple[Model, ...]:
        return models_of(await self._call("GET", "/v1/models"))

    async def health(self) -> Mapping[str, Any]:
        return object_of(await self._call("GET", "/health"))

    async def ready(self) -> Mapping[str, Any]:
        return object_of(await self._call("GET", "/ready"))

    def events(self, video_id: str, *, after: str | None = None) -> AsyncGenerator[Event]:
        return self._events(video_id, after, None)

    async def wait(
        self,
        video_id: str,
        timeout: float | None = None,  # noqa: ASYNC109 – the same signature as the synchronous client's
        on_progress: Callable[[AsyncVideo], None] | None = None,
        on_preview: Callable[[bytes], None] | None = None,
    ) -> AsyncVideo:
        """See `Client.wait`. `on_progress` and `on_preview` are plain functions, called from the event loop."""
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
        """See `Client.save`."""
        async with self._stream(
            path_of(video_id, "content"), params={"variant": variant or variant_for(path)}
        ) as response:
            with Part(path) as part:
                async for chunk in response.aiter_bytes(CHUNK):
                    await asyncio.to_thread(part.write, chunk)
        return Path(path)

    async def content(self, video_id: str, variant: Variant = "video") -> tuple[bytes, str]:
        """See `Client.content`."""
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
