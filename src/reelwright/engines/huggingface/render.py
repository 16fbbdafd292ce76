"""Makes one video at the providers of its routes, until its checked clip is on the disk.

Each step is saved before it is done, so that after a crash no video is billed twice.

What is saved with the job, each time before it is acted on (`phase`):

- `submitting`: a request that starts work is about to be sent to `provider` for `model`. A job found like this has an
  unknown outcome, and ends so.
- `accepted`: the provider has it; the rest is the `Ticket` to follow it with. A job found like this is followed on.
- `waiting`: nothing is under way upstream. A job found like this begins anew.
- `ended`: it has failed, with this `code` and `message`. The same job found like this fails with them again. One that a
  user resumes begins anew; where a `ticket` says that the work was left at a provider, it is followed once more.

A chain (text → image → video) has these for its image too (`stage` is `image`); a finished image stays in the scratch
folder and is not made again.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.huggingface.endpoint import Endpoint
from reelwright.engines.huggingface.form import Filled, fill
from reelwright.engines.huggingface.guard import HubLimits
from reelwright.engines.huggingface.options import ENDPOINT, Options, Route, submitting
from reelwright.engines.huggingface.provider import Provider, Ticket, image_input
from reelwright.engines.upstream.active_jobs import ActiveJobs
from reelwright.engines.upstream.clips import Clips
from reelwright.engines.upstream.download import Downloader
from reelwright.engines.upstream.failover import Breakers, Failover
from reelwright.engines.upstream.outcomes import NextStep, UpstreamError, bad_output
from reelwright.errors import Cancelled, Code, EngineError
from reelwright.media.image_headers import HEAD_BYTES, media_type_of
from reelwright.media.probe import BadVideo
from reelwright.tracing import Kind
from reelwright.video import Task, VideoSpec

PICTURE = "picture"
WAITING = {"phase": "waiting"}
CANCELLER = "upstream-cancel"
"""The name of the threads that tell a provider to stop."""


class Renderer:
    """Renders jobs. It has what all of them share: the providers, and how healthy they are."""

    def __init__(
        self,
        *,
        options: Options,
        provider: Provider,
        endpoint: Endpoint | None,
        downloader: Downloader,
        pictures: Downloader,
        breakers: Breakers,
    ) -> None:
        self.options = options
        self.provider = provider
        self.endpoint = endpoint
        self.downloader = downloader
        self.pictures = pictures
        self.breakers = breakers
        self.clips = Clips()
        self._active_jobs = ActiveJobs(HubLimits, idle_seconds=options.idle_seconds, poll_seconds=options.poll_seconds)

    def render(self, job: RenderJob, report: Report) -> Made:
        """Raises `EngineError` as `outcomes` and `failover` say, and `Cancelled` within a second of the cancel."""
        with self._active_jobs.track(job, report) as limits:
            return _Rendering(self, job, report, limits).run()


class _Rendering:
    """One job."""

    def __init__(self, renderer: Renderer, job: RenderJob, report: Report, limits: HubLimits) -> None:
        self._renderer = renderer
        self._options = renderer.options
        self._spec = job.spec
        self._job = job
        self._report = report
        self._limits = limits
        self._clip = job.clip
        self._saved_phase: str | None = None
        self._pending: Ticket | None = None
        self._left: Ticket | None = None
        """The provider's job that may still bring a result after this one has failed."""
        self._image = job.image_path
        self._image_type = self._spec.image.media_type if self._spec.image else "image/png"
        self._asking: Route | None = None
        self._facts: dict[str, Any] = {}
        self._span = job.span
        self._sha256: str | None = None

    def run(self) -> Made:
        if (made := self._resume()) is not None:
            return made
        failover = self._failover()
        try:
            facts = failover.run(self._routes(), self._attempt, first=self._pending.route if self._pending else None)
            return self._made(facts | {"tries": failover.tries})
        except Cancelled:
            raise
        except EngineError as error:
            self._end(error)
            raise

    def _failover(self) -> Failover:
        return Failover(
            tries=self._options.tries,
            first_wait_seconds=self._options.first_wait_seconds,
            breakers=self._renderer.breakers,
            wait=self._wait,
            seconds_left=self._limits.left,
        )

    def _resume(self) -> Made | None:
        """Continue from an earlier attempt's checkpoint: return its finished file, or note the job that is to be
        followed.

        Raises `EngineError` when nobody can say whether a provider has the job.
        """
        state = self._job.checkpoint or {}
        self._saved_phase = state.get("phase")
        if self._job.initial_checkpoint_stored:
            self._saved_phase, self._asking = "submitting", Route(ENDPOINT, ENDPOINT)
            return None
        if self._saved_phase == "submitting":
            if state.get("provider") == ENDPOINT and state.get("stage") == "video" and self._clip.exists():
                # An endpoint answers with the video itself, which may have arrived as a whole before the crash.
                with suppress(BadVideo):
                    return self._made({"provider": state["provider"], "model": state["model"], "resumed": True})
            raise EngineError(
                f"The server stopped while it was handing the job to {state.get('provider', 'the provider')}. Whether "
                "it was accepted is not known; it is not sent again, because it could be billed twice.",
                code=Code.UNKNOWN_OUTCOME,
            )
        if self._saved_phase == "ended":
            if state["video_id"] == self._job.video_id:
                raise EngineError(state["message"], code=Code(state["code"]))
            self._saved_phase = "accepted" if state["ticket"] else None
            state = state["ticket"]
        if self._saved_phase == "accepted":
            self._pending = Ticket.from_state(state)
            self._facts["resumed"] = True
        return None

    def _routes(self) -> list[Route]:
        """The routes that are asked, in order. For the default model all of them; for a model that the request names,
        only those of this model."""
        task = Task.IMAGE_TO_VIDEO if self._chained() else self._spec.task
        routes = list(self._options.routes(task))
        if not routes or routes[0].model != self._spec.model:
            routes = [route for route in routes if route.model == self._spec.model]
        if self._pending is not None:
            routes = [self._pending.route, *(route for route in routes if route != self._pending.route)]
        if not routes:
            raise EngineError(
                f"No route for {self._spec.model} ({task.value}) is configured.", code=Code.ENGINE_NOT_CONFIGURED
            )
        return routes

    def _chained(self) -> bool:
        """Whether this is a text for a model that takes images only."""
        if self._spec.task is not Task.TEXT_TO_VIDEO or self._options.text_to_image is None:
            return False
        return all(route.model != self._spec.model for route in self._options.routes(Task.TEXT_TO_VIDEO))

    # --- one route --------------------------------------------------------------------------------------------------

    def _attempt(self, route: Route) -> dict[str, Any]:
        """Make the clip by `route`. Returns the facts about it. Raises `UpstreamError`."""
        # https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
        facts = {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": route.provider,
            "gen_ai.request.model": route.model,
        }
        name = f"generate_content {route.model}"
        with self._job.span.begin(name, facts, kind=Kind.CLIENT) as self._span:
            return self._ask(route)

    def _ask(self, route: Route) -> dict[str, Any]:
        if self._pending is not None and self._pending.route == route:
            ticket, self._pending = self._pending, None
            return self._attend(ticket, saved=True)
        if self._chained():
            self._make_picture()
        filled = fill(route, self._as_sent())
        self._facts |= {"sent": dict(filled.parameters), "adjusted": dict(filled.adjusted)}
        if route.provider == ENDPOINT:
            return self._attempt_endpoint(filled)
        return self._attend(self._submit(route, filled))

    def _as_sent(self) -> VideoSpec:
        return replace(self._spec, task=Task.IMAGE_TO_VIDEO) if self._image else self._spec

    def _attempt_endpoint(self, filled: Filled) -> dict[str, Any]:
        assert self._renderer.endpoint is not None, "the route exists only with an endpoint"
        self._save_submitting(Route(ENDPOINT, ENDPOINT))
        self._sha256, request_id = self._renderer.endpoint.render(
            self._spec.prompt, self._image, filled.parameters, self._clip, self._limits
        )
        return {"provider": ENDPOINT, "model": self._spec.model, "request_id": request_id}

    def _submit(self, route: Route, filled: Filled) -> Ticket:
        provider = self._renderer.provider
        parameters = dict(filled.parameters)
        if self._image is None:
            prepared = provider.prepare(route, Task.TEXT_TO_VIDEO.value, self._spec.prompt, parameters)
        else:
            parameters["prompt"] = self._spec.prompt
            image = image_input(route, self._image, self._image_type)
            prepared = provider.prepare(route, Task.IMAGE_TO_VIDEO.value, image, parameters)
        self._save_submitting(route)
        with self._span.begin("submit"):
            return provider.submit(route, prepared, self._limits)

    def _attend(self, ticket: Ticket, *, saved: bool = False) -> dict[str, Any]:
        """Follow an accepted job until its file is here. If it is given up here, it is cancelled at the provider, where
        possible."""
        provider = self._renderer.provider
        try:
            if not saved:
                self._save({"phase": "accepted", **ticket.to_state()})
            with self._limits.route_limit(self._options.route_seconds), self._span.begin("wait"):
                url = provider.wait(ticket, self._limits)
        except UpstreamError as fault:
            if fault.running and not provider.cancel(ticket):
                fault.next_step = NextStep.STOP
                self._left = None if saved else ticket
            raise
        except EngineError:
            self._left = None if saved or ticket.cancel_request() else ticket
            # The job was cancelled or is late, so it ends without waiting for the provider's answer.
            threading.Thread(target=provider.cancel, args=(ticket,), name=CANCELLER, daemon=True).start()
            raise
        self._left = None if saved else ticket
        with self._span.begin("download"):
            self._sha256 = self._renderer.downloader.fetch(url, self._clip, self._limits)
        return {
            "provider": ticket.provider,
            "model": ticket.model,
            "provider_model": ticket.provider_model,
            "request_id": ticket.request_id,
        }

    # --- the chain's image ------------------------------------------------------------------------------------------

    def _make_picture(self) -> None:
        """Make the picture for the chain, unless an earlier attempt has left it in the scratch folder."""
        assert self._options.text_to_image is not None, "a chain has its first half"
        self._job.scratch.mkdir(exist_ok=True)
        self._image = self._job.scratch / PICTURE
        route = self._options.text_to_image
        if not self._image.exists():
            try:
                with self._span.begin("picture"):
                    self._failover().run([route], self._attempt_picture)
            except UpstreamError as fault:
                # Without the picture no route for the video can be asked.
                fault.next_step = NextStep.STOP
                raise
        self._image_type = _picture_type(self._image)
        self._facts["chain"] = {"text_to_image": [route.provider, route.model]}

    def _attempt_picture(self, route: Route) -> None:
        assert self._image is not None, "the picture's path is known before it is made"
        self._save_submitting(route, stage="image")
        part = self._image.with_suffix(".part")
        result = self._renderer.provider.picture(route, self._spec.prompt, self._limits)
        if isinstance(result, bytes):
            part.write_bytes(result)
        else:
            self._renderer.pictures.fetch(result, part, self._limits, video=False)
        _picture_type(part)
        part.rename(self._image)
        self._save(WAITING)

    # --- the record -------------------------------------------------------------------------------------------------

    def _save_submitting(self, route: Route, *, stage: str = "video") -> None:
        self._limits.check()
        if self._saved_phase != "submitting" or self._asking != route:
            if self._job.attempt > 1:
                self._clip.unlink(missing_ok=True)  # so that a file of another provider is not taken for this one's
            self._save(submitting(route, stage))
        self._asking = route

    def _end(self, error: EngineError) -> None:
        """Save how the job has failed; not when nothing was sent yet, or when nobody knows what became of what was
        sent."""
        if self._saved_phase not in ("submitting", "accepted") or error.code is Code.UNKNOWN_OUTCOME:
            return
        ended = {
            "phase": "ended",
            "video_id": self._job.video_id,
            "code": error.code.value,
            "message": error.message,
            "ticket": self._left.to_state() if self._left else None,
        }
        with suppress(EngineError):
            self._save(ended)

    def _save(self, state: dict[str, Any]) -> None:
        self._report.checkpoint(state)
        self._saved_phase = state["phase"]

    def _wait(self, seconds: float) -> None:
        """Wait between two rounds. No provider has the job meanwhile, and the checkpoint says so: after a crash it
        begins anew."""
        if self._saved_phase not in (None, "waiting"):
            self._save(WAITING)
        self._limits.wait(seconds)

    def _made(self, facts: dict[str, Any]) -> Made:
        self._limits.check()
        return Made(clip=self._renderer.clips.check(self._clip, self._sha256), facts=facts | self._facts)


def _picture_type(path: Path) -> str:
    """The media type by the file's first bytes. Raises `UpstreamError` for anything but PNG, JPEG and WebP."""
    with path.open("rb") as file:
        media_type = media_type_of(file.read(HEAD_BYTES))
    if media_type is not None:
        return media_type
    raise bad_output("the picture it should begin with is not a PNG, JPEG or WebP")
