"""Finds each provider's own name of a model: the configured one, the one that the hub says, or the one that it said
last.

The library would ask the hub with any token that it finds, keep the answer as long as the process lives, and fail when
the hub does not answer. Here the hub is asked once for each model, for providers with a key of their own without a
token, and when it does not answer, its last answer is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import httpx2
from huggingface_hub.hf_api import HfApi, InferenceProviderMapping

from reelwright.engines.huggingface.options import Route
from reelwright.engines.upstream.job_limits import current_limits
from reelwright.engines.upstream.outcomes import Scrubber, UpstreamError, unreachable, unserved

HUB = "huggingface.co"
KNOWN: Mapping[tuple[str, str], str] = {
    ("fal-ai", "Wan-AI/Wan2.2-TI2V-5B"): "fal-ai/wan/v2.2-5b/text-to-video",
    ("replicate", "Wan-AI/Wan2.2-TI2V-5B"): "wan-video/wan-2.2-5b-fast",
    ("fal-ai", "Wan-AI/Wan2.2-I2V-A14B"): "fal-ai/wan/v2.2-a14b/image-to-video",
}
"""The names for the default routes, from the providers' own pages, for a start while the hub does not answer."""


class Mappings:
    def __init__(self, scrub: Scrubber) -> None:
        self._scrub = scrub
        self._known: dict[str, Sequence[InferenceProviderMapping]] = {}
        self._stale: set[str] = set()

    def of(self, route: Route, task: str, token: str | None) -> InferenceProviderMapping:
        """The provider's name of the route's model. `token`: with which the hub is asked; None: without any.

        Raises `UpstreamError` when the model is unknown or the provider does not serve it.
        """
        if route.name is not None:
            return _mapping(route, task, route.name)
        if route.model not in self._known or route.model in self._stale:
            try:
                self._known[route.model] = _ask(route.model, token)
                self._stale.discard(route.model)
            except (httpx2.TransportError, UpstreamError, ValueError, LookupError, TypeError, AttributeError) as error:
                fault = self._fault(route, error)
                if not _away(error):
                    raise fault from error
                if route.model not in self._known:
                    if name := KNOWN.get((route.provider, route.model)):
                        return _mapping(route, task, name)
                    raise fault from error
        return self._chosen(self._known[route.model], route, task)

    def doubt(self, model: str) -> None:
        """Ask the hub again next time, because the provider did not know the model under this name."""
        self._stale.add(model)

    def _chosen(self, listed: Sequence[InferenceProviderMapping], route: Route, task: str) -> InferenceProviderMapping:
        for mapping in listed:
            if mapping.provider == route.provider:
                if mapping.task == task:
                    return mapping
                raise unserved(route.model, f"At {route.provider} it is for {self._scrub(mapping.task)}, not {task}.")
        raise unserved(route.model, f"The hub does not list {route.provider} for {route.model}.")

    def _fault(self, route: Route, error: Exception) -> UpstreamError:
        if isinstance(error, UpstreamError):
            return error
        if isinstance(error, httpx2.TransportError):
            return unreachable(HUB)
        return unserved(route.model, self._scrub(str(error)))


def _ask(model: str, token: str | None) -> Sequence[InferenceProviderMapping]:
    if limits := current_limits():
        limits.expect()
    info = HfApi(token=token or False).model_info(model, expand=["inferenceProviderMapping"])
    return info.inference_provider_mapping or ()


def _away(error: Exception) -> bool:
    """Whether the error means that the hub gave no usable answer; False: it refused."""
    if isinstance(error, UpstreamError):
        return error.status is not None and (error.status >= 500 or error.status in (408, 425, 429))
    return True


def _mapping(route: Route, task: str, name: str) -> InferenceProviderMapping:
    make: Callable[..., InferenceProviderMapping] = InferenceProviderMapping  # the library gives it no types
    return make(provider=route.provider, hf_model_id=route.model, providerId=name, status="live", task=task)
