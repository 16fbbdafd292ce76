"""The Hugging Face engine: many remote jobs side by side in one child process.

Each job takes one thread, which mostly waits for a provider. `slots` bounds how many run side by side (default 64).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.huggingface.access import TOKEN_VARIABLE, Access
from reelwright.engines.huggingface.options import Options
from reelwright.engines.upstream.failover import Breakers

if TYPE_CHECKING:
    import httpx2

    from reelwright.engines.huggingface.render import Renderer

ENDPOINT_TOKEN_VARIABLE = "REELWRIGHT_ENDPOINT_TOKEN"
"""The token of a dedicated endpoint that is not at Hugging Face."""

_HUGGING_FACE = ("huggingface.co", ".huggingface.co", ".huggingface.cloud", ".hf.space")


class HuggingFaceEngine:
    """Implements `Engine`. `options` are those of `Options`; tokens and keys come from the environment."""

    def __init__(self, *, transport: httpx2.BaseTransport | None = None, **options: Any) -> None:
        """`transport` replaces the network; it cannot come from configuration, which is JSON."""
        self._access = Access.of(os.environ.get(TOKEN_VARIABLE), os.environ)
        self._options = Options.parse(options, self._access)
        self._transport = transport
        self._breakers = Breakers(failures=self._options.breaker_failures, seconds=self._options.breaker_seconds)
        self._renderer: Renderer | None = None

    def load(self) -> Mapping[str, Any]:
        """Build the one HTTP client and what uses it. Returns the library's version."""
        import huggingface_hub
        from huggingface_hub.utils._http import get_session

        from reelwright.engines.huggingface.endpoint import Endpoint
        from reelwright.engines.huggingface.guard import Guard
        from reelwright.engines.huggingface.mappings import Mappings
        from reelwright.engines.huggingface.provider import Provider
        from reelwright.engines.huggingface.render import Renderer
        from reelwright.engines.upstream.cpu_gate import CpuGate
        from reelwright.engines.upstream.download import Downloader
        from reelwright.engines.upstream.outcomes import Scrubber

        options, access = self._options, self._access
        its_token = endpoint_token(options.endpoint_url, access.token, _environment(ENDPOINT_TOKEN_VARIABLE))
        scrub = Scrubber((*access.secrets, its_token))
        Guard(
            scrub=scrub,
            connect_seconds=options.connect_seconds,
            idle_seconds=options.idle_seconds,
            access=access,
            endpoint_url=options.endpoint_url,
            endpoint_token=its_token,
            transport=self._transport,
        ).install()
        gate = CpuGate()
        downloader = Downloader(session=get_session, max_bytes=options.max_bytes, scrub=scrub, gate=gate)
        endpoint = None
        if options.endpoint_url:
            endpoint = Endpoint(
                url=options.endpoint_url, token=its_token, downloader=downloader, max_bytes=options.max_bytes
            )
        self._renderer = Renderer(
            options=options,
            provider=Provider(
                access=access, mappings=Mappings(scrub), scrub=scrub, max_image_bytes=options.max_image_bytes
            ),
            endpoint=endpoint,
            downloader=downloader,
            pictures=Downloader(session=get_session, max_bytes=options.max_image_bytes, scrub=scrub, gate=gate),
            breakers=self._breakers,
        )
        return {"huggingface_hub": huggingface_hub.__version__}

    def generate(self, job: RenderJob, report: Report) -> Made:
        """One encoded file, where the job's `clip` says. Raises `EngineError`."""
        assert self._renderer is not None, "load() comes first"
        return self._renderer.render(job, report)

    def state(self) -> Mapping[str, Any]:
        """For `/health`: `breakers`, the health of every provider asked so far."""
        return {"breakers": self._breakers.state()}


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def endpoint_token(url: str | None, token: str | None, own: str | None) -> str | None:
    """The token for an endpoint: its own; or else the Hugging Face token, if the endpoint is at Hugging Face and asked
    over TLS."""
    if url is None:
        return None
    if own:
        return own
    parts = urlsplit(url)
    host = parts.hostname or ""
    return token if parts.scheme == "https" and f".{host}".endswith(_HUGGING_FACE) else None
