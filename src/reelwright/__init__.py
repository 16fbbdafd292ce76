"""Reelwright: a prompt goes in, an MP4 comes out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    # The client costs 0.1 s to import; whoever only wants the version does not pay for it.
    if name in __all__:
        from reelwright import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
