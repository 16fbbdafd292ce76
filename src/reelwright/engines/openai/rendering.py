"""Makes one video at the configured servers, until its checked clip is on the disk.

Each step is saved before it is done, so that after a crash no video is made twice unnoticed.

What is saved with the job, each time before it is acted on (`phase`):

- `submitting`: the create with the number `n` is about to be sent to `url`. Found like this, a Reelwright is asked
  again with the same key, which is the same job; another server's list is looked through for the job; and where that
  tells nothing, `when_unknown` says whether it is sent again.
- `accepted`: the server at `url` has it as `id`; it is followed on.
- `waiting`: nothing is under way at any server. Found like this, the job begins anew.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import httpx2

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.openai.ending import end_in_background, end_now
from reelwright.engines.openai.following import Following, Gone, Lost
from reelwright.engines.openai.form import Form, form_of
from reelwright.engines.openai.options import Options, Policy
from reelwright.engines.openai.refusals import lost, perhaps_taken, removed, unknown_outcome
from reelwright.engines.openai.server import Server
from reelwright.engines.openai.videos import Video
from reelwright.engines.upstream.active_jobs import ActiveJobs
from reelwright.engines.upstream.clips import Clips
from reelwright.engines.upstream.download import Downloader
from reelwright.engines.upstream.failover import Breakers, Failover
from reelwright.engines.upstream.job_limits import JobLimits
from reelwright.engines.upstream.outcomes import NextStep, Scrubber, UpstreamError
from reelwright.errors import Code, EngineError
from reelwright.media.clip import Clip
from reelwright.tracing import Kind

CLOCK_SLACK_S = 2.0
"""A server's clock is known to one second, and its jobs' times are given in seconds: times may differ by so much."""
NOT_YET = frozenset({404, 409, 425, 500})
"""What servers answer for a completed video whose file is not there yet."""
WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Route:
    """One server and a model, by the names that the video's record shows."""

    provider: str
    model: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One create: where it goes, its number, its key, when by that server's clock, and our other jobs with the prompt.

    The key outlives this video: another one that goes on from its checkpoint asks for the same job.
    """

    url: str
    n: int
    key: str
    since: float
    others: tuple[str, ...]

    def to_state(self) -> dict[str, Any]:
        return {"phase": "submitting", **asdict(self), "others": list(self.others)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Submission:
        values = {name: state[name] for name in ("url", "n", "key", "since")}
        return cls(others=tuple(state["others"]), **values)


class Renderer:
    """Renders jobs. It has what all of them share: the servers, and how healthy they are."""

    def __init__(
        self,
        *,
        options: Options,
        servers: Sequence[Server],
        downloader: Downloader,
        breakers: Breakers,
        scrub: Scrubber,
    ) -> None:
        self.options = options
        self.servers = {server.upstream.url: server for server in servers}
        self.downloader = downloader
        self.breakers = breakers
        self.scrub = scrub
        self.clips = Clips()
        self.sent_names = {model.name: model.sent for model in options.models}
        self._active_jobs = ActiveJobs(JobLimits, idle_seconds=options.idle_seconds, poll_seconds=options.poll_seconds)

    def render(self, job: RenderJob, report: Report) -> Made:
        """Raises `EngineError` as `refusals` and `failover` say, and `Cancelled` within a second of the cancel."""
        with self._active_jobs.track(job, report) as limits:
            return _Rendering(self, job, report, limits).run()


class _Rendering:
    """One job."""

    def __init__(self, renderer: Renderer, job: RenderJob, report: Report, limits: JobLimits) -> None:
        self._renderer = renderer
        self._options = renderer.options
        self._spec = job.spec
        self._job = job
        self._report = report
        self._limits = limits
        self._digest = hashlib.sha256(job.spec.prompt.encode()).hexdigest()
        self._n = 1
        """The number of the create that comes next, or is under way."""
        self._saved_phase: str | None = None
        self._unanswered: Submission | None = None
        self._accepted: tuple[str, str] | None = None
        self._facts: dict[str, Any] = {}
        self._left_running: list[str] = []
        self._sha256: str | None = None

    def run(self) -> Made:
        first = self._resume()
        routes = self._routes(first)
        failover = Failover(
            tries=self._options.tries,
            first_wait_seconds=self._options.first_wait_seconds,
            breakers=self._renderer.breakers,
            wait=self._wait,
            seconds_left=self._limits.left,
        )
        facts = failover.run(routes, self._attempt, first=routes[0] if first else None)
        return self._made(facts | {"tries": failover.tries})

    def _resume(self) -> str | None:
        """Read the checkpoint of an earlier attempt. Returns the address of the server that has, or may have, the job.

        Raises `EngineError` when nobody can say whether the job was taken.
        """
        state = self._job.checkpoint or {}
        self._saved_phase = state.get("phase")
        if self._saved_phase is None:
            return None
        self._n = state["n"]
        if self._saved_phase == WAITING:
            return None
        if state["url"] not in self._renderer.servers:
            raise EngineError(
                "The job is at an upstream that is not configured any more. Put it back, or send the request again.",
                code=Code.UNKNOWN_OUTCOME,
            )
        self._facts["resumed"] = True
        if self._saved_phase == "submitting":
            self._unanswered = Submission.from_state(state)
        else:
            self._accepted = state["url"], state["id"]
            self._renderer.servers[state["url"]].note_accepted(state["id"], self._digest)
        return str(state["url"])

    def _routes(self, first: str | None) -> list[Route]:
        """The servers in the order in which they are asked: one that has the job already, then the least busy ones."""
        servers = sorted(self._renderer.servers.values(), key=lambda server: server.jobs)
        servers.sort(key=lambda server: server.upstream.url != first)
        if not servers:
            raise EngineError(
                "No upstream is configured: set REELWRIGHT_UPSTREAM_URL.", code=Code.ENGINE_NOT_CONFIGURED
            )
        return [Route(server.name, self._model(server) or self._spec.model, server.upstream.url) for server in servers]

    def _model(self, server: Server) -> str | None:
        """The server's name for the model; None: it is left out."""
        return server.upstream.model or self._renderer.sent_names.get(self._spec.model)

    # --- one server -------------------------------------------------------------------------------------------------

    def _attempt(self, route: Route) -> dict[str, Any]:
        """Make the clip at this server. Returns the facts about it. Raises `UpstreamError`."""
        # https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
        facts = {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": route.provider,
            "gen_ai.request.model": route.model,
        }
        server = self._renderer.servers[route.url]
        span = self._job.span.begin(f"generate_content {route.model}", facts, kind=Kind.CLIENT)
        with span, _busy(server):
            while True:
                try:
                    return self._ask(server)
                except Lost:
                    if server.known_as_reelwright:
                        raise removed(server.name) from None
                    # The server answers, so it was restarted and has lost the job; it can be sent there again.
                    fault = self._gone_from(server)
                    if fault.next_step is NextStep.STOP:
                        raise fault from None
                except Gone:
                    self._left_running.append(server.name)
                    raise self._gone_from(server) from None

    def _gone_from(self, server: Server) -> UpstreamError:
        again = server.upstream.when_lost is Policy.RESUBMIT and self._n < self._options.submissions
        if again:
            self._n += 1
        return lost(server.name, again=again)

    def _ask(self, server: Server) -> dict[str, Any]:
        if self._accepted is not None:
            (_, video_id), self._accepted = self._accepted, None
            return self._attend(server, video_id)
        form = self._form(server)
        self._facts["sent"] = {name: value for name, value in form.fields.items() if name != "prompt"}
        with server.alone(self._digest, self._limits):
            unanswered, self._unanswered = self._unanswered, None
            video = self._settle(server, form, unanswered) if unanswered else self._submit(server, form)
            self._report_accepted(server, video.id)
        return self._attend(server, video.id)

    def _form(self, server: Server) -> Form:
        job = self._job
        return form_of(self._spec, self._model(server), job.image_path, job.last_image_path)

    def _submit(self, server: Server, form: Form) -> Video:
        with suppress(UpstreamError, httpx2.TransportError):
            server.is_reelwright(self._limits)  # asked now, since a failure costs nothing before the create
        submission = Submission(
            url=server.upstream.url,
            n=self._n,
            key=f"{self._job.video_id}-{self._n}",
            since=server.now() - CLOCK_SLACK_S,
            others=tuple(server.accepted(self._digest)),
        )
        self._limits.check()
        self._save(submission.to_state())
        try:
            return self._create(server, form, submission)
        except httpx2.TransportError:
            return self._settle(server, form, submission)
        except UpstreamError as fault:
            if not perhaps_taken(fault):
                raise
            return self._settle(server, form, submission)

    def _create(self, server: Server, form: Form, submission: Submission) -> Video:
        with self._job.span.begin("submit"):
            return server.create(form, submission.key, self._limits)

    def _settle(self, server: Server, form: Form, submission: Submission) -> Video:
        """Find the job of a create that got no answer. Raises `UpstreamError` (unknown_outcome) when there is none.

        While the server does not answer, it is asked again until the job's time is up, since it may have the job.
        """
        while True:
            try:
                if server.is_reelwright(self._limits):
                    return self._create(server, form, submission)
                found = self._find(server, submission)
                break
            except (UpstreamError, httpx2.TransportError) as error:
                if isinstance(error, UpstreamError) and not _may_answer_later(error):
                    raise
            self._limits.poll_pause()
        if found is not None:
            self._facts["found_in_list"] = True
            return found
        if server.upstream.when_unknown is Policy.RESUBMIT and self._n < self._options.submissions:
            self._n += 1
            self._facts["sent_again"] = True
            return self._submit(server, form)
        raise unknown_outcome(server.name)

    def _find(self, server: Server, submission: Submission) -> Video | None:
        """The only new video with our prompt in the server's list that is not one of our other jobs."""
        for look in range(2):
            if look:
                self._limits.poll_pause()  # the create may still be on its way through the server
            ours = {*submission.others, *server.accepted(self._digest)}
            fitting = [
                video
                for video in server.newest(self._limits)
                if video.prompt == self._spec.prompt
                and video.created_at is not None
                and video.created_at >= int(submission.since)
                and video.size in (None, f"{self._spec.width}x{self._spec.height}")
                and video.id not in ours
            ]
            if fitting:
                return fitting[0] if len(fitting) == 1 else None
        return None

    def _report_accepted(self, server: Server, video_id: str) -> None:
        server.note_accepted(video_id, self._digest)
        try:
            self._save({"phase": "accepted", "url": server.upstream.url, "n": self._n, "id": video_id})
        except EngineError:
            end_in_background(server, video_id)
            raise

    def _attend(self, server: Server, video_id: str) -> dict[str, Any]:
        """Follow an accepted job until its file is here. If it is given up here, it is ended at the server, where
        possible."""
        following = Following(server, video_id, self._options, self._limits, self._report, self._renderer.scrub)
        try:
            with self._limits.route_limit(self._options.route_seconds), self._job.span.begin("wait"):
                video = following.run(alternatives=self._can_go_on())
        except UpstreamError as fault:
            self._after(fault, server, video_id)
            raise
        except EngineError:
            # The job was cancelled or is late, so it ends without waiting for the server's answer.
            end_in_background(server, video_id)
            raise
        with self._job.span.begin("download"):
            self._sha256 = self._fetch(server, video)
        return {
            "provider": server.name,
            "model": self._spec.model,
            "provider_model": video.model or self._model(server),
            "request_id": video.id,
        } | ({"progress": "upstream"} if following.progress_moved else {})

    def _can_go_on(self) -> bool:
        return len(self._renderer.servers) > 1 and self._n < self._options.submissions

    def _after(self, fault: UpstreamError, server: Server, video_id: str) -> None:
        """Decide what follows from a failure. The job ends if it may still go on at this server, since then it must not
        be sent to another one, or if it was sent `submissions` times."""
        if fault.running and not end_now(server, video_id):
            fault.next_step = NextStep.STOP
        if self._n >= self._options.submissions and fault.next_step is NextStep.NEXT:
            fault.next_step = NextStep.STOP
        self._n += 1

    def _fetch(self, server: Server, video: Video) -> str:
        """Download the file, which may appear a moment after the job is completed, or be at another address. Returns
        its SHA-256, hex."""
        url, elsewhere = server.content(video)
        late = time.monotonic() + self._options.file_seconds
        while True:
            try:
                # The token goes to the server's own origin only.
                return self._renderer.downloader.fetch(url, self._job.clip, self._limits, headers=server.headers)
            except UpstreamError as fault:
                if elsewhere and url != elsewhere and (fault.status or 0) in NOT_YET | {400}:
                    url = elsewhere
                    continue
                if fault.status not in NOT_YET or time.monotonic() >= late:
                    raise
            self._limits.poll_pause()

    # --- the record -------------------------------------------------------------------------------------------------

    def _save(self, state: dict[str, Any]) -> None:
        self._report.checkpoint(state)
        self._saved_phase = state["phase"]

    def _wait(self, seconds: float) -> None:
        """Wait between two rounds. No server has the job meanwhile, and the checkpoint says so: after a crash it begins
        anew."""
        if self._saved_phase not in (None, WAITING):
            self._save({"phase": WAITING, "n": self._n})
        self._limits.wait(seconds)

    def _made(self, facts: dict[str, Any]) -> Made:
        self._limits.check()
        clip = self._renderer.clips.check(self._job.clip, self._sha256)
        more: dict[str, Any] = {"submissions": self._n} if self._n > 1 else {}
        if self._left_running:
            more["left_running"] = self._left_running
        return Made(clip=clip, facts=facts | self._facts | {"adjusted": self._adjusted(clip)} | more)

    def _adjusted(self, clip: Clip) -> dict[str, list[Any]]:
        """The differences between the file and the request: name → [asked, made]."""
        spec, found = self._spec, clip.probe
        assert found is not None, "a checked clip has been probed"
        pairs = {
            "size": (f"{spec.width}x{spec.height}", f"{found.width}x{found.height}"),
            "num_frames": (spec.num_frames, found.num_frames),
            "fps": (spec.fps, round(found.fps, 3)),
        }
        return {name: [asked, made] for name, (asked, made) in pairs.items() if asked != made}


def _may_answer_later(fault: UpstreamError) -> bool:
    """Whether the server may answer later: it has not said anything about the job."""
    return (
        fault.next_step is NextStep.LATER
        or isinstance(fault.__cause__, httpx2.TransportError)
        or (fault.status or 0) >= 500
        or perhaps_taken(fault)
    )


@contextmanager
def _busy(server: Server) -> Iterator[None]:
    server.jobs += 1
    try:
        yield
    finally:
        server.jobs -= 1
