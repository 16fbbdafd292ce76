"""`GET /metrics` in the Prometheus and OpenMetrics text formats (https://prometheus.io/docs/instrumenting/exposition_formats/).

Jobs are counted when they end, from the facts that are stored with their videos; gauges are read when somebody asks.
All counts begin at zero with the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reelwright import __version__
from reelwright.errors import Code
from reelwright.store.fleet_queue import Backlog
from reelwright.video import Status, Video

JOB_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 3600)
HTTP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10, 60, 300)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
"""The route of requests that no route took: unknown paths, and what was refused before the routes."""


class Metrics:
    """The server's counters, in a registry of their own."""

    def __init__(self, default_engine: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        Gauge(
            "reelwright_info",
            "The version that runs and its default engine",
            ("version", "engine"),
            registry=self.registry,
        ).labels(__version__, default_engine).set(1)
        self._ended = self._counter(
            "reelwright_jobs", "Jobs that have ended, by status: completed, failed, cancelled", "engine", "status"
        )
        self._failures = self._counter(
            "reelwright_job_failures", "Failed jobs by error code (docs/errors.md)", "engine", "code"
        )
        self._upstream = self._counter(
            "reelwright_upstream_errors",
            "Errors of inference providers: those that a job survived by asking another, and those it ended with",
            "engine",
            "code",
        )
        self._wait = self._histogram("reelwright_queue_wait_seconds", "From the submission to the first attempt")
        self._render = self._histogram("reelwright_render_seconds", "In the engine, of the attempt that made the video")
        self._finish = self._histogram("reelwright_finish_seconds", "Encoding, probing, poster and storing")
        self._made = self._counter("reelwright_video_bytes", "Bytes of the finished videos", "engine")
        self._requests = self._counter(
            "reelwright_http_requests", "Answers by route and status", "method", "route", "status"
        )
        self._durations = Histogram(
            "reelwright_http_request_seconds",
            "From the headers of a request to the end of its answer, by route",
            ("method", "route"),
            buckets=HTTP_SECONDS,
            registry=self.registry,
        )
        self._stored_videos = Gauge("reelwright_stored_videos", "Finished videos in the store", registry=self.registry)
        self._stored_bytes = Gauge(
            "reelwright_stored_bytes", "Bytes of the videos in the store", registry=self.registry
        )
        self.by_key = CollectorRegistry()
        """What each API key has used, by its id: only for those who may manage keys."""
        self._key_jobs = Counter(
            "reelwright_key_jobs",
            "Jobs of each API key that have ended, by status",
            ("key", "status"),
            registry=self.by_key,
        )
        self._key_video = Counter(
            "reelwright_key_video_seconds", "Finished video of each API key", ("key",), registry=self.by_key
        )
        self._key_engine = Counter(
            "reelwright_key_engine_seconds",
            "Time in engines of the attempts that made it",
            ("key",),
            registry=self.by_key,
        )

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self.registry)

    def _histogram(self, name: str, description: str) -> Histogram:
        return Histogram(name, description, ("engine",), buckets=JOB_SECONDS, registry=self.registry)

    def watch(self, backlog: Callable[[], Mapping[str, Backlog]], restarts: Callable[[], Mapping[str, int]]) -> None:
        """`backlog`: what waits and runs, by engine. `restarts`: engine children replaced, by engine."""
        self.registry.register(_Live(backlog, restarts))

    def job_ended(self, video: Video) -> None:
        """Count a video that has just reached its terminal state."""
        engine, failure = video.spec.engine, video.failure
        cancelled = failure is not None and failure.code == Code.CANCELLED
        status = "cancelled" if cancelled else video.status.value
        self._ended.labels(engine, status).inc()
        if video.key:
            self._key_ended(video, status)
        if video.started_at is not None:
            self._wait.labels(engine).observe(max(0.0, (video.started_at - video.created_at).total_seconds()))
        if failure is not None and not cancelled:
            self._failures.labels(engine, failure.code).inc()
        for code in _upstream_errors(video):
            self._upstream.labels(engine, code).inc()
        for histogram, fact in ((self._render, "render_s"), (self._finish, "finish_s")):
            if fact in video.made_with:
                histogram.labels(engine).observe(float(video.made_with[fact]))
        if video.file is not None:
            self._made.labels(engine).inc(video.file.size)

    def _key_ended(self, video: Video, status: str) -> None:
        self._key_jobs.labels(video.key, status).inc()
        if video.file is not None:
            self._key_video.labels(video.key).inc(video.file.num_frames / video.file.fps)
            self._key_engine.labels(video.key).inc(float(video.made_with.get("render_s", 0)))

    def request_ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer. `route`: the template of its path; None when no route took it."""
        method, route = method if method in METHODS else "other", route or UNMATCHED
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    def store_holds(self, videos: int, size: int) -> None:
        """How many finished videos there are now, and their bytes."""
        self._stored_videos.set(videos)
        self._stored_bytes.set(size)


class RouteName:
    """ASGI middleware right around the routes: notes which of them took the request, for those further outside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            if route := scope.get("route"):
                scope["state"]["route"] = route.path


