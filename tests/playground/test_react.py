"""The tutorial's React page, built by Vite as its reader does it, and used in a real browser."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.playground.screening import LACKING
from tests.servers import ROOT, ServerProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(bool(LACKING) or shutil.which("npm") is None, reason="a browser or npm is missing")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages."""
    folder = tmp_path_factory.mktemp("react") / "clip"
    shutil.copytree(ROOT / "examples" / "react", folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    options = ["--no-audit", "--no-fund", "--prefer-offline", "--no-package-lock"]
    done = subprocess.run(["npm", "install", *options], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def address(project: Path, cinema: ServerProcess) -> Iterator[str]:
    """The built page, on an origin of its own."""
    command = ["npm", "run", "build"]
    environment = {"PATH": str(Path(shutil.which("npm") or "").parent) + ":/usr/bin:/bin", "VITE_SERVER": cinema.url}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(project / "dist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://localhost:{serving.server_port}/"
        serving.shutdown()


def test_a_prompt_becomes_a_video_that_plays(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    page.goto(address)
    page.get_by_label("Prompt").fill("Sunset at sea")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("progressbar").wait_for()
    page.locator("video").wait_for(timeout=60_000)
    page.wait_for_function("document.querySelector('video').readyState >= 2")

    page.get_by_label("Prompt").fill(" ")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").inner_text() == "Prompt cannot be empty"
    page.close()
    assert [one for one in complaints if "400" not in one] == []
