"""Makes huggingface_hub safe: its requests end with the job's deadline or cancel, and send keys only where they belong.

huggingface_hub polls for ever, has time-outs per phase only, and cannot be cancelled. Its own hook, one client factory
for the whole process, makes it keep to the limits of the job that a thread works for (`upstream.network`): each
HTTP error is raised at once, and instead of reading the result of a job into memory, its address is told (`ResultAt`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants
from huggingface_hub.inference._providers import fal_ai, together, wavespeed, zai_org
from huggingface_hub.utils._http import set_client_factory

from reelwright.engines.huggingface.access import Access, home_at
from reelwright.engines.huggingface.refusals import from_hub, from_provider
from reelwright.engines.upstream.job_limits import JobLimits, current_limits
from reelwright.engines.upstream.network import Network
from reelwright.engines.upstream.outcomes import Scrubber, UpstreamError
from reelwright.errors import Code


class ResultAt(Exception):
    """The client is about to fetch the result of a job: here is its address. It is streamed to disk instead."""

    def __init__(self, url: str) -> None:
        super().__init__("the result is ready")
        self.url = url


class HubLimits(JobLimits):
    """Job limits that also see every answer that the library gets."""

    inspect: Callable[[httpx2.Response], None] | None = None
    """Set while a job is polled: called with every answer. A request without a token is then that for the result."""

    @contextmanager
    def polling(self, inspect: Callable[[httpx2.Response], None]) -> Iterator[None]:
        self.expect()
        self.inspect = inspect
        try:
            yield
        finally:
            self.inspect = None


class Guard:
    """Builds the one HTTP client of the process and keeps its rules. Times are in seconds."""

    def __init__(
        self,
        *,
        scrub: Scrubber,
        connect_seconds: float,
        idle_seconds: float,
        access: Access,
        endpoint_url: str | None,
        endpoint_token: str | None,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        """`transport`: see `Network`."""
        self._scrub = scrub
        urls = (constants.ENDPOINT, constants.INFERENCE_PROXY_TEMPLATE)
        own = [endpoint_url] if endpoint_url else []
        secrets: dict[str, list[str]] = {key: [*origins] for key, origins in access.bound.items()}
        if access.token:
            secrets.setdefault(access.token, []).extend(urls)
        if endpoint_token:
            secrets.setdefault(endpoint_token, []).extend(own)
        self._network = Network(
            trusted=[*urls, *own, *(origin for origins in access.bound.values() for origin in origins)],
            secrets=secrets,
            connect_seconds=connect_seconds,
            idle_seconds=idle_seconds,
            transport=transport,
            asked=_asked,
            answered=self._answered,
            redirected=_keep_token,
        )

    def install(self) -> None:
        """Make this the client of everything in huggingface_hub, and its pauses ours."""
        set_client_factory(self._network.client)
        for module in (fal_ai, together, wavespeed, zai_org):
            # These modules poll with `time.sleep` of up to 5 s, for which a cancel must not wait.
            vars(module)["time"] = _Pauses()
        # Together's client gives up after 150 polls; the job's deadline is to decide instead.
        vars(together)["_VIDEO_MAX_POLL_ATTEMPTS"] = 1_000_000

    def _answered(self, response: httpx2.Response) -> None:
        limits = current_limits()
        if limits is None:
            return
        if response.status_code >= 400:
            response.read()
            raise self._refusal(response)
        if isinstance(limits, HubLimits) and limits.inspect is not None:
            response.read()
            limits.inspect(response)

    def _refusal(self, response: httpx2.Response) -> UpstreamError:
        status, headers, text = response.status_code, response.headers, response.text
        if provider := home_at(str(response.request.url)):
            return from_provider(status, headers, text, provider, self._scrub)
        return from_hub(status, headers, text, upstream_name(response.request.url), self._scrub)


def _asked(request: httpx2.Request) -> None:
    limits = current_limits()
    polled = isinstance(limits, HubLimits) and limits.inspect is not None
    if polled and request.method == "GET" and "authorization" not in request.headers:
        raise ResultAt(str(request.url))


def _keep_token(response: httpx2.Response) -> None:
    """Refuses to follow a redirect of a request with the token to another host, which must not get the token."""
    request = response.request
    if response.has_redirect_location and "authorization" in request.headers:
        target = request.url.join(response.headers["location"])
        if target.netloc != request.url.netloc:
            message = f"{upstream_name(request.url)} redirected to another host; not followed."
            raise UpstreamError(message, code=Code.UPSTREAM_ERROR)


def upstream_name(url: httpx2.URL) -> str:
    """The name of who answers at an address, for messages: the provider, also when asked through the router, or the
    host."""
    if url.host == urlsplit(constants.INFERENCE_PROXY_TEMPLATE).hostname:
        return url.path.split("/")[1]
    return home_at(str(url)) or url.host


class _Pauses:
    """Takes the place of the `time` module in the providers' polling loops: its `sleep` keeps to the job's limits."""

    def sleep(self, seconds: float) -> None:
        limits = current_limits()
        if limits is None:
            time.sleep(seconds)
        else:
            limits.poll_pause()
