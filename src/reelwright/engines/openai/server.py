"""One server that speaks `/v1/videos`: every request that is made of it.

Its kind, and which form of a create it takes, are learnt from its answers. Methods ask once: waiting and trying again
is done in `following` and `rendering`.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urljoin

import httpx2

from reelwright.engines.openai.form import Form
from reelwright.engines.openai.options import Body, Cancel, Upstream
from reelwright.engines.openai.refusals import not_created
from reelwright.engines.openai.videos import Video, complaint, video_in, videos_in
from reelwright.engines.upstream.job_limits import ANSWER_BYTES, JobLimits
from reelwright.engines.upstream.network import NOT_SENT
from reelwright.engines.upstream.outcomes import Scrubber, UpstreamError, from_status, nonsense, unreachable
from reelwright.errors import Code

ONCE = {"x-litellm-num-retries": "0"}
"""Tells LiteLLM not to repeat a create by itself. Other servers ignore this header."""
LIST_LENGTH = 100
KEPT_IDS = 4096
"""How many accepted jobs are remembered, to tell them from other people's jobs with the same prompt."""
LONG_LOOK_S = 20.0
"""How long another Reelwright is asked to hold its answer to a look, unless the job ends before (RFC 7240, `wait`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One server-sent event of a Reelwright."""

    id: str
    kind: str
    data: Mapping[str, Any]


