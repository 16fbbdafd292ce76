"""The examples and the code in the documentation, run against a real server."""

from __future__ import annotations

import ast
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.docs.pages import PAGES, Block, blocks
from tests.servers import ROOT, ServerProcess

EXAMPLES = ROOT / "examples"
BLOCKS = [block for page in PAGES for block in blocks(page)]
NEEDS_MORE = {
    r"\b(make|git|pytest)\b": "a checkout",
    r"\b(pip|activate)\b": "an environment of its own",
    r"\b(docker|kubectl|systemctl|sudo)\b": "Docker, Kubernetes or root",
    r"\b(serve|worker)\b": "it runs until it is stopped",
    r"\b(pull|comfyui)\b|[{]local[}]|\"local\"|gpu-\w+": "weights, a ComfyUI or another machine",
    r"\bbench\b": "it takes minutes",
    r"reelwright-data/": "it has a test of its own",
    r"--fix": "it changes the machine",
}
"""Why a block of shell cannot be run here, by what stands in it: such a block is only parsed."""
WITH_TESTS_OF_THEIR_OWN = {ROOT / "docs" / "how-to" / "write-an-engine.md"}
"""Pages whose blocks are files that belong together: tests/docs/test_write_an_engine.py puts them in place."""
SERVER = "http://localhost:3001"
LIMIT_S = 120


@pytest.fixture
def workplace(server: ServerProcess, tmp_path: Path) -> Path:
    """A folder with what the examples mention."""
    from PIL import Image

    Image.new("RGB", (320, 192), "teal").save(tmp_path / "photo.jpg")
    return tmp_path


