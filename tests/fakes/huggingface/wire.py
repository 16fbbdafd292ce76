"""The way to the fake from inside the process: the real client, its real code for every provider, another port."""

from __future__ import annotations

import httpx2

from reelwright.engines.upstream.network import sliced


class _Rewriting(httpx2.BaseTransport):
    def __init__(self, port: int) -> None:
        self._port = port
        self._network = sliced(httpx2.HTTPTransport(limits=httpx2.Limits(max_connections=None)))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        # The Host header was set from the address before: the fake routes by it. The client keeps its own request.
        sent = httpx2.Request(
            request.method,
            request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return self._network.handle_request(sent)

    def close(self) -> None:
        self._network.close()


def rewriting(port: int) -> httpx2.BaseTransport:
    """A transport that sends every request to the fake on `port`, whatever its address, and keeps the Host header."""
    return _Rewriting(port)
