"""The fake as a process of its own, which can be killed with -9 and started anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.fakes.comfyui.ledger import Ledger
from tests.fakes.comfyui.versions import USUAL
from tests.processes import Process
from tests.servers import ROOT, free_port


class ComfyUIProcess:
    """A `with` block starts it and kills it. The port and the folder stay the same over `kill` and `start`."""

    def __init__(self, folder: Path, *, version: str = USUAL) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.ledger = Ledger(folder)
        self._version = version
        self._process: Process[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        place = ["--port", str(self.port), "--version", self._version, "--folder", str(self.folder)]
        command = [sys.executable, "-m", "tests.fakes.comfyui", *place]
        self._process = Process(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == self.url
        return self

    def kill(self) -> None:
        assert self._process is not None
        with self._process:
            self._process.kill()

    def turn(self, **knobs: Any) -> None:
        httpx2.post(f"{self.url}/_fake/knobs", json=knobs).raise_for_status()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
