"""What a person sees when the server is up."""

from __future__ import annotations

from reelwright import __version__


def banner(url: str, engine: str, reason: str) -> str:
    """The lines of the banner; `url` has no trailing slash."""
    return "\n".join(
        [
            "",
            f"🎞️  Reelwright {__version__}",
            f"🚀 Server     {url}",
            f"🎬 Video API  {url}/api/video/generate",
            f"💚 Health     {url}/health",
            f"🖥️  Page       {url}/",
            f"🎨 Engine     {engine} ({reason})",
            "",
        ]
    )
