"""The ComfyUI engine: many remote jobs side by side in one child process; each takes one thread and waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reelwright.engines.comfyui.library import read_library
from reelwright.engines.comfyui.options import Options
from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.upstream.failover import Breakers

if TYPE_CHECKING:
    import httpx2

    from reelwright.engines.comfyui.rendering import Renderer
    from reelwright.engines.comfyui.servers import Servers

TOKEN_VARIABLE = "REELWRIGHT_COMFYUI_TOKEN"
CHECKER = "comfyui-health"
"""The name of the thread that checks whether the ComfyUIs are healthy."""


class ComfyUIEngine:
    """Implements `Engine`. `options` are those of `Options`; the token comes from the environment."""

    def __init__(self, *, transport: httpx2.BaseTransport | None = None, **options: Any) -> None:
        """`transport`: see `Network`."""
        self._options = Options.parse(options)
        self._transport = transport
        self._renderer: Renderer | None = None
        self._servers: Servers | None = None

    def load(self) -> Mapping[str, Any]:
        """Read the workflows and look at each ComfyUI. One that is down now may be up later. Returns their versions."""
        from reelwright.engines.comfyui.refusals import without_paths
        from reelwright.engines.comfyui.rendering import Renderer, classes_of
        from reelwright.engines.comfyui.server import ComfyUI
        from reelwright.engines.comfyui.servers import Servers
        from reelwright.engines.upstream.cpu_gate import CpuGate
        from reelwright.engines.upstream.download import Downloader
        from reelwright.engines.upstream.network import Network
        from reelwright.engines.upstream.outcomes import Scrubber

        options = self._options
        token = os.environ.get(TOKEN_VARIABLE, "").strip() or None
        scrub = Scrubber((token,), cut=without_paths)
        client = Network(
            trusted=options.urls,
            secret_headers=[options.auth_header],
            connect_seconds=options.connect_seconds,
            idle_seconds=options.idle_seconds,
            transport=self._transport,
        ).client()
        headers = options.headers(token)
        workflows = read_library(options.workflows).workflows
        breakers = Breakers(failures=options.breaker_failures, seconds=options.breaker_seconds)
        self._servers = Servers(
            [ComfyUI(url=url, client=client, headers=headers, scrub=scrub) for url in options.urls],
            breakers=breakers,
            stall_seconds=options.stall_seconds,
            exclusive=options.exclusive,
            classes={name: classes_of(workflow) for name, workflow in workflows.items()},
        )
        self._servers.check_once()
        threading.Thread(target=self._servers.check, name=CHECKER, daemon=True).start()
        self._renderer = Renderer(
            options=options,
            workflows=workflows,
            servers=self._servers,
            breakers=breakers,
            downloader=Downloader(session=lambda: client, max_bytes=options.max_bytes, scrub=scrub, gate=CpuGate()),
            scrub=scrub,
        )
        return {}

    def generate(self, job: RenderJob, report: Report) -> Made:
        """One encoded file, where the job's `clip` says, or frames. Raises `EngineError`."""
        assert self._renderer is not None, "load() comes first"
        return self._renderer.render(job, report)

    def state(self) -> Mapping[str, Any]:
        """For `/health`: `servers`, what each ComfyUI was like when it was looked at last."""
        return {"servers": self._servers.state() if self._servers else {}}
