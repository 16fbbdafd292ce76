"""What both clients say and hear on the wire: paths, bodies, headers, and the words for a lost connection."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from reelwright.client.errors import Unreachable
from reelwright.client.facts import Fields, Model, Share, time_of

if TYPE_CHECKING:
    import httpx2

DEFAULT_SERVER = "http://127.0.0.1:3001"
CHUNK = 256 * 1024
_CONNECT_S, _ANSWER_S = 5.0, 60.0
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))


def connection(server: str, api_key: str | None) -> dict[str, Any]:
    """The arguments of an `httpx2` client. Raises ValueError when `server` is no address of a server."""
    import httpx2

    address = base_url(server)
    parts = urlsplit(address)
    return {
        "base_url": address,
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        "timeout": httpx2.Timeout(_ANSWER_S, connect=_CONNECT_S),
        # A proxy that the environment names cannot reach a server on this machine.
        "trust_env": not _loopback(parts.hostname),
        # Loading the certificates takes 60 ms, and without redirects a plain http server never leads to TLS.
        "verify": parts.scheme == "https",
        "follow_redirects": False,
    }


def base_url(server: str) -> str:
    """Where the API begins, without a slash at the end.

    `server` may lack the scheme (then it is http) and end in a slash, or in the `/v1` that OpenAI's clients want.
    Raises ValueError when it is no address of a server.
    """
    address = server.strip()
    address = address if "://" in address else f"http://{address}"
    parts = urlsplit(address)
    try:
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or any(character.isspace() for character in address):
        raise ValueError(f"Invalid server: {server!r}. Give an address such as {DEFAULT_SERVER}")
    return address.rstrip("/").removesuffix("/v1").rstrip("/")


def _loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def path_of(video_id: str, *parts: str) -> str:
    return "/".join(["/v1/videos", *(quote(part, safe="") for part in (video_id, *parts))])


def page_query(*, metadata: Mapping[str, str] | None, **asked: str | int | None) -> dict[str, str | int]:
    entries = {f"metadata[{name}]": value for name, value in (metadata or {}).items()}
    return {name: value for name, value in asked.items() if value is not None} | entries


def usage_query(since: date | None, until: date | None, key: str | None) -> dict[str, str]:
    asked = {"from": since and since.isoformat(), "to": until and until.isoformat(), "key": key}
    return {name: value for name, value in asked.items() if value}


def once(idempotency_key: str | None) -> dict[str, str]:
    """The header with which a repeated request makes no second video."""
    return {"Idempotency-Key": idempotency_key} if idempotency_key else {}


def creation(prompt: str, fields: Fields) -> dict[str, Any]:
    """The JSON body of `POST /v1/videos`; reads the images' files. Raises OSError when it cannot."""
    body = dict(cast("Mapping[str, Any]", fields))
    for own, name in (("image", "input_reference"), ("last_image", "last_image")):
        image = body.pop(own, None)
        if image is not None:
            body[name] = {"image_url": _image_url(image)}
    return {"prompt": prompt} | body


def extension(video: str | Path | bytes, prompt: str, fields: Fields) -> dict[str, Any]:
    """The body of `POST /v1/videos/extensions` as arguments of a request: JSON, or a form with the video's file."""
    body = creation(prompt, fields)
    if isinstance(video, str):
        return {"json": {**body, "video": {"id": video}}}
    data = video if isinstance(video, bytes) else video.read_bytes()
    form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    return {"data": form, "files": {"video": ("video.mp4", data, "video/mp4")}}


def _image_url(image: Path | bytes | str) -> str:
    if isinstance(image, str) and is_address(image):
        return image
    data = image if isinstance(image, bytes) else Path(image).read_bytes()
    return f"data:{picture_type(data) or 'application/octet-stream'};base64,{base64.b64encode(data).decode('ascii')}"


def is_address(image: str) -> bool:
    """Whether this is a URL (or data URI) of an image, not the path of a file. The scheme may be in any case."""
    return image.lower().startswith(("data:", "https://", "http://"))


def picture_type(data: bytes) -> str | None:
    """The media type of a PNG, JPEG or WebP by its first bytes; None for anything else."""
    return next((name for magic, name in _MAGIC if data.startswith(magic)), None)


def listening(after: str | None, silence: float | None) -> dict[str, Any]:
    """The request for a stream of events after the event `after`; silent for at most `silence` seconds (None: ever)."""
    import httpx2

    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    return {
        "headers": headers | ({"Last-Event-ID": after} if after else {}),
        "timeout": httpx2.Timeout(_ANSWER_S, connect=_CONNECT_S, read=silence),
    }


def event_data(text: str) -> Mapping[str, Any]:
    data = json.loads(text) if text else {}
    return data if isinstance(data, dict) else {"value": data}


def poll_after(response: httpx2.Response) -> float:
    """Seconds until the server wants to be asked again (`openai-poll-after-ms`); 1 where it does not say."""
    try:
        return max(0.05, float(response.headers.get("openai-poll-after-ms", 1000)) / 1000)
    except ValueError:
        return 1.0


def models_of(response: httpx2.Response) -> tuple[Model, ...]:
    return tuple(model_of(item) for item in object_of(response)["data"])


def model_of(body: Mapping[str, Any]) -> Model:
    return Model(
        id=body["id"],
        default=body.get("default", False),
        card=body.get("card", {}),
        refinements=body.get("refinements", {}),
    )


def share_of(response: httpx2.Response) -> Share:
    body = object_of(response)
    return Share(url=body["url"], expires_at=time_of(body["expires_at"]))


def object_of(response: httpx2.Response) -> Mapping[str, Any]:
    """The JSON object in an answer. Raises `Unreachable` for anything else: that is no Reelwright server."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Unreachable(f"{response.request.url} did not answer with a JSON object. Is that a Reelwright server?")
    return body


@contextmanager
def reaching(server: object) -> Iterator[None]:
    """Names the server in every failure of the connection."""
    import httpx2

    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):  # OpenSSL's name; the library has no class of its own for it
            raise Unreachable(f"{server} was not asked, because its certificate is not valid: {error}") from error
        raise Unreachable(f"No server answers at {server}") from error
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise Unreachable(f"The connection to {server} broke: {str(error) or type(error).__name__}") from error