def metrics_router(
    metrics: Metrics, stored: Callable[[], Awaitable[tuple[int, int]]], shows_keys: Callable[[Request], bool]
) -> APIRouter:
    """`stored`: how many finished videos there are, and their bytes. `shows_keys`: whether a request is answered with
    what each key has used."""
    router = APIRouter(tags=["health"])

    @router.get("/metrics", response_class=Response)
    async def scrape(request: Request) -> Response:
        """The server's metrics in the form that the scraper asks for; those of each API key for the scope `admin`."""
        metrics.store_holds(*await stored())
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        shown: list[Collector] = [metrics.registry]
        if shows_keys(request):
            shown.append(metrics.by_key)
        return Response(encode(_Together(shown)), headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    return router


class _Together(CollectorRegistry):
    """Several registries as one."""

    def __init__(self, parts: Sequence[Collector]) -> None:
        super().__init__()
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        for part in self._parts:
            yield from part.collect()


class _Live(Collector):
    """Gauges whose values are read when somebody asks: jobs that wait and run, and restarts of engine processes."""

    def __init__(self, backlog: Callable[[], Mapping[str, Backlog]], restarts: Callable[[], Mapping[str, int]]) -> None:
        self._backlog = backlog
        self._restarts = restarts

    def collect(self) -> Iterator[Metric]:
        restarts, lines = self._restarts(), self._backlog()
        jobs = GaugeMetricFamily("reelwright_jobs_active", "Jobs that wait or run", labels=("engine", "status"))
        oldest = GaugeMetricFamily(
            "reelwright_backlog_seconds", "How long the job that waits longest has waited", labels=("engine",)
        )
        for engine in sorted(restarts.keys() | lines.keys()):
            line = lines.get(engine, Backlog())
            jobs.add_metric((engine, Status.QUEUED.value), line.waiting)
            jobs.add_metric((engine, Status.IN_PROGRESS.value), line.running)
            oldest.add_metric((engine,), line.oldest_s)
        yield oldest
        yield jobs
        replaced = CounterMetricFamily(
            "reelwright_engine_restarts", "Engine processes that died or were killed and replaced", labels=("engine",)
        )
        for engine, count in sorted(restarts.items()):
            replaced.add_metric((engine,), count)
        yield replaced


def _upstream_errors(video: Video) -> Iterator[str]:
    """The error codes of providers in a video's record: of the tries before the last, and of the failure."""
    for one in video.made_with.get("tries", ()):
        if one["outcome"] != Status.COMPLETED:
            yield one["outcome"]
    if video.failure is not None and video.failure.code.startswith("upstream_"):
        yield video.failure.code
