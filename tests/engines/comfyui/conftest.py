from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from reelwright.engines.comfyui import following, servers
from tests.engines.comfyui.stage import Stage
from tests.fakes.comfyui import FakeComfyUI
from tests.servers import eventually

POISON = "poison"
"""The id of prompts that a test sends to kill the worker."""
Fakes = Callable[..., FakeComfyUI]


def cancelling() -> bool:
    """Whether jobs are still being ended."""
    return any(thread.name == servers.CANCELLER for thread in threading.enumerate())


@pytest.fixture(scope="session", autouse=True)
def _few_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each HTTP client reads all certificates that are trusted: the usual 150 take 30 ms of CPU."""
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at after seconds is looked at sooner."""
    monkeypatch.setattr(following, "CERTAIN_SECONDS", 0.3)
    monkeypatch.setattr(servers, "SECOND_LOOK_SECONDS", 0.3)


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[Fakes]:
    """Starts fakes, each with a folder of its own; whatever a test did, no stranger's job was hurt."""
    running: list[FakeComfyUI] = []

    def make(**knobs: Any) -> FakeComfyUI:
        folder = tmp_path / f"comfyui-{len(running)}"
        folder.mkdir()
        running.append(FakeComfyUI(folder, **knobs).__enter__())
        return running[-1]

    yield make
    eventually(lambda: not cancelling())
    for one in running:
        one.__exit__(None, None, None)
        assert one.ledger.count("hurt") == 0
        assert one.ledger.count("leaked") == 0
        sent = [entry["body"] for entry in one.ledger.entries("submitted") if entry["id"] != POISON]
        assert not any("number" in body or "front" in body for body in sent)


@pytest.fixture
def fake(fakes: Fakes) -> FakeComfyUI:
    return fakes()


@pytest.fixture
def stage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Stage]:
    yield Stage(tmp_path)
    assert [record for record in caplog.records if not record.name.startswith("aiohttp")] == []
