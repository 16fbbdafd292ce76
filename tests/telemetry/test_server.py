"""Traces of the real server and its engines' processes, as a real OTLP receiver gets them."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fakes.collector import Collector, Span
from tests.fakes.receiver import HOST, Receiver
from tests.servers import ServerProcess, eventually

CALLERS_SPAN = "00f067aa0ba902b7"
SMALL = {"width": 64, "height": 64, "num_frames": 4, "engine": "toy"}
JOB = ("submit toy", "wait", "process toy", "render", "generate", "finish", "record")


@dataclass(frozen=True)
class Caller:
    """Somebody who traces too: what is sent has its trace's id and the span `CALLERS_SPAN`."""

    collector: Collector
    trace: str = field(default_factory=lambda: secrets.token_hex(16))
    sampled: bool = True
    key: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        once = {"Idempotency-Key": self.key} if self.key else {}
        return {"traceparent": f"00-{self.trace}-{CALLERS_SPAN}-{self.sampled:02d}", **once}

    def post(self, server: ServerProcess, path: str, prompt: str, **fields: Any) -> httpx2.Response:
        body = {"prompt": prompt, **SMALL, **fields}
        return httpx2.post(f"{server.url}{path}", json=body, headers=self.headers, timeout=30)

    def spans(self, *names: str) -> dict[str, Span]:
        """The trace's spans by name, once there are those."""
        eventually(lambda: set(names) <= {span.name for span in self.collector.of(self.trace)})
        return {span.name: span for span in self.collector.of(self.trace)}


def traced(folder: Path, collector: Collector, **environment: str) -> ServerProcess:
    """A server, not yet started, that sends its spans soon."""
    sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    return ServerProcess(folder / "data", **sending, **environment)


@contextmanager
def running(server: ServerProcess) -> Iterator[ServerProcess]:
    server.start()
    try:
        yield server
    finally:
        assert server.stop() == 0


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[ServerProcess]:
    with running(traced(tmp_path_factory.mktemp("traced"), collector, REACHABLE=HOST)) as one:
        yield one


@pytest.fixture
def caller(collector: Collector) -> Caller:
    return Caller(collector)


def test_a_request_is_one_trace_over_two_processes(tmp_path: Path, collector: Collector, caller: Caller) -> None:
    with running(traced(tmp_path, collector)) as server:
        assert caller.post(server, "/api/video/generate", "paint").status_code == 200
        spans = caller.spans("POST /api/video/generate", "load", *JOB)
        assert server.process
        pid = server.process.pid
    names = {span.id: name for name, span in spans.items()}
    assert {name: names.get(span.parent) for name, span in spans.items()} == {
        "POST /api/video/generate": None,
        "submit toy": "POST /api/video/generate",
        "wait": "submit toy",
        "process toy": "submit toy",
        "render": "process toy",
        "load": "render",  # the toy is not the default engine: its process was started for this job
        "generate": "render",
        "finish": "process toy",
        "record": "process toy",
    }
    assert spans["POST /api/video/generate"].parent == CALLERS_SPAN
    assert {name for name, span in spans.items() if span.pid != pid} == {"load", "generate"}
    assert len({span.pid for span in spans.values()}) == 2
    kinds = [spans[name].kind for name in ("POST /api/video/generate", "submit toy", "process toy", "render")]
    assert kinds == ["SERVER", "PRODUCER", "CONSUMER", "INTERNAL"]
    for inner, outer in (("generate", "render"), ("render", "process toy"), ("finish", "process toy")):
        assert spans[outer].begun <= spans[inner].begun <= spans[inner].ended <= spans[outer].ended
    assert not any(span.failed for span in spans.values())
    assert {span.resource["service.name"] for span in spans.values()} == {"reelwright"}


def test_spans_tell_what_an_operator_looks_for(server: ServerProcess, caller: Caller) -> None:
    video_id = caller.post(server, "/api/video/generate", "paint").headers["X-Video-Id"]
    spans = caller.spans("POST /api/video/generate", *JOB)
    request = spans["POST /api/video/generate"].facts
    assert request["http.request.method"] == "POST"
    assert request["http.route"] == request["url.path"] == "/api/video/generate"
    assert request["http.response.status_code"] == 200
    process = spans["process toy"].facts
    assert process["reelwright.video.id"] == process["messaging.message.id"] == video_id
    assert (process["reelwright.engine"], process["reelwright.model"]) == ("toy", "toy")
    assert (process["reelwright.size"], process["reelwright.frames"]) == ("64x64", 4)
    assert (process["reelwright.attempt"], process["reelwright.outcome"]) == (1, "completed")
    assert spans["generate"].facts["reelwright.video.id"] == video_id


