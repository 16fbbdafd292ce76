"""The OpenAPI document says what the server does: schemathesis sends what it allows, and what it forbids."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from reelwright.api.schema.document import operations
from reelwright.app import build
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import load_settings
from tests.servers import ROOT, ServerProcess

LONG = int(os.environ.get("SCHEMA_SECONDS", "0"))
"""How long each run of `make test-schema` takes. The suite's own are short, and always the same."""
KEY = "key-of-the-schema-test"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("tiny") / "data"
    running = ServerProcess(folder, TINY_ALONE="1", REELWRIGHT_API_KEYS=KEY, REELWRIGHT_MAX_QUEUED="10000").start()
    yield running
    assert running.stop() == 0


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


@pytest.mark.parametrize(("phases", "seconds"), [("examples,coverage,fuzzing", 15), ("stateful", 6)])
def test_schemathesis_finds_nothing(tiny: ServerProcess, tmp_path: Path, phases: str, seconds: int) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{tiny.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {KEY}", "--checks", "all", "--phases", phases, "--continue-on-failure"),
        *("--max-time", str(LONG or seconds), "--no-shrink", "--suppress-health-check", "all", "--warnings", "off"),
        *(() if LONG else ("--seed", "1")),
        # It takes the bytes of its own valid upload for forbidden ones; test_replicate_files.py sends bad uploads.
        *("--exclude-operation-id", "createFile"),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.api.plausible", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command, env={**os.environ, **hooks}, cwd=tmp_path, capture_output=True, text=True, timeout=LONG + 120
    )
    assert run.returncode == 0, run.stdout + run.stderr
