"""What is configured for the ComfyUI engine, read from plain JSON and checked once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit

from reelwright.engines.options import check_names
from reelwright.engines.upstream.options import AUTHORIZATION, check_auth_header, token_headers
from reelwright.errors import ConfigurationError

DEFAULT_WORKFLOWS = "workflows"
_ADDRESS = "Give an address such as http://127.0.0.1:8188 (REELWRIGHT_COMFYUI_URL)."
PREVIEWS = ("auto", "latent2rgb", "taesd", "none")
"""ComfyUI's own words for `extra_data.preview_method` (0.28 and later)."""

_WHOLE = {
    "jobs_per_url": (1, 64),
    "tries": (1, 10),
    "lost_looks": (1, 100),
    "max_bytes": (1024, 1 << 40),
    "max_image_bytes": (1024, 1 << 30),
    "breaker_failures": (1, 1000),
}
_SECONDS = {
    "poll_seconds": (0.05, 60.0),
    "stall_seconds": (1.0, 3600.0),
    "preview_seconds": (0.0, 3600.0),
    "connect_seconds": (0.1, 600.0),
    "idle_seconds": (0.1, 3600.0),
    "route_seconds": (1.0, 7 * 86_400.0),
    "breaker_seconds": (0.0, 86_400.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The engine's options. Times are in seconds, sizes in bytes.

    `urls` are the addresses of running ComfyUIs, without a slash at the end; each may have a path of its own behind a
    proxy. `workflows` are folders and files: every `.json` in a folder is a model. `jobs_per_url` is how many jobs one
    ComfyUI is given at a time. It makes one after the other, so more than one only shortens the gap between two.
    `tries` bounds the submissions of one job. `poll_seconds` is the shortest pause between two looks at it;
    after `lost_looks` looks in a row at which a ComfyUI that answers does not know it, it is lost. A ComfyUI in which
    jobs wait and none runs for `stall_seconds` is taken for down. `previews` is the method that makes the previews,
    told at most each `preview_seconds`. `max_bytes` bounds a finished file, `max_image_bytes` an uploaded picture.
    `idle_seconds` bounds the silence while something is being read, `route_seconds` the time that a job may take at one
    address before the next is asked (None: the whole deadline). An address that failed `breaker_failures` times in a
    row is asked last for `breaker_seconds`. `exclusive`: nobody else uses these ComfyUIs, so a running job may be
    stopped also where ComfyUI cannot be told which (before 0.3.57). `auth_header` is the header that carries the token:
    in `Authorization` it stands after `Bearer`, in any other as it is.
    """

    urls: tuple[str, ...] = ()
    workflows: tuple[Path, ...] = (Path(DEFAULT_WORKFLOWS),)
    jobs_per_url: int = 1
    tries: int = 2
    poll_seconds: float = 0.5
    lost_looks: int = 3
    stall_seconds: float = 30.0
    previews: str = "auto"
    preview_seconds: float = 1.0
    max_bytes: int = 512 * 1024 * 1024
    max_image_bytes: int = 32 * 1024 * 1024
    connect_seconds: float = 5.0
    idle_seconds: float = 30.0
    route_seconds: float | None = None
    breaker_failures: int = 3
    breaker_seconds: float = 30.0
    exclusive: bool = False
    auth_header: str = AUTHORIZATION

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Raises `ConfigurationError` that names the option, the value and the remedy."""
        check_names("comfyui", options, {field.name for field in fields(cls)})
        values = dict(options)
        if "urls" in values:
            values["urls"] = _urls(values["urls"])
        if "workflows" in values:
            values["workflows"] = _paths(values["workflows"])
        for name, bounds in (_WHOLE | _SECONDS).items():
            if name in values and not (name == "route_seconds" and values[name] is None):
                values[name] = _number(name, values[name], *bounds, whole=name in _WHOLE)
        if values.get("previews", "auto") not in PREVIEWS:
            _refuse("previews", values["previews"], f"Use {', '.join(PREVIEWS)}.")
        if not isinstance(values.get("exclusive", False), bool):
            _refuse("exclusive", values["exclusive"], "Use true or false.")
        check_auth_header("comfyui", values.get("auth_header", AUTHORIZATION))
        return cls(**values)

    @property
    def slots(self) -> int:
        """How many jobs run side by side, over all addresses."""
        return max(1, len(self.urls) * self.jobs_per_url)

    def headers(self, token: str | None) -> dict[str, str]:
        """What each request to a ComfyUI carries, its web socket's too."""
        return token_headers(token, self.auth_header)


def _refuse(name: str, value: object, remedy: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    raise ConfigurationError(f"Invalid {name} of the comfyui engine: {shown}. {remedy}")


def _number(name: str, value: object, low: float, high: float, *, whole: bool) -> float:
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not right or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type, operator]
        kind = "a whole number" if whole else "a number of seconds"
        _refuse(name, value, f"Give {kind} between {low:,g} and {high:,g}.")
    return value if whole else float(value)  # type: ignore[return-value, arg-type]


def _list(name: str, value: object, remedy: str) -> list[str]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str) and item.strip() for item in items):
        _refuse(name, value, remedy)
    return [item.strip() for item in items]


def _urls(value: object) -> tuple[str, ...]:
    remedy = "Give a list of addresses, such as http://127.0.0.1:8188."
    urls = tuple(checked_url(item) for item in _list("urls", value, remedy))
    for url in urls:
        if urls.count(url) > 1:
            _refuse("urls", url, "It stands there twice; give each ComfyUI once.")
    return urls


def checked_url(written: str) -> str:
    """The address of a ComfyUI without a slash at the end. Raises `ConfigurationError`; never shows a password."""
    shown = written.rpartition("@")[2]
    try:
        parts = urlsplit(written)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        _refuse("urls", shown, _ADDRESS)
    if parts.username is not None or parts.password is not None:
        _refuse("urls", shown, "Leave the user name out of it, and put a token into REELWRIGHT_COMFYUI_TOKEN.")
    if parts.query or parts.fragment:
        _refuse(
            "urls", shown.partition("?")[0], "Leave out what stands after ? or #; a token has a setting of its own."
        )
    if not good:
        _refuse("urls", shown, _ADDRESS)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _paths(value: object) -> tuple[Path, ...]:
    remedy = "Give a folder with workflow files, or a list of files and folders."
    return tuple(Path(item).expanduser() for item in _list("workflows", value, remedy))
