"""What is configured for the openai engine, read from plain JSON and checked once."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from reelwright.engines.openai.models import Model, models_in
from reelwright.engines.options import check_names
from reelwright.engines.upstream.options import AUTHORIZATION, check_auth_header, token_headers
from reelwright.errors import ConfigurationError

ENGINE = "openai"
MOST_UPSTREAMS = 64


class Body(StrEnum):
    """How a create is sent. `auto`: as multipart form data, and as JSON to a server that refuses that."""

    AUTO = "auto"
    MULTIPART = "multipart"
    JSON = "json"


class Policy(StrEnum):
    """What is done with a job of which nobody knows whether the server took it, or that its server has lost."""

    FAIL = "fail"
    RESUBMIT = "resubmit"


class Cancel(StrEnum):
    """How a job that was cancelled here is ended at its server: in the way that the server offers, or not at all."""

    AUTO = "auto"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One server. `url` ends before `/v1/videos` and has no slash at its end.

    `model` is the name that it is sent, in place of the card's own. `when_unknown`: whether a job is sent again when
    nobody knows if the server took it. `when_lost`: the same when the server took it and knows it no more.
    """

    url: str
    model: str | None = None
    body: Body = Body.AUTO
    when_unknown: Policy = Policy.FAIL
    when_lost: Policy = Policy.FAIL
    cancel: Cancel = Cancel.AUTO

    @property
    def name(self) -> str:
        """Host and port, which may be shown: without path, user and password."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The engine's options. Times are in seconds, sizes in bytes.

    `upstreams` are asked in the order of how busy this engine keeps them, equals in their configured order. `models`
    are the cards. `auth_header` is the header that carries the token; `Authorization` carries it as a bearer token.
    `jobs_per_url`: how many jobs there are per server, all together; with two of them a GPU has its next job at once,
    and what waits, waits in the fair queue. `poll_seconds` is the shortest pause between two looks at a job.
    `lost_seconds`: a job that its server does not know for so long, three looks in a row, is lost. `gone_seconds`: a
    server that does not answer for so long is taken for one that has lost its jobs, unless it is a Reelwright.
    `submissions` bounds how often one job is sent. `file_seconds`: a completed video's file may come so much later.
    `route_seconds` bounds the time of an accepted job at one server (None: the job's whole time). `idle_seconds` bounds
    the silence while something is being read. `tries`, `first_wait_seconds`, `breaker_failures` and `breaker_seconds`
    are those of every engine with upstreams.
    """

    upstreams: tuple[Upstream, ...] = ()
    models: tuple[Model, ...] = ()
    auth_header: str = AUTHORIZATION
    jobs_per_url: int = 2
    max_bytes: int = 512 * 1024 * 1024
    connect_seconds: float = 5.0
    idle_seconds: float = 30.0
    route_seconds: float | None = None
    poll_seconds: float = 0.5
    lost_seconds: float = 10.0
    gone_seconds: float = 60.0
    file_seconds: float = 10.0
    submissions: int = 3
    tries: int = 3
    first_wait_seconds: float = 2.0
    breaker_failures: int = 5
    breaker_seconds: float = 60.0

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Raises `ConfigurationError` that names the option, the value and the remedy."""
        values = dict(options)
        check_names("openai", values, {one.name for one in fields(cls)})
        values["upstreams"] = _upstreams(values.get("upstreams", ()))
        values["models"] = _models(values.get("models"), values["upstreams"])
        for name, kind in _NUMBERS.items():
            if name in values:
                _check_number(name, values[name], kind)
        check_auth_header("openai", values.get("auth_header", AUTHORIZATION))
        return cls(**values)

    def headers(self, token: str | None) -> dict[str, str]:
        """What each request to an upstream carries."""
        return token_headers(token, self.auth_header)

    @property
    def slots(self) -> int:
        """How many jobs run side by side."""
        return max(1, len(self.upstreams)) * self.jobs_per_url


_NUMBERS: Mapping[str, type] = {
    "jobs_per_url": int,
    "max_bytes": int,
    "connect_seconds": float,
    "idle_seconds": float,
    "poll_seconds": float,
    "lost_seconds": float,
    "gone_seconds": float,
    "file_seconds": float,
    "submissions": int,
    "tries": int,
    "first_wait_seconds": float,
    "breaker_failures": int,
    "breaker_seconds": float,
}


def _check_number(name: str, value: object, kind: type) -> None:
    number = isinstance(value, int) or (kind is float and isinstance(value, float))
    if isinstance(value, bool) or not number or not value > 0:  # type: ignore[operator]
        wanted = "a whole number" if kind is int else "a number"
        raise ConfigurationError(f"Invalid {name} of the openai engine: {value!r}. Give {wanted} above 0.")


def _upstreams(given: object) -> tuple[Upstream, ...]:
    listed = [given] if isinstance(given, str | Mapping) else given
    if not isinstance(listed, list | tuple) or len(listed) > MOST_UPSTREAMS:
        raise ConfigurationError(
            f"Invalid upstreams of the openai engine: {given!r}. Give a list of addresses, or of "
            '{"url": …, "model": …}.'
        )
    found = tuple(_upstream(one) for one in listed)
    urls = [one.url for one in found]
    if double := next((url for url in urls if urls.count(url) > 1), None):
        raise ConfigurationError(f"Invalid upstreams of the openai engine: {double!r} is there twice. Name it once.")
    return found


def _upstream(given: object) -> Upstream:
    values: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"url": given}
    known = [one.name for one in fields(Upstream)]
    if unknown := sorted(set(values) - set(known)):
        raise ConfigurationError(
            f"Unknown entry of an upstream of the openai engine: {unknown[0]!r}. Known: {', '.join(known)}."
        )
    url = base_url(values.get("url"))
    chosen: dict[str, Any] = {"when_lost": Policy.RESUBMIT if is_private(url) else Policy.FAIL}
    for name, kind in (("body", Body), ("when_unknown", Policy), ("when_lost", Policy), ("cancel", Cancel)):
        if name in values:
            chosen[name] = _word(name, values[name], kind)
    model = values.get("model")
    if model is not None and (not isinstance(model, str) or not model):
        raise ConfigurationError(
            f"Invalid model of an upstream of the openai engine: {model!r}. Give the name that it knows, or none."
        )
    return Upstream(url=url, model=model, **chosen)


def _word(name: str, value: object, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(str(value))
    except ValueError:
        words = " or ".join(kind)
        raise ConfigurationError(
            f"Invalid {name} of an upstream of the openai engine: {value!r}. Give {words}."
        ) from None


def base_url(given: object) -> str:
    """An address up to `/v1/videos`, however much of it was written. Raises `ConfigurationError`."""
    text = str(given).strip()
    try:
        parts = urlsplit(text)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or bool(parts.query or parts.fragment)
        wrong = wrong or (parts.port is not None and not parts.port)
    except ValueError:
        wrong = True
    if not isinstance(given, str) or wrong or parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            f"Invalid address of an upstream: {text.rpartition('@')[2]!r}. Give it as http://host:port or "
            "https://host, without a user name; a token goes into REELWRIGHT_UPSTREAM_TOKEN."
        )
    path = parts.path.rstrip("/")
    for ending in ("/videos", "/v1"):
        path = path.removesuffix(ending)
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def is_private(url: str) -> bool:
    """Whether the address is one of this machine or of a private network, as far as its letters tell."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # RFC 6761 and RFC 6762; `.internal` is reserved by ICANN (2024); a name without a dot is local, too.
        return "." not in host or host.endswith((".localhost", ".local", ".internal", ".lan", ".home.arpa"))
    return address.is_private or address.is_loopback or address.is_link_local


def _models(given: object, upstreams: tuple[Upstream, ...]) -> tuple[Model, ...]:
    """The models' cards. Without any, one that a server with an unknown model can keep."""
    if given is None:
        named = upstreams[0].model if upstreams else None
        return (Model.unknown(named),)
    if isinstance(given, str):
        given = _read(given)
    found = models_in(given)
    if not found:
        raise ConfigurationError(
            f"Invalid models of the openai engine: {str(given)[:80]!r} names none. Give a list of names or cards, or "
            "the file that holds an upstream's answer to GET /v1/models."
        )
    return found


def _read(path: str) -> object:
    try:
        return json.loads(Path(path).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise ConfigurationError(
            f"Invalid models of the openai engine: the file {path!r} cannot be read ({why}). Save an upstream's answer "
            "with: curl http://host:port/v1/models > models.json"
        ) from None