def test_neither_prompts_nor_secrets_nor_texts_of_errors_are_told(tmp_path: Path) -> None:
    key, hook = "key-of-a-client-01", "path-of-a-hook"
    environment = {"REELWRIGHT_API_KEYS": key, "REACHABLE": HOST, "HF_TOKEN": "hf_secret"}
    with Collector() as alone, Receiver() as receiver, running(traced(tmp_path, alone, **environment)) as server:
        caller, stranger = Caller(alone), Caller(alone)
        made = httpx2.post(
            f"{server.url}/v1/videos?secret={hook}",
            json={"prompt": "raise moonlight", **SMALL, "webhook": f"{receiver.url}?{hook}"},
            headers={"Authorization": f"Bearer {key}", **caller.headers},
        ).json()
        spans = caller.spans("POST /v1/videos", "process toy", "generate", "POST")
        assert stranger.post(server, "/v1/videos", "paint moonlight").status_code == 401
        assert stranger.spans("POST")["POST"].facts["http.response.status_code"] == 401
    assert spans["process toy"].failed
    assert spans["process toy"].facts["error.type"] == spans["render"].facts["error.type"] == "engine_failed"
    assert spans["generate"].facts["error.type"] == "RuntimeError"
    assert spans["POST"].facts["reelwright.video.id"] == made["id"]
    told = repr(alone.spans)
    for secret in ("moonlight", key, hook, "hf_secret", str(tmp_path)):
        assert secret not in told


def test_an_asynchronous_job_belongs_to_the_trace_of_its_request(
    server: ServerProcess, caller: Caller, tmp_path: Path
) -> None:
    assert caller.post(server, "/v1/videos", f"until {tmp_path / 'go'}").status_code == 200
    assert "process toy" not in caller.spans("POST /v1/videos", "submit toy", "wait"), "it is still under way"
    (tmp_path / "go").touch()
    spans = caller.spans(*JOB)
    assert spans["process toy"].parent == spans["submit toy"].id
    assert spans["process toy"].ended > spans["POST /v1/videos"].ended


def test_a_job_that_waits_for_its_turn_shows_how_long(
    server: ServerProcess, collector: Collector, caller: Caller, tmp_path: Path
) -> None:
    earlier = Caller(collector)
    earlier.post(server, "/v1/videos", f"until {tmp_path / 'go'}")
    caller.post(server, "/v1/videos", "paint")
    caller.spans("POST /v1/videos")
    (tmp_path / "go").touch()
    first, spans = earlier.spans("render")["render"], caller.spans(*JOB)
    assert spans["wait"].begun <= spans["submit toy"].ended
    assert first.ended <= spans["wait"].ended <= spans["render"].begun


def test_a_job_goes_on_in_its_trace_after_kill_9(tmp_path: Path, collector: Collector, caller: Caller) -> None:
    server = traced(tmp_path, collector).start()
    made = caller.post(server, "/v1/videos", f"until {tmp_path / 'go'}").json()
    killed = caller.spans("POST /v1/videos", "submit toy", "wait")
    server.kill()
    (tmp_path / "go").touch()
    with running(server):
        spans = caller.spans("process toy", "render", "generate", "finish", "record")
    process = spans["process toy"]
    assert process.parent == killed["submit toy"].id
    assert process.facts["reelwright.video.id"] == made["id"]
    assert process.facts["reelwright.attempt"] == 2
    assert [span.name for span in collector.of(caller.trace)].count("wait") == 1
    assert len({killed["wait"].pid, process.pid, spans["generate"].pid}) == 3, "both servers and the engine's process"


def test_what_a_stopping_server_interrupts_is_told(tmp_path: Path, collector: Collector, caller: Caller) -> None:
    server = traced(tmp_path, collector, REELWRIGHT_DRAIN_S="0").start()
    caller.post(server, "/v1/videos", "slow 60")
    caller.spans("wait")
    assert server.stop() == 0
    assert caller.spans("process toy")["process toy"].facts["reelwright.outcome"] == "interrupted"


def test_a_cancelled_job_is_told_and_is_no_failure(server: ServerProcess, caller: Caller) -> None:
    url = f"{server.url}/v1/videos/{caller.post(server, '/v1/videos', 'slow 60').json()['id']}"
    eventually(lambda: httpx2.get(url).json()["progress"])
    httpx2.post(f"{url}/cancel")
    spans = caller.spans("process toy", "render", "generate")
    for name in ("process toy", "render", "generate"):
        assert spans[name].facts["reelwright.outcome"] == "cancelled"
        assert not spans[name].failed


def test_a_killed_engine_is_told_by_the_server(server: ServerProcess, caller: Caller) -> None:
    assert caller.post(server, "/api/video/generate", "crash").status_code == 500
    spans = caller.spans("POST /api/video/generate", "process toy")
    assert spans["process toy"].facts["error.type"] == spans["render"].facts["error.type"] == "engine_crashed"
    assert spans["POST /api/video/generate"].facts["error.type"] == "500"
    assert "generate" not in spans, "what was under way in the killed process is lost"


