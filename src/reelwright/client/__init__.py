"""The Python client: `Client` and `AsyncClient` over the server's public HTTP API.

    from reelwright import Client

    with Client("http://127.0.0.1:3001") as client:
        video = client.generate("A beautiful sunset over the ocean", seed=7)
        video.wait(on_progress=lambda v: print(v.progress)).save("sunset.mp4")

It speaks `/v1/videos` and imports no other part of this package.
"""

from reelwright.client.asynchronous import AsyncClient, AsyncVideo
from reelwright.client.errors import (
    APIError,
    BadRequest,
    Busy,
    ClientError,
    Conflict,
    Forbidden,
    NotFound,
    ServerFault,
    Unauthorized,
    Unreachable,
    VideoFailed,
    WaitTimeout,
)
from reelwright.client.facts import (
    Beside,
    Event,
    Failure,
    Fields,
    Model,
    Page,
    Shape,
    Share,
    Status,
    Variant,
    VideoFacts,
)
from reelwright.client.synchronous import Client, Video
from reelwright.client.wire import DEFAULT_SERVER

__all__ = [
    "DEFAULT_SERVER",
    "APIError",
    "AsyncClient",
    "AsyncVideo",
    "BadRequest",
    "Beside",
    "Busy",
    "Client",
    "ClientError",
    "Conflict",
    "Event",
    "Failure",
    "Fields",
    "Forbidden",
    "Model",
    "NotFound",
    "Page",
    "ServerFault",
    "Shape",
    "Share",
    "Status",
    "Unauthorized",
    "Unreachable",
    "Variant",
    "Video",
    "VideoFacts",
    "VideoFailed",
    "WaitTimeout",
]
