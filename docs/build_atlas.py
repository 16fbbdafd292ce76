"""Draws the atlas of the sketch engine: `python docs/build_atlas.py` writes sketch-atlas.md and its pictures.

atlas.tsv holds a line for each prompt: a verdict, a tab, the prompt. The verdict is `yes` where every thing that the
prompt names is seen and nothing is wrong, `part` where something of it is missing, `no` where the picture is another.
It is judged by looking, after each change of the pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from reelwright.engines.sketch.canvas import Canvas
from reelwright.engines.sketch.film import film_of
from reelwright.video import Task, VideoSpec

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures" / "atlas"
SIZE = (512, 288)
TILE = (256, 144)
ACROSS, DOWN = 4, 6
SECONDS = 1.0
"""The moment of the clip that is shown."""

HEAD = """# What the sketch engine draws

Written by `python docs/build_atlas.py` from [atlas.tsv](atlas.tsv): {total} prompts in the manner of public prompt
lists, in twelve languages, with seed 7, seen after one second. **{yes} of {total} show all that they name**, {part} a
part of it, {no} something else. “Not drawn” is what the engine itself says of the prompt in `made_with`.
"""


def shot(prompt: str) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture, and what is not drawn."""
    width, height = SIZE
    spec = VideoSpec(
        prompt=prompt, engine="sketch", model="sketch", task=Task.TEXT_TO_VIDEO, width=width, height=height,
        num_frames=24, fps=12, seed=7,
    )  # fmt: skip
    film = film_of(spec, None)
    frame = np.zeros((height, width, 3), np.uint8)
    film.draw(Canvas(height, width), SECONDS, round(SECONDS * 12), frame)
    return Image.fromarray(frame).resize(TILE, Image.Resampling.LANCZOS), tuple(film.facts["not_drawn"])


def sheet(prompts: list[str], first: int) -> tuple[Image.Image, list[tuple[str, ...]]]:
    rows = -(-len(prompts) // ACROSS)
    picture = Image.new("RGB", (ACROSS * TILE[0], rows * TILE[1]))
    ink = ImageDraw.Draw(picture)
    told = []
    for n, prompt in enumerate(prompts):
        x, y = n % ACROSS * TILE[0], n // ACROSS * TILE[1]
        tile, not_drawn = shot(prompt)
        picture.paste(tile, (x, y))
        ink.rectangle([x, y, x + 22, y + 12], fill=(0, 0, 0))
        ink.text((x + 3, y + 1), str(first + n), fill=(255, 255, 255))
        told.append(not_drawn)
    return picture, told


def main() -> None:
    lines = [line.split("\t") for line in (DOCS / "atlas.tsv").read_text("utf-8").splitlines() if line]
    PICTURES.mkdir(parents=True, exist_ok=True)
    count = {verdict: sum(line[0] == verdict for line in lines) for verdict in ("yes", "part", "no")}
    parts = [HEAD.format(total=len(lines), **count)]
    page = ACROSS * DOWN
    for start in range(0, len(lines), page):
        chosen = lines[start : start + page]
        picture, told = sheet([prompt for _, prompt in chosen], start + 1)
        name = f"sheet-{start // page + 1}.webp"
        picture.save(PICTURES / name, "WEBP", quality=74, method=6)
        table = ["| | prompt | all seen | not drawn |", "|---|---|---|---|"]
        for n, ((verdict, prompt), not_drawn) in enumerate(zip(chosen, told, strict=True), start + 1):
            table.append(f"| {n} | {prompt} | {verdict} | {', '.join(not_drawn)} |")
        alt = f"Contact sheet of prompts {start + 1} to {start + len(chosen)}"
        parts.append(f"![{alt}](pictures/atlas/{name})\n\n" + "\n".join(table) + "\n")
    (DOCS / "sketch-atlas.md").write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    main()