def test_a_submission_that_an_earlier_video_answers_is_linked_to_its_trace(
    server: ServerProcess, collector: Collector
) -> None:
    earlier, caller = (Caller(collector, key="the same") for _ in range(2))
    first = earlier.post(server, "/api/video/generate", "paint")
    second = caller.post(server, "/api/video/generate", "paint")
    assert first.headers["X-Video-Id"] == second.headers["X-Video-Id"]
    assert caller.spans("submit toy")["submit toy"].links == (earlier.trace,)
    assert earlier.spans("submit toy")["submit toy"].links == ()


def test_a_webhook_is_a_part_of_the_trace_and_its_receiver_learns_of_it(
    server: ServerProcess, collector: Collector, caller: Caller
) -> None:
    with Receiver(500, 200) as receiver:
        assert caller.post(server, "/v1/videos", "paint", webhook=receiver.url).status_code == 200
        tries = eventually(lambda: two(span for span in collector.of(caller.trace) if span.name == "POST"))
    first, second = tries
    assert first.parent == second.parent == caller.spans("submit toy")["submit toy"].id
    assert (first.kind, first.failed, first.facts["http.response.status_code"]) == ("CLIENT", True, 500)
    assert (second.failed, second.facts["http.response.status_code"]) == (False, 200)
    assert first.facts["server.address"] == HOST
    sent = [message.headers["traceparent"] for message in receiver.received]
    assert sent == [f"00-{caller.trace}-{span.id}-01" for span in tries]


def two(spans: Iterator[Span]) -> list[Span]:
    found = list(spans)
    return found if len(found) == 2 else []


def test_the_caller_s_decision_not_to_sample_is_kept(server: ServerProcess, collector: Collector) -> None:
    unseen, seen = Caller(collector, sampled=False), Caller(collector)
    for one in (unseen, seen):
        assert one.post(server, "/api/video/generate", "paint").status_code == 200
    seen.spans(*JOB)
    assert collector.of(unseen.trace) == []


def test_without_a_sound_traceparent_a_trace_begins_here(server: ServerProcess, collector: Collector) -> None:
    for sent in ("", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01", "00-é-ü-01"):
        httpx2.get(f"{server.url}/v1/models", headers={"traceparent": sent.encode()})
    found = eventually(lambda: four(collector.named("GET /v1/models")))
    assert {span.parent for span in found} == {""}
    assert len({span.trace for span in found}) == 4


def four(spans: list[Span]) -> list[Span]:
    return spans if len(spans) == 4 else []


def test_probes_scrapes_and_unknown_paths(server: ServerProcess, caller: Caller, collector: Collector) -> None:
    for path in ("/health", "/ready", "/metrics", "/no/such/path"):
        httpx2.get(f"{server.url}{path}", headers=caller.headers)
    httpx2.request("PROPFIND", f"{server.url}/no/such/path", headers=caller.headers)
    requests = caller.spans("GET", "HTTP")
    assert set(requests) == {"GET", "HTTP"}
    assert len(collector.of(caller.trace)) == 2
    assert requests["GET"].facts["http.response.status_code"] == 404
    assert requests["HTTP"].facts["http.request.method"] == "_OTHER"


def test_the_standard_variables_name_the_service_and_its_credentials(tmp_path: Path) -> None:
    environment = {
        "OTEL_SERVICE_NAME": "films",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-team=blue",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    with Collector() as alone, running(traced(tmp_path, alone, **environment)) as server:
        caller = Caller(alone)
        caller.post(server, "/api/video/generate", "paint")
        spans = caller.spans(*JOB)
    assert {span.resource["service.name"] for span in spans.values()} == {"films"}
    assert {span.resource["deployment.environment.name"] for span in spans.values()} == {"test"}
    assert alone.headers["x-team"] == "blue"
    assert alone.headers["Content-Encoding"] == "gzip"


def test_the_variables_may_stand_in_the_env_file(tmp_path: Path, collector: Collector, caller: Caller) -> None:
    (tmp_path / ".env").write_text(f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.url}\nOTEL_BSP_SCHEDULE_DELAY=50\n")
    assert not any(name.startswith("OTEL_") for name in os.environ)
    with running(ServerProcess(tmp_path / "data")) as server:
        caller.post(server, "/api/video/generate", "paint")
        caller.spans(*JOB)


def test_a_receiver_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    with Collector() as gone:
        server = traced(tmp_path, gone)
    server.start()
    assert Caller(gone).post(server, "/api/video/generate", "paint").status_code == 200
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 10, "by itself the SDK goes on trying for longer"
