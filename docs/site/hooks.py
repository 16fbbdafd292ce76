"""What MkDocs does beside its own work for the site.

- Links that lead out of `docs/` (to an example, a benchmark, the changelog) lead to the repository.
- The API's reference is written from the server's own OpenAPI document.
- The page on contributing is the repository's CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import posixpath
import re
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.plugins import CombinedEvent, event_priority

REPOSITORY = "https://github.com/reelwright/reelwright/blob/main/"
DOCUMENT = "<!-- openapi -->"
"""Stands on the page where the reference is to be."""

CONTRIBUTING = "<!-- contributing -->"
"""Stands where the text of CONTRIBUTING.md is to be, without its title."""

_ROOT = Path(__file__).parents[2]
_TITLE = re.compile(r"^# Reelwright [^\n]*\n", re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(\.\./[^)\s]*)(?=\))")


@event_priority(100)
def _before(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Before the plugin that draws the reference."""
    folder = posixpath.dirname(page.file.src_uri)
    if CONTRIBUTING in markdown:
        markdown = markdown.replace(CONTRIBUTING, contributing())
    text = _LINK.sub(lambda found: _outward(folder, found[1]), markdown)
    if DOCUMENT in text:
        path = Path(tempfile.mkdtemp(prefix="reelwright-site-")) / "openapi.json"
        path.write_text(json.dumps(document()), encoding="utf-8")
        text = text.replace(DOCUMENT, f"[OAD({path})]")
    return text


@event_priority(-100)
def _after(markdown: str, page: Any, config: Any, files: Any) -> str:
    """After it: the page has a title already."""
    return _TITLE.sub("", markdown) if page.file.src_uri == "reference/api.md" else markdown


on_page_markdown = CombinedEvent(_before, _after)
"""MkDocs calls it with each page's text."""


def _outward(folder: str, link: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, link))
    return REPOSITORY + path.removeprefix("../") if path.startswith("../") else link


def contributing() -> str:
    """CONTRIBUTING.md without its title, its links as from a page of `docs/`."""
    text = (_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n")[2]
    return re.sub(r"\]\((?![a-z]+:|#)([^)\s]+)\)", lambda found: f"]({posixpath.relpath(found[1], 'docs')})", text)


def document() -> dict[str, Any]:
    """The OpenAPI document of a server with the sketch engine and an API key."""
    from reelwright.api.schema.document import document as described
    from reelwright.app import build
    from reelwright.offers import offered
    from reelwright.outbound import Outbound
    from reelwright.settings import load_settings

    settings = load_settings(engine="sketch", data_dir=Path(tempfile.gettempdir()) / "reelwright-nowhere")
    catalog = offered(settings, gpus=False)
    whole = described(build(settings, catalog, Outbound()).api.routes, catalog, keys=True)
    for operations in whole["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"] = _without_errors(operation["responses"])
    return whole


def _without_errors(responses: dict[str, Any]) -> dict[str, Any]:
    """Errors have a page of their own: the same dozen under each route would hide what is particular."""
    return {code: response for code, response in responses.items() if not code.startswith(("4", "5"))}
