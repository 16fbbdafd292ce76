"""What is configured for the Hugging Face engine, read from plain JSON and checked once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self
from urllib.parse import urlsplit

from reelwright.engines.huggingface.access import HOMES, Access
from reelwright.engines.options import check_names
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
_NAME = re.compile(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*(:\w+)?", re.ASCII)
"""What a provider's name of a model may be: it becomes part of an address."""


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One provider with one model (its name on the Hugging Face hub). `name`: the provider's own for it, where the
    hub need not be asked."""

    provider: str
    model: str
    name: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


def submitting(route: Route, stage: str = "video") -> dict[str, str]:
    """The checkpoint that is saved before a request that starts work is sent to this route. An attempt that finds it
    cannot know whether the request arrived."""
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
    failed `breaker_failures` times in a row is asked last for `breaker_seconds`. `left_out` is not configured: the
    routes that nobody would pay for.
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
    left_out: tuple[Route, ...] = ()

    @classmethod
    def parse(cls, options: Mapping[str, Any], access: Access | None = None) -> Self:
        """With `access` only the routes that it reaches, unless it reaches none; and by default each provider that has
        a key of its own is asked for the default model of text to video.

        Raises `ConfigurationError` that names the option, the value and the remedy.
        """
        values = dict(options)
        chain = values.pop("chain", None)
        known = {one.name for one in fields(cls)} - {"text_to_image", "left_out"}
        check_names("huggingface", values, known | {"chain"})
        endpoint = _endpoint_url(values.get("endpoint_url"))
        for task, name, default in (
            (Task.TEXT_TO_VIDEO, "text_to_video", _default_text_to_video(access)),
            (Task.IMAGE_TO_VIDEO, "image_to_video", DEFAULT_IMAGE_TO_VIDEO),
        ):
            given = values.get(name)
            if given is None:
                given = () if endpoint else default
            values[name] = tuple(_route(name, item, PROVIDERS[task]) for item in given)
        values["endpoint_url"] = endpoint
        if chain is not None:
            values["text_to_image"] = _chain(chain)
        parsed = cls(**values)
        return parsed._reached(access) if access else parsed

    def routes(self, task: Task) -> tuple[Route, ...]:
        """The routes that take `task` as it is, in order; the endpoint first."""
        listed = self.text_to_video if task is Task.TEXT_TO_VIDEO else self.image_to_video
        return ((Route(ENDPOINT, ENDPOINT),) if self.endpoint_url else ()) + listed

    def _reached(self, access: Access) -> Self:
        text_to_video = tuple(route for route in self.text_to_video if access.reaches(route.provider))
        image_to_video = tuple(route for route in self.image_to_video if access.reaches(route.provider))
        picture = self.text_to_image if self.text_to_image and access.reaches(self.text_to_image.provider) else None
        every = (*self.text_to_video, *self.image_to_video, *((self.text_to_image,) if self.text_to_image else ()))
        left_out = tuple(route for route in dict.fromkeys(every) if not access.reaches(route.provider))
        if not (self.endpoint_url or text_to_video or image_to_video):
            return replace(self, left_out=left_out)
        return replace(
            self,
            text_to_video=text_to_video,
            image_to_video=image_to_video,
            text_to_image=picture,
            left_out=left_out,
        )

    @property
    def lost(self) -> bool:
        """Whether no route is left: for none of them there is a key or a token."""
        routes = {route for task in Task for route in self.routes(task)}
        return bool(self.left_out) and routes <= set(self.left_out)


def _default_text_to_video(access: Access | None) -> tuple[tuple[str, str], ...]:
    listed = [provider for provider, _ in DEFAULT_TEXT_TO_VIDEO]
    model = DEFAULT_TEXT_TO_VIDEO[0][1]
    own = access.keys if access else {}
    added = tuple((provider, model) for provider in HOMES if provider in own and provider not in listed)
    return DEFAULT_TEXT_TO_VIDEO + added


def _route(name: str, item: object, providers: frozenset[str]) -> Route:
    match item:
        case [str(provider), str(model)] if provider in providers and model:
            return Route(provider, model)
        case [str(provider), str(model), str(own)] if provider in providers and model and _NAME.fullmatch(own):
            return Route(provider, model, own)
    raise ConfigurationError(
        f"Invalid {name} of the huggingface engine: {item!r}. Give [provider, model] with a provider out of "
        f"{', '.join(sorted(providers))}, for example {list(DEFAULT_TEXT_TO_VIDEO[0])}, and as a third item the "
        "provider's own name of the model if the hub should not be asked for it."
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
