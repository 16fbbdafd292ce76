"""Every relative link in the documentation leads to a file that there is, and to a heading that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, prose
from tests.servers import ROOT

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
README_LINKS = (
    *("quick-start", "settings", "errors", "deployment", "operations", "security", "python-client", "command-line"),
    *("benchmarks", "architecture", "decisions", "mcp"),
    *("dialects/native", "dialects/openai", "dialects/huggingface", "dialects/replicate", "dialects/openrouter"),
    *("engines/huggingface", "engines/local"),
)


def anchors(page: Path) -> set[str]:
    """The headings' anchors as GitHub makes them: lower case, punctuation gone, spaces as hyphens."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in _HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_the_readme_leads_to_every_page() -> None:
    linked = set(_LINK.findall((ROOT / "README.md").read_text()))
    assert {f"docs/{name}.md" for name in README_LINKS} <= linked


def test_every_page_can_be_reached() -> None:
    reached = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in _LINK.findall(prose(page))
        if not re.match(r"[a-z]+:|#", link)
    }
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= reached