class Server:
    """One server; the threads of all jobs use it. `headers` carry the token, if there is one."""

    def __init__(
        self, *, upstream: Upstream, client: httpx2.Client, headers: Mapping[str, str], scrub: Scrubber
    ) -> None:
        self.upstream = upstream
        self.name = upstream.name
        self.headers = dict(headers)
        self.jobs = 0
        """How many jobs of this process it has now."""
        self._client = client
        self._scrub = scrub
        self._reelwright: bool | None = None
        self._bodies: dict[bool, Body] = {}
        self._clock_offset = 0.0
        self._asking: set[str] = set()
        self._accepted: OrderedDict[str, str] = OrderedDict()
        self._changed = threading.Condition()

    # --- what it is -------------------------------------------------------------------------------------------------

    def is_reelwright(self, limits: JobLimits) -> bool:
        """Whether the server is a Reelwright, which keeps its jobs over a restart and recognises a create by its key.
        It is asked once; the answer is kept.

        The question is `GET /v1/models`, which every kind of server answers at once; `/health` of LiteLLM would run its
        models. Raises
        `UpstreamError` and `httpx2.TransportError` where it does not answer.
        """
        if self._reelwright is None:
            response = self._ask("GET", "/v1/models", limits)
            if response.status_code in (401, 403) or response.status_code >= 500:
                self._check(response)
            self._reelwright = has_cards(response.text)
        return self._reelwright

    @property
    def known_as_reelwright(self) -> bool:
        """What `is_reelwright` has found; False before it was asked."""
        return bool(self._reelwright)

    def now(self) -> float:
        """The time by the server's clock, in seconds since the epoch, to one second."""
        return time.time() + self._clock_offset

    # --- create -----------------------------------------------------------------------------------------------------

    def create(self, form: Form, key: str, limits: JobLimits) -> Video:
        """Ask for a video. Raises `UpstreamError` when the server began none, and `httpx2.TransportError` when it may
        have.

        It may also have begun one when a gateway says that it got no answer (`refusals.perhaps_taken`).
        """
        body = self._body_for(form)
        response = self._post(form, body, key, limits)
        if self.upstream.body is Body.AUTO and body is Body.MULTIPART and _wants_json(response):
            body = Body.JSON
            response = self._post(form, body, key, limits)
        if not response.is_success:
            raise not_created(response.status_code, response.headers, response.text, self.name, self._scrub)
        self._bodies[bool(form.pictures)] = body
        if (video := video_in(response.text)) is None:
            # The server accepted the create, but its answer names no job that could be followed.
            raise UpstreamError(
                f"{self.name} took the request and named no job. Whether it makes a video is not known.",
                code=Code.UNKNOWN_OUTCOME,
                details=self._scrub(response.text),
            )
        return video

    def _body_for(self, form: Form) -> Body:
        if self.upstream.body is not Body.AUTO:
            return self.upstream.body
        return self._bodies.get(bool(form.pictures), Body.MULTIPART)

    def _post(self, form: Form, body: Body, key: str, limits: JobLimits) -> httpx2.Response:
        with limits.submitting():
            response = self._ask(
                "POST",
                "/v1/videos",
                limits,
                patient=True,
                headers={**ONCE, "idempotency-key": key},
                **form.content(body),
            )
        if response.has_redirect_location:
            raise UpstreamError(f"{self.name} redirects: give its exact address.", code=Code.ENGINE_NOT_CONFIGURED)
        return response

    @contextmanager
    def alone(self, prompt: str, limits: JobLimits) -> Iterator[None]:
        """Within the block no other create with this prompt is sent: the jobs of two could not be told apart in the
        list."""
        with self._changed:
            while prompt in self._asking:
                self._changed.wait(0.1)
                limits.check()
            self._asking.add(prompt)
        try:
            yield
        finally:
            with self._changed:
                self._asking.discard(prompt)
                self._changed.notify_all()

    def note_accepted(self, video_id: str, prompt: str) -> None:
        """Remember that this job is one of ours."""
        with self._changed:
            self._accepted[video_id] = prompt
            while len(self._accepted) > KEPT_IDS:
                self._accepted.popitem(last=False)

    def accepted(self, prompt: str) -> list[str]:
        """The ids of our jobs with this prompt, the newest last."""
        with self._changed:
            return [video_id for video_id, of in self._accepted.items() if of == prompt]

    # --- looks ------------------------------------------------------------------------------------------------------

    def look(self, video_id: str, limits: JobLimits, *, wait_s: float = 0.0) -> Video | None:
        """Ask for the video's state. None: the server knows no video with this id. Raises `UpstreamError`,
        `httpx2.TransportError`."""
        headers = {"prefer": f"wait={wait_s:.0f}"} if wait_s >= 1 else {}
        response = self._ask("GET", self._path(video_id), limits, headers=headers)
        # Of a failed job vLLM-Omni answers with the status of the failure.
        if (video := video_in(response.text)) is not None:
            return video
        if response.status_code == 404:
            return None
        self._check(response)
        raise nonsense(response.text, self.name, self._scrub)

    def newest(self, limits: JobLimits) -> list[Video]:
        """The server's newest videos; empty when it offers no list. Raises `UpstreamError`, `httpx2.TransportError`."""
        response = self._ask("GET", f"/v1/videos?limit={LIST_LENGTH}&order=desc", limits)
        if response.status_code >= 500:
            self._check(response)
        return videos_in(response.text) if response.is_success else []

    def events(self, video_id: str, last: str, limits: JobLimits) -> Iterator[Event]:
        """The events of a job at another Reelwright that come after the event `last`, until the connection ends.

        Raises `UpstreamError`, `httpx2.TransportError`.
        """
        limits.expect(math.inf)
        headers = {**self.headers, "accept": "text/event-stream"} | ({"last-event-id": last} if last else {})
        path = f"{self.upstream.url}{self._path(video_id)}/events"
        with self._client.stream("GET", path, headers=headers, follow_redirects=False) as response:
            if not response.is_success:
                limits.expect(ANSWER_BYTES)
                response.read()
                self._check(response)
            if response.status_code != 204:
                yield from _events_in(response.iter_lines())

    def content(self, video: Video) -> tuple[str, str | None]:
        """The address of the file at the server, and the address elsewhere that the server named instead, if it did."""
        url = urljoin(f"{self.upstream.url}/", video.url) if video.url else None
        return f"{self.upstream.url}{self._path(video.id)}/content", url

    # --- the end ----------------------------------------------------------------------------------------------------

    def end(self, video_id: str, limits: JobLimits) -> int:
        """Ask the server to end a job. Returns the status of its answer; 405 when it is configured not to be asked.

        Raises `UpstreamError`, `httpx2.TransportError`.
        """
        if self.upstream.cancel is Cancel.NONE:
            return 405
        if self._reelwright:
            return self._ask("POST", f"{self._path(video_id)}/cancel", limits).status_code
        return self._ask("DELETE", self._path(video_id), limits).status_code

    # --- the wire ---------------------------------------------------------------------------------------------------

    def _path(self, video_id: str) -> str:
        return f"/v1/videos/{quote(video_id, safe='')}"

    def _ask(
        self,
        method: str,
        path: str,
        limits: JobLimits,
        *,
        patient: bool = False,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> httpx2.Response:
        limits.check()
        limits.expect(patient=patient)
        try:
            response = self._client.request(
                method,
                f"{self.upstream.url}{path}",
                headers={**self.headers, **(headers or {})},
                follow_redirects=False,
                **content,
            )
        except NOT_SENT as error:
            raise unreachable(self.name) from error
        self._read_clock(response)
        return response

    def _read_clock(self, response: httpx2.Response) -> None:
        """RFC 9110, 6.6.1: `Date`."""
        try:
            theirs = parsedate_to_datetime(response.headers["date"]).timestamp()
        except (KeyError, ValueError, TypeError, OverflowError):
            return
        self._clock_offset = theirs - time.time()

    def _check(self, response: httpx2.Response) -> None:
        if response.status_code >= 400:
            raise from_status(response.status_code, response.headers, response.text, self.name, self._scrub)


def has_cards(text: str) -> bool:
    """Whether an answer to `GET /v1/models` is a Reelwright's: its models have cards."""
    try:
        body = json.loads(text)
    except ValueError:
        return False
    match body:
        case {"data": [{"card": {"tasks": list()}}, *_]}:
            return True
    return False


def _wants_json(response: httpx2.Response) -> bool:
    """Whether the answer says that the server cannot read multipart form data: SGLang reads it only with an image, some
    servers never do."""
    if response.status_code == 415:
        return True
    if response.status_code == 400:
        return "input_reference file is required" in response.text
    return response.status_code == 422 and complaint(response.text)[1] in ("prompt", "body")


def _events_in(lines: Iterator[str]) -> Iterator[Event]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html, as a Reelwright writes them: one `data` each."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        try:
            data = json.loads(fields.get("data", ""))
        except ValueError:
            data = None
        if isinstance(data, dict):
            yield Event(id=fields.get("id", ""), kind=fields.get("event", ""), data=data)
        fields = {}
