"""What is configured for the Hugging Face engine, read from plain JSON and checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self
from urllib.parse import urlsplit

from reelwright.errors import ConfigurationError
from reelwright.video import Task

ENDPOINT = "endpoint"
"""The provider name of a dedicated endpoint, and the model name of its card."""

DEFAULT_TEXT_TO_VIDEO = (("fal-ai", "Wan-AI/Wan2.2-TI2V-5B"), ("replicate", "Wan-AI/Wan2.2-TI2V-5B"))
DEFAULT_IMAGE_TO_VIDEO = (("fal-ai", "Wan-AI/Wan2.2-I2V-A14B"),)

PROVIDERS = {
    Task.TEXT_TO_VIDEO: frozenset({"fal-ai", "novita", "replicate", "together", "wavespeed"}),
    Task.IMAGE_TO_VIDEO: frozenset({"fal-ai", "together", "wavespeed"}),
}
"""Who serves which task, as in huggingface_hub 2.4."""
IMAGE_PROVIDERS = frozenset({"fal-ai", "hf-inference", "nscale", "replicate", "together", "wavespeed", "zai-org"})


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One provider with one model (its name on the Hugging Face hub)."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


def submitting(route: Route, stage: str = "video") -> dict[str, str]:
    """What is saved before a request that starts work goes that way: found like this, its outcome is unknown."""
    return {"phase": "submitting", "provider": route.provider, "model": route.model, "stage": stage}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The engine's options. Times are in seconds, sizes in bytes.

    `text_to_video` and `image_to_video` are ordered lists of routes: the first is asked first. `endpoint_url` is a
    dedicated endpoint that speaks the task's wire form; it comes before the lists, which are then empty unless given.
    `text_to_image` is the first half of the chain text → image → image-to-video; with it the image-to-video models take
    text too. `idle_seconds` bounds the silence while something is being read, `route_seconds` the time an accepted
    job may take at one provider before the next is asked (None: the whole deadline). `tries` bounds the rounds through
    the routes that said "come back later"; `first_wait_seconds` is the wait before the second, doubled for the third,
    where the upstream names none. `poll_seconds` is the shortest pause between two looks at a job. A provider that
    failed `breaker_failures` times in a row is asked last for `breaker_seconds`.
    """

    text_to_video: tuple[Route, ...] = ()
    image_to_video: tuple[Route, ...] = ()
    endpoint_url: str | None = None
    text_to_image: Route | None = None
    slots: int = 64
    max_bytes: int = 512 * 1024 * 1024
    max_image_bytes: int = 32 * 1024 * 1024
    connect_seconds: float = 5.0
    idle_seconds: float = 30.0
    route_seconds: float | None = None
    tries: int = 3
    first_wait_seconds: float = 2.0
    poll_seconds: float = 0.5
    breaker_failures: int = 5
    breaker_seconds: float = 60.0

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Raises `ConfigurationError` that names the option, the value and the remedy."""
        values = dict(options)
        chain = values.pop("chain", None)
        known = {field.name for field in fields(cls)} - {"text_to_image"}
        if unknown := sorted(set(values) - known):
            raise ConfigurationError(
                f"Unknown option of the huggingface engine: {unknown[0]!r}. Known: {', '.join(sorted(known))}, chain."
            )
        endpoint = _endpoint_url(values.get("endpoint_url"))
        for task, name, default in (
            (Task.TEXT_TO_VIDEO, "text_to_video", DEFAULT_TEXT_TO_VIDEO),
            (Task.IMAGE_TO_VIDEO, "image_to_video", DEFAULT_IMAGE_TO_VIDEO),
        ):
            given = values.get(name)
            if given is None:
                given = () if endpoint else default
            values[name] = tuple(_route(name, item, PROVIDERS[task]) for item in given)
        values["endpoint_url"] = endpoint
        if chain is not None:
            values["text_to_image"] = _chain(chain)
        return cls(**values)

    def routes(self, task: Task) -> tuple[Route, ...]:
        """The routes that take `task` as it is, in order; the endpoint first."""
        listed = self.text_to_video if task is Task.TEXT_TO_VIDEO else self.image_to_video
        return ((Route(ENDPOINT, ENDPOINT),) if self.endpoint_url else ()) + listed


def _route(name: str, item: object, providers: frozenset[str]) -> Route:
    match item:
        case [str(provider), str(model)] if provider in providers and model:
            return Route(provider, model)
    raise ConfigurationError(
        f"Invalid {name} of the huggingface engine: {item!r}. Give [provider, model] with a provider out of "
        f"{', '.join(sorted(providers))}, for example {list(DEFAULT_TEXT_TO_VIDEO[0])}."
    )


def _chain(chain: object) -> Route:
    match chain:
        case {"text_to_image": Sequence() as item}:
            return _route("chain.text_to_image", list(item), IMAGE_PROVIDERS)
    raise ConfigurationError(
        f"Invalid chain of the huggingface engine: {chain!r}. Give {{'text_to_image': [provider, model]}}."
    )


def _endpoint_url(url: object) -> str | None:
    if not url:
        return None
    parts = urlsplit(str(url))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ConfigurationError(
            f"Invalid endpoint_url of the huggingface engine: {str(url).rpartition('@')[2]!r}. Give the exact address "
            "of the endpoint, http:// or https://, without a user name."
        )
    return str(url)
