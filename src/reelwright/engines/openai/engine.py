"""The openai engine: jobs at servers that speak `/v1/videos`, side by side in one child process.

Each job takes one thread, which mostly waits for the server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.openai.options import Options
from reelwright.engines.upstream.failover import Breakers

if TYPE_CHECKING:
    import httpx2

    from reelwright.engines.openai.rendering import Renderer

TOKEN_VARIABLE = "REELWRIGHT_UPSTREAM_TOKEN"
"""The token of all configured servers, in this child's environment only."""


class OpenAIEngine:
    """Implements `Engine`. `options` are those of `Options`; the token comes from the environment."""

    def __init__(self, *, transport: httpx2.BaseTransport | None = None, **options: Any) -> None:
        """`transport`: see `Network`."""
        self._transport = transport
        self._options = Options.parse(options)
        self._breakers = Breakers(failures=self._options.breaker_failures, seconds=self._options.breaker_seconds)
        self._renderer: Renderer | None = None

    def load(self) -> Mapping[str, Any]:
        """Build the one HTTP client and what uses it. Asks no server: one may start later than this."""
        from reelwright.engines.openai.rendering import Renderer
        from reelwright.engines.openai.server import Server
        from reelwright.engines.upstream.cpu_gate import CpuGate
        from reelwright.engines.upstream.download import Downloader
        from reelwright.engines.upstream.network import Network
        from reelwright.engines.upstream.outcomes import Scrubber

        options = self._options
        token = os.environ.get(TOKEN_VARIABLE, "").strip() or None
        scrub = Scrubber((token,))
        client = Network(
            trusted=[one.url for one in options.upstreams],
            secret_headers=[options.auth_header],
            connect_seconds=options.connect_seconds,
            idle_seconds=options.idle_seconds,
            transport=self._transport,
        ).client()
        headers = options.headers(token)
        self._renderer = Renderer(
            options=options,
            servers=[Server(upstream=one, client=client, headers=headers, scrub=scrub) for one in options.upstreams],
            downloader=Downloader(session=lambda: client, max_bytes=options.max_bytes, scrub=scrub, gate=CpuGate()),
            breakers=self._breakers,
            scrub=scrub,
        )
        return {}

    def generate(self, job: RenderJob, report: Report) -> Made:
        """One encoded file, where the job's `clip` says. Raises `EngineError`."""
        assert self._renderer is not None, "load() comes first"
        return self._renderer.render(job, report)

    def state(self) -> Mapping[str, Any]:
        """For `/health`: `breakers`, the health of every server asked so far."""
        return {"breakers": self._breakers.state()}
