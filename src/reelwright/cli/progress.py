"""How a command that waits for a video shows its progress: a bar in a terminal, plain lines elsewhere. Only measured
progress is shown."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import click

if TYPE_CHECKING:
    from rich.console import Console

    from reelwright.client import VideoFacts

_RENDERED = 99
"""Percent: the engine's steps and frames are all done; what is left is to encode and to store."""

_LINE_EVERY = 10
"""Percent between two plain lines."""

_PICTURE_COLUMNS, _PICTURE_ROWS = 72, 20
"""The most that a preview takes of the terminal."""


class ProgressView(Protocol):
    """A context manager that is told each newer state of the video, and shown the pictures on the way."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, video: VideoFacts) -> None: ...

    def preview(self, picture: bytes) -> None: ...


def progress_view(*, quiet: bool, pictures: bool = False) -> ProgressView:
    """The view that fits: nothing, a bar when stderr is a capable terminal, else lines.

    `pictures`: previews above the bar, where the terminal has the colours for them and is not asked to leave them out.
    """
    if quiet:
        return Silence()
    if sys.stderr.isatty():
        from rich.console import Console

        console = Console(stderr=True)
        if not console.is_dumb_terminal:
            return Bar(console, pictures=pictures and console.color_system == "truecolor" and not console.no_color)
    return Lines()


def state(video: VideoFacts) -> str:
    """The API's word for the video's state, which `ls --status` takes, and what else is known: stage, place in line,
    error."""
    return f"{video.status}, {more}" if (more := _more(video)) else video.status


def _more(video: VideoFacts) -> str:
    match video.status:
        case "queued" if video.queue_position is not None:
            return f"place {video.queue_position}"
        case "in_progress" if video.stage:
            return video.stage
        case "in_progress" if video.progress >= _RENDERED:
            return "finishing"
        case "in_progress" if video.progress:
            return f"{video.progress} % rendered"
        case "failed" if video.error is not None and video.error.code == "cancelled":
            return "cancelled"
    return ""


def _stage(video: VideoFacts) -> str:
    """What is done with the video now. The bar beside it shows how much of that is done."""
    if video.status == "in_progress":
        if video.stage:
            return video.stage
        return "finishing" if video.progress >= _RENDERED else "rendering"
    return state(video)


class Silence:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        pass

    def show(self, video: VideoFacts) -> None:
        pass

    def preview(self, picture: bytes) -> None:
        pass


class Lines:
    """One line on stderr for each stage and every ten percent."""

    def __init__(self) -> None:
        self._told: tuple[str, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        pass

    def show(self, video: VideoFacts) -> None:
        told = (_stage(video), video.progress // _LINE_EVERY)
        if told == self._told:
            return
        self._told = told
        click.echo(f"{video.id}: {state(video)}", err=True)

    def preview(self, picture: bytes) -> None:
        pass


class Bar:
    """Stage, bar, percent rendered, elapsed and remaining time. The bar pulses while nothing is measured yet."""

    def __init__(self, console: Console, *, pictures: bool = False) -> None:
        from rich.live import Live
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("[bold]{task.description:<12}"),
            BarColumn(bar_width=None),
            TaskProgressColumn("[progress.percentage]{task.percentage:>3.0f}% rendered"),
            TimeElapsedColumn(),
            TextColumn("[dim]left"),
            TimeRemainingColumn(compact=True),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._console = console
        self._pictures = pictures
        self._live = Live(self._progress, console=console, refresh_per_second=10)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._progress.update(self._task, description="interrupted" if kind is KeyboardInterrupt else "failed")
        self._live.update(self._progress)  # the video itself is what counts now
        self._live.stop()

    def show(self, video: VideoFacts) -> None:
        measured = video.status == "completed" or video.progress > 0
        self._progress.update(
            self._task,
            description=_stage(video),
            total=100 if measured else None,
            completed=100 if video.status == "completed" else video.progress,
        )

    def preview(self, picture: bytes) -> None:
        if not self._pictures:
            return
        from rich.console import Group

        from reelwright.cli.picture import in_half_blocks

        rows = min(_PICTURE_ROWS, self._console.height - 4)
        drawn = in_half_blocks(picture, columns=min(_PICTURE_COLUMNS, self._console.width), rows=rows)
        self._live.update(Group(drawn, self._progress))
