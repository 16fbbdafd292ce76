"""The first lines that the server prints or logs when it is ready."""

from __future__ import annotations

from collections.abc import Mapping

from reelwright import __version__

RUNNING = "✅ Video generation server running"
WORKING = "✅ Video generation worker running"


def addresses(url: str) -> Mapping[str, str]:
    """Where the server can be used; `url` has no trailing slash."""
    return {"server": url, "video_api": f"{url}/api/video/generate", "health_check": f"{url}/health", "page": f"{url}/"}


def banner(url: str, engine: str, reason: str) -> str:
    """The lines of the banner. The first four are the contract's, word for word: scripts wait for them."""
    at = addresses(url)
    return "\n".join(
        [
            RUNNING,
            f"🚀 Server: {at['server']}",
            f"🎬 Video API: {at['video_api']}",
            f"💚 Health Check: {at['health_check']}",
            f"🎞️ Page: {at['page']}",
            f"🎨 Engine: {engine} ({reason})",
            f"📦 Reelwright {__version__}",
        ]
    )


def worker_banner(name: str, database: str, engine: str, reason: str, url: str | None) -> str:
    """What a worker tells, which makes videos and has no API. `url`: where its health can be asked for, if anywhere."""
    health = [f"💚 Health Check: {url}/health"] if url else []
    return "\n".join(
        [
            WORKING,
            f"👷 Worker: {name}",
            f"🗄️ {database}",
            *health,
            f"🎨 Engine: {engine} ({reason})",
            f"📦 Reelwright {__version__}",
        ]
    )
