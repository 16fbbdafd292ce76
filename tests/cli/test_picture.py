"""Previews in the terminal: where it has the colours for them, unless somebody does not want them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from reelwright.cli.picture import in_half_blocks
from tests.cli.command import Terminal, run_in_terminal
from tests.fakes.video_server import FakeVideoServer

ORANGE, BLUE = (250, 130, 20), (10, 40, 200)


def two_colours(width: int = 64, height: int = 36) -> bytes:
    """Orange above blue."""
    image = Image.new("RGB", (width, height), ORANGE)
    image.paste(BLUE, (0, height // 2, width, height))
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True)
    return file.getvalue()


def generated(fake: FakeVideoServer, folder: Path, *arguments: str, **environment: str) -> Terminal:
    """A video whose only preview comes at 42 percent; it is finished when the terminal has shown that."""

    def play(screen: str) -> str | None:
        for video_id, video in fake.jobs.items():
            if "queued, place 1" in screen and not video.events:
                fake.preview(video_id, two_colours())
                fake.advance(video_id, 42)
            elif "42%" in screen and not video.finished:
                fake.complete(video_id)
        return None

    done = run_in_terminal(
        "generate", "a sea", "--server", fake.url, *arguments, cwd=folder, on_screen=play, **environment
    )
    assert done.returncode == 0, done.screen
    return done


def test_a_terminal_with_all_colours_shows_the_preview(fake: FakeVideoServer, tmp_path: Path) -> None:
    screen = generated(fake, tmp_path, COLORTERM="truecolor").screen
    assert "▀" in screen
    assert "38;2;250;130;20;48;2;250;130;20m▀" in screen
    assert "38;2;10;40;200;48;2;10;40;200m▀" in screen
    last = screen[screen.rindex("42%") :]
    assert "▀" not in last[last.index("completed") :], "it makes way when the video is there"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], {"COLORTERM": ""}),
        ([], {"COLORTERM": "truecolor", "NO_COLOR": "1"}),
        (["--no-preview"], {"COLORTERM": "truecolor"}),
    ],
    ids=["few colours", "no colour wanted", "no preview wanted"],
)
def test_elsewhere_there_is_the_bar_alone(
    fake: FakeVideoServer, tmp_path: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    screen = generated(fake, tmp_path, *arguments, **environment).screen
    assert "━" in screen
    assert "▀" not in screen


@pytest.mark.parametrize(
    ("size", "columns", "rows"),
    [((64, 36), 71, 20), ((1920, 1080), 72, 20), ((36, 64), 22, 20), ((2000, 10), 72, 1), ((10, 2000), 1, 20)],
)
def test_a_picture_keeps_its_shape_and_its_place(size: tuple[int, int], columns: int, rows: int) -> None:
    lines = in_half_blocks(two_colours(*size), columns=72, rows=20).plain.splitlines()
    assert len(lines) == rows
    assert {len(line) for line in lines} <= {columns, columns - 1}
    assert set("".join(lines)) == {"▀"}


def test_what_is_no_picture_is_left_out() -> None:
    for broken in (b"", b"no picture", two_colours()[:20]):
        assert in_half_blocks(broken, columns=72, rows=20).plain == ""
