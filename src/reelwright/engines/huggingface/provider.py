"""One job at one inference provider, through huggingface_hub's own code for that provider.

With the provider's own key it goes to the provider's own address, with the token through Hugging Face's router.

The library's task helpers know each provider's addresses, payloads and answers; they are used as they are, in two
halves: `submit` makes the one request that starts (and bills) work, `wait` follows the job that it started, also in
another process and another life. What the library lacks is here: replicate's predictions are followed past the first
60 s, and a job that nobody wants any more is cancelled where the provider can (fal-ai, replicate).
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants
from huggingface_hub.inference._common import RequestParameters
from huggingface_hub.inference._providers import PROVIDER_T, get_provider_helper
from huggingface_hub.inference._providers._common import TaskProviderHelper
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import get_session

from reelwright.engines.huggingface.access import Access
from reelwright.engines.huggingface.guard import HubLimits, ResultAt
from reelwright.engines.huggingface.mappings import Mappings
from reelwright.engines.huggingface.options import Route
from reelwright.engines.upstream.job_limits import ANSWER_BYTES, JobLimits, limited_by
from reelwright.engines.upstream.network import NOT_SENT
from reelwright.engines.upstream.outcomes import (
    NextStep,
    Scrubber,
    UpstreamError,
    empty,
    from_task,
    nonsense,
    unanswered,
    unreachable,
    unserved,
)
from reelwright.errors import Code, EngineError

HUGGING_FACE = "hf-inference"
"""Hugging Face as a provider itself: it calls models by their names on the hub."""
CANCEL_SECONDS = 3.0
POLL_FAILURES = 5
"""How many looks at a job may fail in a row before it is given up."""
MOMENTARY = frozenset({408, 425, 429, 502, 503, 504})
_FAILED = {"failed", "error", "canceled", "cancelled"}
_KEPT = {
    "fal-ai": ("request_id", "status", "response_url", "status_url", "cancel_url"),
    "replicate": ("id", "model", "status", "output", "error", "urls"),
    "together": ("id", "status", "outputs", "error"),
    "wavespeed": ("data",),
    "novita": ("video",),
}
"""The parts of a provider's first answer that are needed to follow the job. Some answers repeat the whole input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A job that a provider has accepted: all that is needed to follow it, without any secret. JSON-ready.

    `url` is the address that the job was sent to, `answer` the needed part of what came back.
    """

    provider: str
    model: str
    task: str
    provider_model: str
    url: str
    request_id: str | None
    answer: Mapping[str, Any]

    @property
    def route(self) -> Route:
        return Route(self.provider, self.model)

    def to_state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(**{name: state[name] for name in cls.__slots__})

    def cancel_request(self) -> tuple[str, str] | None:
        """Method and address that cancel the job, if it can be."""
        match self.provider, self.answer:
            case "fal-ai", {"cancel_url": str(url)}:
                return "PUT", self.way_to(url)
            case "replicate", {"urls": {"cancel": str(url)}}:
                return "POST", self.way_to(url)
        return None

    @property
    def direct(self) -> bool:
        """Whether the job was sent to the provider itself, and not through the router."""
        return urlsplit(self.url).netloc != urlsplit(constants.INFERENCE_PROXY_TEMPLATE).netloc

    def way_to(self, url: str) -> str:
        """The address by which a URL that the provider named is reached in the way that the job was sent (directly, or
        through the router); never on another host."""
        sent = urlsplit(self.url)
        query = f"?{sent.query}" if sent.query else ""
        prefix = "" if self.direct else f"/{self.provider}"
        return f"{sent.scheme}://{sent.netloc}{prefix}{urlsplit(url).path}{query}"


class Provider:
    """All providers, each with its key or the token."""

    def __init__(self, *, access: Access, mappings: Mappings, scrub: Scrubber, max_image_bytes: int) -> None:
        self._access = access
        self._mappings = mappings
        self._scrub = scrub
        self._max_image_bytes = max_image_bytes

    def prepare(self, route: Route, task: str, inputs: Any, parameters: Mapping[str, Any]) -> RequestParameters:
        """The request that `submit` sends. Looks the model up at the hub, but starts and bills nothing."""
        key = self._access.key(route.provider)
        own = route.provider in self._access.keys
        helper = _helper(route.provider, task, route.model)
        if route.provider != HUGGING_FACE:
            mapping = self._mappings.of(route, task, None if own else key)
            helper = copy.copy(helper)  # a copy, because all jobs share the library's object
            vars(helper)["_prepare_mapping_info"] = lambda _: mapping
        try:
            return helper.prepare_request(
                inputs=inputs, parameters=dict(parameters), headers={}, model=route.model, api_key=key
            )
        except httpx2.TransportError as error:
            raise unreachable("huggingface.co") from error
        except ValueError as error:
            raise unserved(route.model, self._scrub(str(error))) from error

    def submit(self, route: Route, prepared: RequestParameters, limits: JobLimits) -> Ticket:
        """Start the job. Raises `UpstreamError`, with the code unknown_outcome when the job may have started all the
        same."""
        body = self._post(route, prepared, limits, ANSWER_BYTES)
        try:
            answer = json.loads(body)
            kept = {name: answer[name] for name in _KEPT[route.provider] if name in answer}
        except (ValueError, TypeError) as error:
            raise nonsense(body.decode("utf-8", "replace"), route.provider, self._scrub) from error
        return Ticket(
            provider=route.provider,
            model=route.model,
            task=prepared.task,
            provider_model=prepared.model or route.model,
            url=prepared.url,
            request_id=_request_id(kept),
            answer=kept,
        )

    def wait(self, ticket: Ticket, limits: HubLimits) -> str:
        """Follow an accepted job to its end. Returns the address of its result. Raises `UpstreamError`."""
        helper = _helper(ticket.provider, ticket.task, ticket.model)
        request = RequestParameters(
            url=ticket.url,
            task=ticket.task,
            model=ticket.provider_model,
            json=None,
            data=None,
            headers=self._headers(ticket),
        )

        def look() -> Any:
            answer = dict(ticket.answer)
            if ticket.provider == "replicate":
                answer = self._follow_prediction(ticket, answer, request, limits)
            return helper.get_response(answer, request)

        result = self._follow(look, ticket.provider, limits)
        if isinstance(result, str):
            return result
        raise nonsense("", ticket.provider, self._scrub)

    def picture(self, route: Route, prompt: str, limits: HubLimits) -> str | bytes:
        """Make a picture from a text. Returns its address, or its bytes from providers that send them at once."""
        prepared = self.prepare(route, "text-to-image", prompt, {})
        prepared.headers["Accept"] = "image/png"
        body = self._post(route, prepared, limits, self._max_image_bytes * 4 / 3 + ANSWER_BYTES)
        helper = _helper(route.provider, "text-to-image", route.model)
        result = self._follow(lambda: helper.get_response(body, prepared), route.provider, limits)
        if isinstance(result, str | bytes):
            return result
        raise nonsense("", route.provider, self._scrub)

    def cancel(self, ticket: Ticket) -> bool:
        """Ask the provider to end the job. True when it agreed. Takes at most 3 s and raises nothing of its own."""
        if (request := ticket.cancel_request()) is None:
            return False
        method, url = request
        try:
            with limited_by(JobLimits(None, CANCEL_SECONDS, CANCEL_SECONDS, CANCEL_SECONDS)):
                return get_session().request(method, url, headers=self._headers(ticket)).is_success
        except (EngineError, httpx2.HTTPError):
            return False

    def _headers(self, ticket: Ticket) -> dict[str, str]:
        headers: dict[str, str] = build_hf_headers(token=False)
        return headers | {"authorization": self._access.header(ticket.provider, direct=ticket.direct)}

    def _post(self, route: Route, prepared: RequestParameters, limits: JobLimits, allowance: float) -> bytes:
        limits.expect(allowance, patient=True)
        try:
            with (
                limits.submitting(),
                get_session().stream(
                    "POST",
                    prepared.url,
                    json=prepared.json,
                    content=prepared.data,
                    headers=prepared.headers,
                    follow_redirects=False,
                ) as response,
            ):
                body = response.read()
        except NOT_SENT as error:
            raise unreachable(route.provider) from error
        except httpx2.TransportError as error:
            raise unanswered(route.provider) from error
        except UpstreamError as fault:
            if fault.code is Code.UPSTREAM_NOT_FOUND:
                self._mappings.doubt(route.model)
            raise
        if not body:
            raise empty(route.provider)
        return body

    def _follow(self, look: Callable[[], Any], provider: str, limits: HubLimits) -> Any:
        """Ask again and again until there is a result. A question that fails for a passing reason is repeated."""
        seen = _Seen(provider, self._scrub)
        with limits.polling(seen):
            while True:
                try:
                    return look()
                except ResultAt as ready:
                    return ready.url
                except (UpstreamError, httpx2.TransportError) as error:
                    seen.failures += 1
                    fault = self._poll_fault(error, seen, provider)
                    if not _transient(error) or seen.failures >= POLL_FAILURES:
                        raise fault from error
                except (LookupError, TypeError, AttributeError, ValueError, RuntimeError, TimeoutError) as error:
                    raise self._client_fault(error, seen, provider) from error
                limits.poll_pause()

    def _poll_fault(self, error: UpstreamError | httpx2.TransportError, seen: _Seen, provider: str) -> UpstreamError:
        if isinstance(error, httpx2.TransportError):
            fault = UpstreamError(
                f"The connection to {provider} broke.",
                code=Code.UPSTREAM_ERROR,
                next_step=NextStep.NEXT,
                unhealthy=True,
            )
        else:
            fault = error
        if not seen.ended:
            fault.running = True
        return fault

    def _client_fault(self, error: Exception, seen: _Seen, provider: str) -> UpstreamError:
        """The `UpstreamError` for an exception that the library raises about an answer."""
        if isinstance(error, ValueError | RuntimeError) and "failed" in str(error):
            return from_task(str(error), provider, self._scrub)
        fault = nonsense(seen.text or str(error), provider, self._scrub)
        fault.running = not seen.ended
        return fault

    def _follow_prediction(
        self, ticket: Ticket, answer: dict[str, Any], request: RequestParameters, limits: JobLimits
    ) -> dict[str, Any]:
        """Follow a prediction of Replicate to its end. Replicate answers after at most 60 s, finished or not, and the
        library stops there."""
        while answer.get("output") is None:
            if answer.get("status") in ("failed", "canceled"):
                raise from_task(str(answer.get("error") or answer), ticket.provider, self._scrub)
            match answer.get("urls"):
                case {"get": str(url)}:
                    limits.poll_pause()
                    answer = get_session().get(ticket.way_to(url), headers=request.headers).json()
                case _:
                    message = "replicate is starting the model."
                    raise UpstreamError(
                        message, code=Code.UPSTREAM_LOADING, running=True, next_step=NextStep.LATER, retry_after=20.0
                    )
        return answer


class _Seen:
    """What the answers about one job have shown. Raises at a status for which the library would wait for ever."""

    def __init__(self, provider: str, scrub: Scrubber) -> None:
        self._provider = provider
        self._scrub = scrub
        self.text = ""
        self.ended = False
        self.failures = 0

    def __call__(self, response: httpx2.Response) -> None:
        self.text = response.text
        if not self.ended:
            self.failures = 0
        try:
            body = response.json()
        except ValueError:
            return
        job = body.get("data", body) if isinstance(body, dict) else None
        if not isinstance(job, dict):
            return
        status = str(job.get("status", "")).lower()
        self.ended = self.ended or status in _FAILED | {"completed", "succeeded"}
        if status in _FAILED or (status == "completed" and job.get("error")):
            raise from_task(_error_text(job) or self.text, self._provider, self._scrub)


def _helper(provider: str, task: str, model: str) -> TaskProviderHelper:
    return get_provider_helper(cast(PROVIDER_T, provider), task=task, model=model)


def _error_text(job: Mapping[str, Any]) -> str:
    match job.get("error"):
        case str(text):
            return text
        case {"message": str(text)}:
            return text
    return ""


def _request_id(answer: Mapping[str, Any]) -> str | None:
    match answer:
        case {"request_id": str(name)} | {"id": str(name)} | {"data": {"id": str(name)}}:
            return name
    return None


def _transient(error: UpstreamError | httpx2.TransportError) -> bool:
    """Whether asking again may help: the network failed, or a gateway answered with a passing error."""
    return isinstance(error, httpx2.TransportError) or error.status in MOMENTARY


def image_input(route: Route, path: Path, media_type: str) -> str | bytes:
    """An input image as the library wants it: wavespeed takes bytes only, the others a data URI that keeps the type."""
    data = path.read_bytes()
    if route.provider == "wavespeed":
        return data
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
