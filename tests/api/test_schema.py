"""The OpenAPI document says what the server does: schemathesis sends what it allows, and what it forbids."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from reelwright.api.schema.document import operations
from reelwright.app import build
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import load_settings
from tests.api.keyholders import House, house
from tests.chaos.__main__ import machine, today
from tests.faults.page import write
from tests.servers import ROOT

LONG = int(os.environ.get("SCHEMA_SECONDS", "0"))
"""How long each run of `make test-schema` takes. The suite's own are short, and always the same."""
OF_THE_CONFIGURATION = "of the configuration"
SCOPES = (OF_THE_CONFIGURATION, *(("generate", "read", "admin", "generate read admin") if LONG else ()))
"""The keys that it is done with: one of the configuration, and of the database by their scopes."""
PHASES = {"examples,coverage,fuzzing": 15, "stateful": 6}
"""What is done, and the seconds that it takes in the suite."""
KEY = "key-of-the-schema-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    scopes: str
    phases: str
    cases: int


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = {"TINY_ALONE": "1", "REELWRIGHT_API_KEYS": KEY, "REELWRIGHT_MAX_QUEUED": "10000"}
    with house(tmp_path_factory.mktemp("tiny") / "data", {}, **settings) as running:
        yield running
        assert running.server.stop() == 0


@pytest.fixture(scope="module")
def runs() -> Iterator[list[Run]]:
    """Those that found nothing; the long ones are told in docs/reliability.md."""
    found: list[Run] = []
    yield found
    if LONG and len(found) == len(SCOPES) * len(PHASES):
        write("schema", [*lines(found)])


def lines(runs: Sequence[Run]) -> Iterator[str]:
    yield f"{today()}, {machine()}, {LONG} s for each run, {sum(run.cases for run in runs):,} cases:"
    yield ""
    yield "| key | " + " | ".join(PHASES) + " | answers with 5xx, or that are not as described |"
    yield "|---" * (len(PHASES) + 2) + "|"
    for scopes in SCOPES:
        cases = [f"{run.cases:,}" for phases in PHASES for run in runs if (run.scopes, run.phases) == (scopes, phases)]
        yield f"| {scopes} | " + " | ".join(cases) + " | 0 |"


def test_every_route_is_described_and_every_description_has_a_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    api = build(settings, offered(settings), Outbound()).api.routes
    routes = [one.original_route for one in iter_route_contexts(api.routes)]
    shown = [route for route in routes if isinstance(route, APIRoute) and route.include_in_schema]
    answered = {(route.path_format, method.lower()) for route in shown for method in route.methods or ()}
    assert {one for one in answered if one[1] not in ("head", "options")} == set(operations())


def schemathesis_of(
    url: str, key: str, phases: str, seconds: int, protected: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """One run, of at most so many seconds. `protected` are the ids of keys that it leaves alone."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--header", f"Authorization: Bearer {key}", "--checks", "all", "--phases", phases, "--continue-on-failure"),
        *("--max-time", str(seconds), "--no-shrink", "--suppress-health-check", "all", "--warnings", "off"),
        *(() if LONG else ("--seed", "1")),
        # It takes the bytes of its own valid upload for forbidden ones; test_replicate_files.py sends bad uploads.
        *("--exclude-operation-id", "createFile"),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.api.plausible", "PYTHONPATH": str(ROOT), "PROTECTED_KEYS": protected}
    return subprocess.run(
        command, env={**os.environ, **hooks}, cwd=folder, capture_output=True, text=True, timeout=seconds + 240
    )


@pytest.mark.parametrize("scopes", SCOPES)
@pytest.mark.parametrize(("phases", "seconds"), PHASES.items())
def test_schemathesis_finds_nothing(
    tiny: House, runs: list[Run], tmp_path: Path, phases: str, seconds: int, scopes: str
) -> None:
    key = KEY if scopes == OF_THE_CONFIGURATION else tiny.make(scopes=scopes.split())["key"]
    protected = " ".join(one["id"] for one in tiny.admin.get("/v1/keys").json()["data"])
    # A busy machine may need all of a short time to begin: then it gets four times as much.
    for most in (LONG or seconds, 4 * seconds, 16 * seconds):
        run = schemathesis_of(tiny.server.url, key, phases, most, protected, tmp_path)
        assert run.returncode == 0, run.stdout + run.stderr
        if counted := re.search(r"(\d+) generated", run.stdout):
            break
    assert counted, run.stdout
    runs.append(Run(scopes=scopes, phases=phases, cases=int(counted[1])))
    assert [line for line in tiny.server.log_text().splitlines() if "Traceback" in line] == []