def run(command: list[str], workplace: Path, server: ServerProcess, text: str | None = None) -> str:
    """Standard output of a command that ends well. Its environment names the server."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELWRIGHT_")}
    environment = {**kept, "PATH": tools, "REELWRIGHT_SERVER": server.url, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command,
        cwd=workplace,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def videos(folder: Path) -> list[str]:
    """The names of the MP4 files in a folder, each checked by its first bytes."""
    found = sorted(folder.glob("*.mp4"))
    for path in found:
        assert path.read_bytes()[4:8] == b"ftyp", path
    return [path.name for path in found]


def named(language: str) -> list[Any]:
    ours = [block for block in BLOCKS if block.page not in WITH_TESTS_OF_THEIR_OWN]
    return [pytest.param(block, id=str(block)) for block in ours if block.language == language]


def why_not_run(block: Block) -> str | None:
    return next((why for found, why in NEEDS_MORE.items() if re.search(found, block.text)), None)


SHELL = [block for block in BLOCKS if block.language == "sh" and block.page not in WITH_TESTS_OF_THEIR_OWN]
RUN = [pytest.param(block, id=str(block)) for block in SHELL if not why_not_run(block)]
PARSED = [pytest.param(block, id=f"{block}: {why_not_run(block)}") for block in SHELL if why_not_run(block)]


# --- code in the documentation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", PARSED)
def test_shell_that_cannot_be_run_here_is_well_formed(block: Block, server: ServerProcess, workplace: Path) -> None:
    run(["bash", "-n", "-c", block.text], workplace, server)


@pytest.mark.parametrize("block", RUN)
def test_shell(block: Block, server: ServerProcess, workplace: Path) -> None:
    script = f"set -euo pipefail\n{block.text.replace(SERVER, server.url)}"
    run(["bash", "-c", script], workplace, server)
    wanted = re.findall(r"(?:-o|--output) (\S+\.mp4)", block.text)
    assert set(wanted) <= set(videos(workplace))


def test_a_backup_of_a_running_server_has_its_videos(tmp_path: Path) -> None:
    (block,) = [block for block in SHELL if "reelwright-data/" in block.text]
    with ServerProcess(tmp_path / "reelwright-data") as server:
        made = httpx2.post(f"{server.url}/v1/videos/sync", json={"prompt": "Waves", "size": "128x96"}, timeout=LIMIT_S)
        assert made.status_code == 200, made.text
        run(["bash", "-euc", block.text], tmp_path, server)
    with ServerProcess(tmp_path / "backup") as copy:
        kept = httpx2.get(f"{copy.url}/v1/videos/{made.headers['x-video-id']}/content")
    assert kept.content == made.content


@pytest.mark.parametrize("block", named("python"))
def test_python(block: Block, server: ServerProcess, workplace: Path) -> None:
    ast.parse(block.text)
    run([sys.executable, "-c", block.text.replace(SERVER, server.url)], workplace, server)
    wanted = re.findall(r"\"(\w+\.mp4)\"", block.text)
    assert set(wanted) <= set(videos(workplace))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is missing")
@pytest.mark.parametrize("block", named("js"))
def test_javascript_is_well_formed(block: Block, server: ServerProcess, workplace: Path) -> None:
    (workplace / "block.mjs").write_text(block.text)
    run(["node", "--check", "block.mjs"], workplace, server)


@pytest.mark.parametrize("block", named("json"))
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


def test_every_block_says_what_it_is() -> None:
    """`text` and nothing are for what is only looked at: output, and commands for another machine or shell.
    `py` and `diff` are steps that the test of their page follows."""
    known = {"", "text", "sh", "python", "py", "diff", "js", "jsx", "ts", "json", "yaml", "toml", "nginx", "caddyfile"}
    assert {block.language for block in BLOCKS} <= known


# --- examples/ --------------------------------------------------------------------------------------------------------


def test_python_with_the_standard_library(server: ServerProcess, workplace: Path) -> None:
    told = run(
        [sys.executable, str(EXAMPLES / "python_native.py"), "A campfire at night", "fire.mp4"], workplace, server
    )
    assert "seed" in told
    assert videos(workplace) == ["fire.mp4"]


def test_python_with_openais_client(server: ServerProcess, workplace: Path) -> None:
    told = run(
        [sys.executable, str(EXAMPLES / "python_openai.py"), "A city in the rain", "city.mp4"], workplace, server
    )
    assert told == "city.mp4: 2 s, 512x288, by sketch\n"
    assert videos(workplace) == ["city.mp4"]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is missing")
def test_node(server: ServerProcess, workplace: Path) -> None:
    assert run(["node", str(EXAMPLES / "node.mjs"), "Snow on a forest", "snow.mp4"], workplace, server) == "snow.mp4\n"
    assert videos(workplace) == ["snow.mp4"]


def test_batch(server: ServerProcess, workplace: Path) -> None:
    prompts = 'Dawn over the sea\n\n@home; at "dusk"\n'
    command = ["bash", str(EXAMPLES / "batch.sh"), "films"]
    assert run(command, workplace, server, prompts) == "films/001.mp4\nfilms/003.mp4\n"
    assert videos(workplace / "films") == ["001.mp4", "003.mp4"]
    assert run(command, workplace, server, prompts) == ""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """The test's output is not the place."""


@pytest.fixture
def site() -> Iterator[str]:
    """The origin of a web server with the example page, as a front end's own would be."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=EXAMPLES / "browser")) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://localhost:{web.server_port}"
        web.shutdown()
        thread.join()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is missing (Debian: apt install chromium)")
def test_browser_page_on_another_origin(site: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    server = ServerProcess(tmp_path / "data", CLIENT_URL=site).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page()
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(f"{site}/?server={server.url}")
            page.get_by_label("Prompt").fill("Snow on a pine forest")
            page.get_by_role("button", name="Generate").click()
            page.get_by_text("Done").wait_for(timeout=60_000)
            page.wait_for_function("document.querySelector('video').readyState >= 2")
            told: Mapping[str, Any] = page.evaluate(
                "(() => { const v = document.querySelector('video');"
                " return { width: v.videoWidth, error: v.error?.message }; })()"
            )
            browser.close()
    finally:
        server.stop()
    assert told == {"width": 512, "error": None}
    # A browser asks for the icon of any page.
    assert not [text for text in complaints if "404" not in text]
