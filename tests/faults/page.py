"""docs/reliability.md: its parts are written by runs, each between two marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.servers import ROOT

PAGE = ROOT / "docs" / "reliability.md"


def write(part: str, lines: Sequence[str]) -> None:
    """Put the lines in the place of what stands between the part's marks. Raises ValueError where there are none."""
    text = PAGE.read_text("utf-8")
    marks = re.compile(rf"(<!-- {part}: .*? -->\n).*?(<!-- end of {part} -->)", re.DOTALL)
    if not marks.search(text):
        raise ValueError(f"{PAGE} has no place for {part}")
    body = "\n".join(["", *lines, "", ""])
    PAGE.write_text(marks.sub(lambda found: found[1] + body + found[2], text), "utf-8")
