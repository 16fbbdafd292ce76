"""Makes one video with a workflow at the configured ComfyUIs, until its checked clip is on the disk.

Each step is saved before it is done, so that after a crash no graph is executed twice.

What is saved with the job, each time before it is acted on (`phase`), always with `n`, the number of the submission:

- `submitting`: the graph is about to be sent to `url` under an id that follows from the video's and `n`. A job found
  like this may have been taken: every ComfyUI is asked for the id, and where none knows it the same graph is sent again
  under the same id. Should the first one have arrived after all, the second is served from ComfyUI's cache.
- `accepted`: `url` has it. A job found like this is followed on, whether it waits, runs or has ended.
- `ended`: the submission is over and brought nothing. A job found like this is submitted anew.

A submission that is lost (a restarted ComfyUI forgets all it had) is made again with the next `n`, at most `tries`
times in all.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

from reelwright.engines.comfyui import outputs
from reelwright.engines.comfyui.following import Following
from reelwright.engines.comfyui.listener import Listener
from reelwright.engines.comfyui.options import Options
from reelwright.engines.comfyui.progress import Progress
from reelwright.engines.comfyui.refusals import (
    Absent,
    Complaint,
    Lost,
    Rejected,
    failed,
    missing_file,
    not_taken,
    stalled,
)
from reelwright.engines.comfyui.server import FOLDER, ComfyUI, State
from reelwright.engines.comfyui.servers import Route, Servers
from reelwright.engines.comfyui.workflow import Filled, Workflow
from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.upstream.active_jobs import ActiveJobs
from reelwright.engines.upstream.clips import Clips
from reelwright.engines.upstream.download import Downloader, storage_told
from reelwright.engines.upstream.failover import Breakers, Failover
from reelwright.engines.upstream.job_limits import JobLimits
from reelwright.engines.upstream.outcomes import NextStep, Scrubber, UpstreamError, bad_output
from reelwright.errors import Code, EngineError
from reelwright.media.clip import Clip
from reelwright.media.encode import describe
from reelwright.media.probe import BadVideo
from reelwright.media.remuxing import remux
from reelwright.store.files import sha256_of
from reelwright.tracing import Kind

NAMESPACE = uuid.UUID("6a3f1d0e-6f0c-5d0b-9a3e-2f1c7a5b4c10")
"""The namespace of the ids of submissions (RFC 9562, version 5): the same video and number give the same id."""
LATE_SECONDS = 0.5
"""How much later a submission may arrive that a process sent just before it was killed."""
SENDS = 3
"""How often a submission is sent whose answer does not come, always under the same id."""
ROUNDS, FIRST_WAIT = 3, 4
"""When nobody listens at any address: how many rounds through all of them there are, and the first pause between two,
as a multiple of `poll_seconds`; the next pause is twice as long."""


class Renderer:
    """Renders jobs. It has what all of them share."""

    def __init__(
        self,
        *,
        options: Options,
        workflows: Mapping[str, Workflow],
        servers: Servers,
        breakers: Breakers,
        downloader: Downloader,
        scrub: Scrubber,
    ) -> None:
        self.options = options
        self.workflows = workflows
        self.servers = servers
        self.breakers = breakers
        self.downloader = downloader
        self.scrub = scrub
        self.clips = Clips()
        self._active_jobs = ActiveJobs(JobLimits, idle_seconds=options.idle_seconds, poll_seconds=options.poll_seconds)

    def render(self, job: RenderJob, report: Report) -> Made:
        """Raises `EngineError` as `refusals` and `upstream.failover` say, and `Cancelled` within a second."""
        with self._active_jobs.track(job, report) as limits:
            return _Rendering(self, job, report, limits).run()


class _Rendering:
    """One job."""

    def __init__(self, renderer: Renderer, job: RenderJob, report: Report, limits: JobLimits) -> None:
        self._renderer = renderer
        self._options = renderer.options
        self._servers = renderer.servers
        self._job = job
        self._spec = job.spec
        self._report = report
        self._limits = limits
        self._n = 0
        self._used = True
        """Whether the present submission may have reached a ComfyUI."""
        self._submissions = 0
        """How many submissions may have been executed, at least in part."""
        self._phase: str | None = None
        self._pending: ComfyUI | None = None
        self._facts: dict[str, Any] = {}

    def run(self) -> Made:
        workflow = self._renderer.workflows.get(self._spec.model)
        if workflow is None:
            raise EngineError(
                f"The workflow {self._spec.model} is not there any more.", code=Code.ENGINE_NOT_CONFIGURED
            )
        self._workflow = workflow
        # Filled for the record alone: the submission of an earlier attempt is not sent again.
        filled = workflow.fill(self._spec, prefix=FOLDER, image="", last_image="")
        self._facts = {"sent": dict(filled.sent), "adjusted": dict(filled.adjusted)}
        if (made := self._resume()) is not None:
            return made
        routes = self._servers.routes(workflow.name, first=self._pending.name if self._pending else None)
        self._at = routes[0].provider
        try:
            return self._walked(routes)
        finally:
            self._servers.move(self._at, None)

    def _walked(self, routes: Sequence[Route]) -> Made:
        failover = Failover(
            tries=ROUNDS,
            first_wait_seconds=self._options.poll_seconds * FIRST_WAIT,
            breakers=self._renderer.breakers,
            wait=self._limits.wait,
            seconds_left=self._limits.left,
        )
        try:
            clip, facts = failover.run(routes, self._attempt, first=routes[0] if self._pending else None)
        except UpstreamError:
            if self._pending is not None:
                self._servers.end(self._pending, self._prompt_id)
            with suppress(EngineError):
                self._save("ended")
            raise
        return Made(clip=clip, facts={**facts, **self._facts, "tries": failover.tries})

    # --- what an earlier attempt left -------------------------------------------------------------------------------

    def _resume(self) -> Made | None:
        state = self._job.checkpoint or {}
        self._n, self._submissions = int(state.get("n", 0)), int(state.get("submissions", 0))
        phase, server = state.get("phase"), self._servers.named(str(state.get("url", "")))
        if phase == "ended":  # a user resumes a job that had failed
            self._submissions = 0
        if phase not in ("submitting", "accepted"):
            return None
        self._facts["resumed"] = True
        if phase == "accepted" and self._job.clip.exists():
            with suppress(BadVideo):  # the whole file had arrived before the crash
                facts = self._about(server) if server else {}
                clip = self._renderer.clips.check(self._job.clip, None)
                return Made(clip=clip, facts=facts | self._facts)
        if phase == "submitting":
            self._phase = "submitting"
            self._pending = self._found() or server
        else:
            self._phase, self._pending = "accepted", server
        return None

    def _found(self) -> ComfyUI | None:
        """The ComfyUI that has the submission that an earlier attempt was sending; None: none has it. All are asked
        twice, because it may arrive late."""
        for pause in (0.0, LATE_SECONDS):
            self._limits.wait(pause)
            for server in self._servers.all:
                with suppress(UpstreamError, httpx2.TransportError):
                    if server.state(self._prompt_id, self._limits) is not State.UNKNOWN:
                        self._submissions += 1
                        self._save("accepted", server)
                        return server
        return None

    # --- one ComfyUI ------------------------------------------------------------------------------------------------

    def _attempt(self, route: Route) -> tuple[Clip, dict[str, Any]]:
        """Make the clip at this ComfyUI. Returns it with the facts about it. Raises `UpstreamError`."""
        server = self._servers.of(route.provider).server
        facts = {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": route.provider,
            "gen_ai.request.model": route.model,
        }
        name = f"generate_content {route.model}"
        self._servers.move(self._at, route.provider)
        self._at = route.provider
        with self._job.span.begin(name, facts, kind=Kind.CLIENT) as self._span:
            self._check_health(server)
            while True:
                try:
                    return self._submission(server), self._about(server)
                except Lost as fault:
                    if self._submissions >= self._options.tries:
                        fault.next_step = NextStep.STOP
                    if fault.next_step is NextStep.STOP or self._servers.others(server.name):
                        raise

    def _check_health(self, server: ComfyUI) -> None:
        condition = self._servers.of(server.name)
        if condition.stalled and self._pending is not server:
            condition.check_health(self._limits, self._options.stall_seconds)
            if condition.stalled:
                raise stalled(server.name)

    def _about(self, server: ComfyUI) -> dict[str, Any]:
        version = server.stats.version if server.stats else None
        return {"provider": server.name, "comfyui": version, "request_id": self._prompt_id}

    def _submission(self, server: ComfyUI) -> Clip:
        """Do one submission until the clip is here, from the beginning or from where an earlier attempt left it."""
        taken_up = self._pending is server
        if not taken_up:
            if self._pending is not None:  # the other ComfyUI may have taken it after all
                self._servers.end(self._pending, self._prompt_id)
            self._n, self._phase = self._n + self._used, None
        self._pending, self._used = None, True
        try:
            entry = self._executed(server)
            if not outputs.success(entry):
                fault = failed(entry, _titles(self._workflow), self._renderer.scrub)
                if taken_up and outputs.interrupted(entry):
                    raise Lost(fault)  # the earlier job, which a user resumes, had ended it when it was given up
                raise fault
            return self._take(server, entry)
        except UpstreamError as fault:
            if fault.running and self._phase and not self._servers.end_now(server, self._prompt_id):
                self._servers.end(server, self._prompt_id)
            raise
        except EngineError:
            # The job was cancelled or is late, so it ends without waiting for ComfyUI's answer.
            if self._phase:
                self._servers.end(server, self._prompt_id)
            raise

    def _executed(self, server: ComfyUI) -> Mapping[str, Any]:
        """Submit the graph if it was not submitted yet, and wait for its end. Returns its entry in the history."""
        followed = self._phase == "accepted"
        filled = None if followed else self._filled(server)
        graph = filled.graph if filled else self._workflow.graph.nodes
        with Listener(
            address=server.socket_address(self._prompt_id),
            headers=server.headers,
            prompt_id=self._prompt_id,
            progress=Progress(graph, self._workflow.output),
            report=self._report,
            preview_seconds=self._options.preview_seconds,
            connect_seconds=self._options.connect_seconds,
        ) as listener:
            if filled is not None:
                with self._awaited(server), self._span.begin("submit"):
                    self._submit(server, filled)
            following = Following(
                server=server,
                servers=self._servers,
                prompt_id=self._prompt_id,
                options=self._options,
                limits=self._limits,
                report=self._report,
                listener=listener,
                certain=not followed,
            )
            with self._limits.route_limit(self._options.route_seconds), self._span.begin("wait"):
                return following.entry()

    # --- submission -------------------------------------------------------------------------------------------------

    def _filled(self, server: ComfyUI) -> Filled:
        job, spec = self._job, self._spec
        pictures = {
            "image": (job.image_path, spec.image),
            "last_image": (job.last_image_path, spec.last_image),
        }
        names: dict[str, str] = {}
        for field, (path, image) in pictures.items():
            if path is not None and image is not None:
                ending = image.media_type.rpartition("/")[2].replace("jpeg", "jpg")
                name = f"{sha256_of(path)}.{ending}"
                with self._awaited(server), self._span.begin("upload"):
                    names[field] = self._uploaded(server, path, name, image.media_type)
        return self._workflow.fill(spec, prefix=f"{FOLDER}/{job.video_id}-{self._n}", **names)

    def _uploaded(self, server: ComfyUI, path: Path, name: str, media_type: str) -> str:
        try:
            return server.upload(path, name, media_type, self._limits)
        except httpx2.TransportError as error:
            raise _unanswering(server) from error

    def _submit(self, server: ComfyUI, filled: Filled) -> None:
        again = self._phase == "submitting"
        if not again:
            self._limits.check()
            self._save("submitting", server)
        try:
            self._send(server, filled)
        except Rejected as fault:
            self._phase = "submitting" if fault.taken else None
            fault.running = fault.taken
            raise self._judged(fault, server) from fault
        self._submissions += 1
        self._save("accepted", server)

    @contextmanager
    def _awaited(self, server: ComfyUI) -> Iterator[None]:
        """Changes an `Absent` of the block so that this ComfyUI is asked again after the others: it may be starting."""
        again = self._phase == "submitting"
        try:
            yield
        except Absent as fault:
            maybe = again or fault.running
            self._pending, self._used = (server, True) if maybe else (None, False)
            self._phase = None
            fault.next_step, fault.running = NextStep.LATER, False
            raise

    def _send(self, server: ComfyUI, filled: Filled) -> None:
        """Send the graph until it is certain that it arrived. ComfyUI does not execute it twice under the same id."""
        fault, sent = _unanswering(server), False
        for _ in range(SENDS):
            try:
                server.submit(
                    self._prompt_id, filled.graph, self._workflow.output, self._options.previews, self._limits
                )
                return
            except httpx2.TransportError:
                sent = True
            except Absent as error:
                error.running = sent  # nobody listens now, but an earlier try may have arrived
                raise
            except UpstreamError as error:
                if (error.status or 0) < 500:
                    raise
                fault, sent = error, True  # a gateway got no answer, but the ComfyUI behind it may have the graph
            self._limits.wait(LATE_SECONDS)
            with suppress(UpstreamError, httpx2.TransportError):
                if server.state(self._prompt_id, self._limits) is not State.UNKNOWN:
                    return
        fault.running = True
        raise fault

    def _judged(self, fault: Rejected, server: ComfyUI) -> UpstreamError:
        """The error by what caused it: this ComfyUI, the request, or the workflow."""
        judged: UpstreamError = fault
        for complaint in fault.complaints:
            field = _field_at(self._workflow, complaint)
            if field is not None and getattr(self._spec, field) is None:
                field = None  # the value is the graph's own, not the request's
            if field is not None:
                judged = not_taken(complaint, field)
            elif complaint.kind == "value_not_in_list":
                judged = missing_file(server.name, complaint)
                break
        judged.running = fault.running
        return judged

    # --- the result -------------------------------------------------------------------------------------------------

    def _take(self, server: ComfyUI, entry: Mapping[str, Any]) -> Clip:
        output = outputs.find(entry, self._workflow.output)
        scratch = self._job.scratch
        scratch.mkdir(exist_ok=True)
        paths = []
        with self._span.begin("download"):
            for number, item in enumerate(output.items):
                path = scratch / outputs.media_name(item, number)
                self._fetch(server, server.address(item), path, video=output.video)
                paths.append(path)
        if not output.video:
            return self._drawn(paths)
        # The file that ComfyUI wrote has the workflow, and the prompt, in its metadata.
        part = scratch / "clip.part"
        with storage_told():
            remux(paths[0], part, metadata=describe(self._spec, generative_ai=True))
        paths[0].unlink()
        part.replace(self._job.clip)
        return self._renderer.clips.check(self._job.clip, None)

    def _fetch(self, server: ComfyUI, url: str, path: Path, *, video: bool) -> None:
        try:
            self._renderer.downloader.fetch(url, path, self._limits, headers=server.headers, video=video)
        except UpstreamError as fault:
            if fault.status == 404:
                # Somebody removed it, or it was removed before and ComfyUI's cache named it all the same.
                raise Lost(fault) from fault
            raise

    def _drawn(self, paths: Sequence[Path]) -> Clip:
        """A clip whose frames are these pictures."""
        buffer = self._job.frames
        frames = buffer.array()
        count = 0
        for count, picture in enumerate(outputs.pictures_of(paths), 1):
            if count > buffer.num_frames:
                raise bad_output(f"it has more than the {buffer.num_frames} frames that were asked for")
            if picture.shape != frames.shape[1:]:
                height, width, _ = picture.shape
                raise bad_output(
                    f"its pictures are {width}x{height}, not {buffer.width}x{buffer.height}; let the workflow end in "
                    "SaveVideo"
                )
            frames[count - 1] = picture
            self._limits.check()
        for path in paths:
            path.unlink()
        return Clip(fps=self._spec.fps, num_frames=count, frames=buffer)

    # --- the record -------------------------------------------------------------------------------------------------

    @property
    def _prompt_id(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self._job.video_id}-{self._n}"))

    def _save(self, phase: str, server: ComfyUI | None = None) -> None:
        self._phase = phase  # before it is saved: what raises here may be a cancel, after it was saved
        self._report.checkpoint(
            {
                "phase": phase,
                "url": server.url if server else None,
                "n": self._n,
                "submissions": self._submissions,
                "prompt_id": self._prompt_id,
            }
        )


def classes_of(workflow: Workflow) -> frozenset[str]:
    """The node classes that are executed for the workflow's output."""
    return frozenset(workflow.graph.kind(node) for node in workflow.graph.ancestors(workflow.output))


def _titles(workflow: Workflow) -> dict[str, str]:
    return {node: workflow.graph.title(node) or workflow.graph.kind(node) for node in workflow.graph.nodes}


def _field_at(workflow: Workflow, complaint: Complaint) -> str | None:
    """The field of the request that is written to the input about which ComfyUI complains."""
    place = (complaint.node, complaint.input)
    for field in workflow.fields.values():
        if any((target.node, target.input) == place for target in field.targets):
            return field.name
    return None


def _unanswering(server: ComfyUI) -> UpstreamError:
    return UpstreamError(
        f"The connection to ComfyUI at {server.name} broke before it answered.",
        code=Code.UPSTREAM_ERROR,
        next_step=NextStep.NEXT,
        unhealthy=True,
        running=True,
    )
