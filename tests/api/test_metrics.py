"""`/metrics`: what Prometheus reads, from a real server with real jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import ROOT, ServerProcess, eventually

KEY = "a-key-for-the-tests"
HEADERS = {"Authorization": f"Bearer {KEY}"}
SMALL = {"width": 64, "height": 64, "num_frames": 4, "engine": "toy"}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own: its counts begin at zero. One video, one failure, one crash, one cancel have happened."""
    running = ServerProcess(tmp_path_factory.mktemp("metrics") / "data", REELWRIGHT_API_KEYS=KEY).start()
    assert generate(running, "paint").status_code == 200
    assert generate(running, "fail upstream_loading").status_code == 503
    assert generate(running, "crash").status_code == 500
    assert generate(running, "paint").status_code == 200
    one = post(running, "/v1/videos", "slow 30").json()["id"]
    eventually(lambda: value(running, "reelwright_jobs_active", engine="toy", status="in_progress") == 1)
    post(running, f"/v1/videos/{one}/cancel", "")
    yield running
    assert running.stop() == 0


def post(server: ServerProcess, path: str, prompt: str) -> httpx2.Response:
    return httpx2.post(f"{server.url}{path}", json={"prompt": prompt, **SMALL}, headers=HEADERS, timeout=30)


def generate(server: ServerProcess, prompt: str) -> httpx2.Response:
    return post(server, "/api/video/generate", prompt)


def scrape(server: ServerProcess) -> Samples:
    answer = httpx2.get(f"{server.url}/metrics", headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(server: ServerProcess, name: str, **labels: str) -> float | None:
    return scrape(server).get((name, frozenset(labels.items())))


def test_jobs_are_counted_by_how_they_ended(busy: ServerProcess) -> None:
    assert value(busy, "reelwright_jobs_total", engine="toy", status="completed") == 2
    assert value(busy, "reelwright_jobs_total", engine="toy", status="failed") == 2
    assert value(busy, "reelwright_jobs_total", engine="toy", status="cancelled") == 1


def test_failures_are_counted_by_code(busy: ServerProcess) -> None:
    assert value(busy, "reelwright_job_failures_total", engine="toy", code="upstream_loading") == 1
    assert value(busy, "reelwright_job_failures_total", engine="toy", code="engine_crashed") == 1
    assert value(busy, "reelwright_job_failures_total", engine="toy", code="cancelled") is None
    assert value(busy, "reelwright_upstream_errors_total", engine="toy", code="upstream_loading") == 1


def test_a_crashed_engine_process_is_counted_when_it_is_replaced(busy: ServerProcess) -> None:
    assert value(busy, "reelwright_engine_restarts_total", engine="toy") == 1
    assert value(busy, "reelwright_engine_restarts_total", engine="sketch") == 0


def test_waits_and_durations_are_histograms(busy: ServerProcess) -> None:
    assert value(busy, "reelwright_queue_wait_seconds_count", engine="toy") == 5
    for name in ("render", "finish"):
        assert value(busy, f"reelwright_{name}_seconds_count", engine="toy") == 2
        seconds = value(busy, f"reelwright_{name}_seconds_sum", engine="toy")
        assert seconds is not None
        assert 0 < seconds < 60


def test_bytes_are_those_of_the_files(busy: ServerProcess) -> None:
    on_disk = sum(path.stat().st_size for path in (busy.data_dir / "videos").glob("*.mp4"))
    assert value(busy, "reelwright_video_bytes_total", engine="toy") == on_disk
    assert value(busy, "reelwright_stored_bytes") == on_disk
    assert value(busy, "reelwright_stored_videos") == 2


def test_idle_gauges_stand_at_zero(busy: ServerProcess) -> None:
    def idle() -> bool:
        found = [value(busy, "reelwright_jobs_active", engine="toy", status=s) for s in ("queued", "in_progress")]
        return found == [0, 0]

    eventually(idle)


def test_requests_are_counted_by_the_template_of_their_route(busy: ServerProcess) -> None:
    httpx2.get(f"{busy.url}/v1/videos/video_00000000000000000000000000", headers=HEADERS)
    # With an origin that is not listed, too.
    httpx2.get(f"{busy.url}/no/such/path", headers={**HEADERS, "Origin": "https://elsewhere.example"})
    httpx2.get(
        f"{busy.url}/v1/videos/video_00000000000000000000000000",
        headers={**HEADERS, "Origin": "https://elsewhere.example"},
    )
    httpx2.post(f"{busy.url}/api/video/generate", json={"prompt": "no key"})
    requests = "reelwright_http_requests_total"
    assert value(busy, requests, method="GET", route="/v1/videos/{video_id}", status="404") == 2
    assert value(busy, requests, method="POST", route="/api/video/generate", status="200") == 2
    assert value(busy, requests, method="GET", route="unmatched", status="404") == 1
    assert value(busy, requests, method="POST", route="unmatched", status="401") == 1
    generated = value(busy, "reelwright_http_request_seconds_count", method="POST", route="/api/video/generate")
    assert generated == 4


def test_unknown_methods_share_one_label(busy: ServerProcess) -> None:
    for method in ("PROPFIND", "REPORT"):
        httpx2.request(method, f"{busy.url}/v1/videos", headers=HEADERS)
    found = {dict(labels)["method"] for name, labels in scrape(busy) if name == "reelwright_http_requests_total"}
    assert "other" in found
    assert not found & {"PROPFIND", "REPORT"}


def test_the_process_and_the_version_are_told(busy: ServerProcess) -> None:
    samples = scrape(busy)
    assert any(name == "reelwright_info" and dict(labels)["engine"] == "sketch" for name, labels in samples)
    assert value(busy, "process_resident_memory_bytes")


def test_the_key_is_asked_for(busy: ServerProcess) -> None:
    answer = httpx2.get(f"{busy.url}/metrics")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_without_keys_anybody_on_this_machine_may_read_it(http: httpx2.Client) -> None:
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_openmetrics_is_spoken_to_those_who_ask(http: httpx2.Client) -> None:
    answer = http.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_a_scrape_leaves_no_line_in_the_log(busy: ServerProcess) -> None:
    scrape(busy)
    assert "path=/metrics status=200" not in busy.log_text()


def test_the_dashboard_names_only_metrics_that_exist(busy: ServerProcess) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana.json").read_text())
    names = {name for name, _ in scrape(busy)}
    asked = set(words(json.dumps([panel.get("targets", []) for panel in dashboard["panels"]])))
    assert asked
    assert asked <= names
    told = set(words((ROOT / "docs" / "operations.md").read_text()))
    assert asked <= told | {f"{name}_bucket" for name in told}


def words(text: str) -> Iterator[str]:
    """The names of our metrics in a text."""
    yield from re.findall(r"\b(?:reelwright|process)_[a-z_]+", text)
