"""Load on a server: a number of videos, several of them at a time, and how long each took."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reelwright.client import AsyncClient, AsyncVideo, Busy, ClientError, Fields, ServerFault, VideoFailed

_RANKS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One request. `latency_s` runs from its first byte until its end is known; `failure` is its error code, if any."""

    latency_s: float
    video: Mapping[str, Any]
    failure: str | None = None

    @property
    def parts(self) -> Mapping[str, float]:
        """What the latency is made of: `wait_s` is all that is not the job's own time (the queue, the network)."""
        made_with, own = self.video.get("made_with") or {}, self.video.get("generation_seconds")
        measured = {name: made_with.get(name) for name in ("render_s", "finish_s")}
        waited = None if own is None else max(0.0, self.latency_s - own)
        found = {"latency_s": self.latency_s, "wait_s": waited, **measured}
        return {name: float(seconds) for name, seconds in found.items() if seconds is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a measurement has found.

    `first` is the request before all others: after a start its latency includes the engine's loading. `seconds` is how
    long the others took together.
    """

    first: Try
    tries: Sequence[Try]
    seconds: float

    @property
    def completed(self) -> Sequence[Try]:
        return [one for one in self.tries if one.failure is None]

    def to_json(self) -> dict[str, Any]:
        done = self.completed
        frames = sum(one.video.get("num_frames") or 0 for one in done)
        facts = {name: self.first.video.get(name) for name in ("engine", "model", "size", "num_frames")}
        parts = ("latency_s", "wait_s", "render_s", "finish_s")
        return {
            **facts,
            "completed": len(done),
            "failed": dict(Counter(one.failure for one in self.tries if one.failure)),
            "seconds": round(self.seconds, 3),
            "videos_per_second": round(len(done) / self.seconds, 3),
            "frames_per_second": round(frames / self.seconds, 3),
            "first_s": round(self.first.latency_s, 3),
            **{name: spread([one.parts[name] for one in done if name in one.parts]) for name in parts},
        }


def spread(values: Sequence[float]) -> Mapping[str, float] | None:
    """Mean, extremes and nearest-rank percentiles; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    ranks = {name: ordered[math.ceil(share * len(ordered)) - 1] for name, share in _RANKS.items()}
    found = {"mean": sum(ordered) / len(ordered), "min": ordered[0], **ranks, "max": ordered[-1]}
    return {name: round(value, 3) for name, value in found.items()}


class Load:
    """Sends the requests. Raises what the client raises when the server is not there or refuses the request itself."""

    def __init__(self, client: AsyncClient, prompt: str, fields: Fields, *, keep: bool) -> None:
        """Without a seed in `fields` each video is rendered, none is a copy of an earlier one. `keep`: the videos stay
        on the server."""
        self._client = client
        self._prompt = prompt
        self._fields = fields
        self._keep = keep
        self._made: list[str] = []

    async def run(self, requests: int, concurrency: int, on_end: Callable[[int], None]) -> Report:
        """Send all requests. `on_end` is called after each end with the number of videos that have ended."""
        tries: list[Try] = []
        numbers = iter(range(requests))

        async def ask_on() -> None:
            for _ in numbers:
                tries.append(await self._try())
                on_end(len(tries))

        try:
            first = await self._make()
            begun = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(min(requests, concurrency)):
                    group.create_task(ask_on())
            return Report(first=first, tries=tries, seconds=time.perf_counter() - begun)
        except* ClientError as errors:
            raise _first_of(errors) from None
        finally:
            await self._tidy()

    async def _try(self) -> Try:
        begun = time.perf_counter()
        try:
            return await self._make()
        except VideoFailed as error:
            code = error.video.error.code if error.video.error else "unknown"
            return Try(latency_s=time.perf_counter() - begun, video=error.video.raw, failure=code)
        except (Busy, ServerFault) as error:
            # A server under too much load says so; that is a result.
            return Try(latency_s=time.perf_counter() - begun, video={}, failure=f"http_{error.status}")

    async def _make(self) -> Try:
        begun = time.perf_counter()
        submitted = await self._submit()
        video = await submitted.wait()
        return Try(latency_s=time.perf_counter() - begun, video=video.raw)

    async def _submit(self) -> AsyncVideo:
        """Create a video. An interruption waits for the answer to it: without the video's id the job could not be
        cancelled."""
        submission = asyncio.create_task(self._client.generate(self._prompt, **self._fields))
        try:
            return await asyncio.shield(submission)
        finally:
            self._made.append((await submission).id)

    async def _tidy(self) -> None:
        """Cancel the jobs that are under way and delete the videos, unless they are kept; after an interruption,
        too."""
        end = self._client.cancel if self._keep else self._client.delete
        for video_id in self._made:
            with suppress(ClientError):
                await end(video_id)


def _first_of(errors: BaseExceptionGroup[ClientError]) -> ClientError:
    first = errors.exceptions[0]
    return first if isinstance(first, ClientError) else _first_of(first)
