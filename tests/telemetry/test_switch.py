"""When there are traces: by the standard variables only; without them nothing is imported and nothing is paid."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import ConfigurationError
from reelwright.telemetry import destination, open_tracer
from reelwright.tracing import NO_SPAN, NO_TRACES
from tests.cli.command import environment, run

ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "films"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://tempo:4318"}, "http://tempo:4318"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://tempo:4318/v1/traces", **ON}, "http://tempo:4318/v1/traces"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "http://localhost:4318"),
        ({"OTEL_TRACES_EXPORTER": "none", **ON}, None),
        ({"OTEL_SDK_DISABLED": "true", **ON}, None),
        ({"OTEL_SDK_DISABLED": "false", **ON}, "http://localhost:4318"),
    ],
)
def test_the_standard_variables_switch_traces_on_and_off(given: Mapping[str, str], where: str | None) -> None:
    assert destination(given) == where


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin is not known here. Set it to otlp or none."),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **ON}, "Set it to http/protobuf"),
    ],
)
def test_what_is_not_spoken_here_is_refused_with_a_remedy(given: Mapping[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_tracer(given)


def test_without_traces_every_span_is_the_one_that_does_nothing() -> None:
    tracer = open_tracer({})
    assert tracer is NO_TRACES
    assert not tracer.on
    with tracer.begin("work", {"reelwright.engine": "toy"}) as span, span.current():
        assert span is span.begin("part") is NO_SPAN
        assert span.traceparent is None


# FastAPI brings OpenTelemetry's API, which does nothing by itself; the SDK, its exporter and protobuf are the extra.
STARTED = """
import asyncio, json, sys
from pathlib import Path
from reelwright.app import build, Drain, running
from reelwright.offers import offered
from reelwright.engines import host
from reelwright.outbound import Outbound
from reelwright.settings import load_settings

async def main():
    settings = load_settings(data_dir=Path(sys.argv[1]), engine="sketch")
    async with running(build(settings, offered(settings), Outbound()), Drain(0)):
        return sorted(sys.modules)

print(json.dumps(asyncio.run(main())))
"""


def modules_of(program: str, *arguments: str) -> set[str]:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_a_server_without_traces_imports_no_sdk(tmp_path: Path) -> None:
    loaded = modules_of(STARTED, str(tmp_path / "data"))
    sdk = ("opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "reelwright.telemetry.spans")
    assert [name for name in loaded if name.startswith(sdk)] == []


def test_an_engine_s_process_without_traces_imports_nothing_of_opentelemetry() -> None:
    loaded = modules_of("import json, sys; import reelwright.engines.host; print(json.dumps(sorted(sys.modules)))")
    assert "reelwright.telemetry" in loaded
    assert [name for name in loaded if name.startswith("opentelemetry")] == []


WITHOUT_SDK = '''
import importlib.machinery, sys

class WithoutSdk(importlib.machinery.PathFinder):
    """Finds what a machine without the `telemetry` extra has."""
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
        return None if absent else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = WithoutSdk
sys.argv = ["reelwright", *sys.argv[1:]]
from reelwright.cli import main
sys.exit(main())
'''


def without_sdk(*arguments: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_SDK, *arguments]
    surroundings = environment(PORT="0", **extra)
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=surroundings, timeout=60)


def test_traces_without_the_extra_exit_2_and_name_the_remedy(tmp_path: Path) -> None:
    done = without_sdk("serve", "--engine", "sketch", "--data-dir", str(tmp_path / "data"), cwd=tmp_path, **ON)
    assert done.returncode == 2
    assert "pip install 'reelwright[telemetry]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("absent", "ok"), [(True, False), (False, True)])
def test_doctor_tells_where_traces_go_and_what_they_lack(tmp_path: Path, absent: bool, ok: bool) -> None:
    (tmp_path / ".env").write_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://tempo:4318\n")
    done = (without_sdk if absent else run)("doctor", "--engine", "sketch", "--json", cwd=tmp_path)
    (row,) = (row for row in findings(done.stdout) if row["name"] == "Traces")
    assert row["ok"] is ok
    assert "http://tempo:4318" in row["detail"] if ok else "reelwright[telemetry]" in row["remedy"]
    assert done.returncode == (0 if ok else 1)


def findings(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def test_doctor_says_nothing_of_traces_that_nobody_asked_for(tmp_path: Path) -> None:
    done = run("doctor", "--engine", "sketch", "--json", cwd=tmp_path)
    assert "Traces" not in [row["name"] for row in findings(done.stdout)]
