"""The documentation as a site: built strictly, nothing fetched from elsewhere, every page in its navigation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import blocks
from tests.servers import ROOT

DOCS = ROOT / "docs"
SOURCES = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_navigation(site: Path) -> None:
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}
    navigation = yaml.safe_load(re.sub(r"!!python\S+", "", (ROOT / "mkdocs.yml").read_text()))["nav"]
    listed = {page.removesuffix(".md") for group in navigation for page in next(iter(group.values()))}
    assert listed == pages
    for page in pages:
        name = page.removesuffix("index").rstrip("/")
        assert (site / name / "index.html").exists(), page


def test_the_search_knows_the_pages(site: Path) -> None:
    found = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    assert any("Checkpoint" in one["title"] or "checkpoint" in one["text"] for one in found)
    assert any(one["location"].startswith("tutorials/react/") for one in found)


def test_the_api_is_described_from_the_server_s_own_document(site: Path) -> None:
    text = (site / "reference" / "api" / "index.html").read_text()
    for path in ("/api/video/generate", "/v1/videos/{video_id}/content", "/v1/predictions"):
        assert path in text
    assert "[OAD(" not in text


def test_who_wants_to_change_something_finds_the_repository_s_own_words(site: Path) -> None:
    text = (site / "contributing" / "index.html").read_text()
    for heading in re.findall(r"^## (.+)$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE):
        assert heading in text
    assert 'href="../deployment/"' in text


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"""<(?:script|img|link)\b[^>]*\b(?:src|href)=["']?(https?:)?//(?!github\.com/reelwright)""")
    for page in site.rglob("*.html"):
        assert not loaded.findall(page.read_text()), page


def test_the_messages_of_the_troubleshooting_are_the_program_s_own() -> None:
    text = (DOCS / "troubleshooting.md").read_text()
    messages = re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)
    assert len(messages) > 8
    joined = re.sub(r'"\s*\n\s*f?"', "", SOURCES)
    for message in messages:
        for part in message.split("…"):
            # What stands in braces is filled in at run time.
            assert part.strip() in joined or "command not found" in part, message


@pytest.mark.parametrize("name", ["useVideo.js", "App.jsx"])
def test_the_tutorial_shows_the_example_s_files(name: str) -> None:
    shown = [block.text for block in blocks(DOCS / "tutorials" / "react.md")]
    assert (ROOT / "examples" / "react" / "src" / name).read_text() in shown
