"""`reelwright bench`: how fast a server makes videos."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwright.cli.connection import Failed, Refused, server_options, told
from reelwright.cli.interruption import ended_like_by_ctrl_c
from reelwright.cli.table import show_table

if TYPE_CHECKING:
    from reelwright.cli.load import Report

_PROMPT = "A beautiful sunset over the ocean with waves crashing"
_ROWS = {
    "latency_s": "latency",
    "wait_s": "waiting",
    "render_s": "rendering",
    "finish_s": "finishing",
}
_COLUMNS = ("mean", "min", "p50", "p95", "p99", "max")

_EPILOG = """\b
Examples:
  reelwright bench
  reelwright bench "Snow on a pine forest" -n 50 -c 4 --size 640x384 --frames 48
  reelwright bench --server http://127.0.0.1:3001 -n 200 -c 16 --json

\b
Latency runs from the request until its end is known; waiting is all of it that is not the job's own time
(the queue, the network), rendering is the engine's part, finishing is encoding and storing.
Every video is made afresh and removed afterwards, unless --keep. Ctrl-C cancels the jobs under way.
"""


@click.command(epilog=_EPILOG, short_help="Measure how fast a server makes videos.")
@click.argument("prompt", default=_PROMPT)
@click.option("-n", "--requests", type=click.IntRange(1), default=20, show_default=True, help="How many videos.")
@click.option("-c", "--concurrency", type=click.IntRange(1), default=1, show_default=True, help="How many at a time.")
@click.option("--size", metavar="WxH", help="Width and height in pixels, e.g. 512x512.")
@click.option("--frames", "num_frames", type=int, help="Number of frames.")
@click.option("--fps", type=int, help="Frames a second.")
@click.option("--steps", "num_inference_steps", type=int, help="Denoising steps.")
@click.option("--engine", help="The engine to use; `reelwright models` lists what there is.")
@click.option("--model", help="The model to use; `reelwright models` lists them.")
@server_options(default=None)
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Data folder of the server of its own. [default: a throw-away]"
)
@click.option("--keep", is_flag=True, help="Leave the videos on the server.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as a JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
def bench(
    prompt: str,
    requests: int,
    concurrency: int,
    server: str | None,
    api_key: str | None,
    data_dir: Path | None,
    keep: bool,
    as_json: bool,
    quiet: bool,
    **fields: Any,
) -> None:
    """Make the video of PROMPT --count times, --concurrency at a time, and tell how long it took.

    Measures the server of --server; without one, a server of its own that is stopped afterwards. One more video is made
    before all others and reported separately, because after a start it includes the time in which the engine loads.
    """
    import asyncio

    given = {name: value for name, value in fields.items() if value is not None}
    with ended_like_by_ctrl_c(), ExitStack() as stack:
        if server is None:
            from reelwright.cli.draft import check
            from reelwright.cli.own_server import own_server

            check(prompt, given)
            if not quiet:
                click.echo("Starting a server …", err=True)
            server, api_key = stack.enter_context(own_server(data_dir, fields["engine"]))
        stack.enter_context(told())
        count = stack.enter_context(_counting(requests, quiet=quiet))
        report = asyncio.run(_measured(server, api_key, prompt, given, keep, requests, concurrency, count))
    figures = {"server": server, "requests": requests, "concurrency": concurrency, **report.to_json()}
    if as_json:
        click.echo(json.dumps(figures))
    else:
        _show(figures)
    if failed := sum(figures["failed"].values()):
        codes = ", ".join(f"{code} × {number}" for code, number in figures["failed"].items())
        raise Failed(f"{failed} of {requests} videos failed: {codes}.")


async def _measured(
    server: str,
    api_key: str | None,
    prompt: str,
    fields: Mapping[str, Any],
    keep: bool,
    requests: int,
    concurrency: int,
    count: Callable[[int], None],
) -> Report:
    from reelwright.cli.load import Load
    from reelwright.client import AsyncClient

    try:
        opened = AsyncClient(server, api_key=api_key)
    except ValueError as error:
        raise Refused(str(error)) from None
    async with opened as client:
        return await Load(client, prompt, fields, keep=keep).run(requests, concurrency, count)  # type: ignore[arg-type]


@contextmanager
def _counting(total: int, *, quiet: bool) -> Generator[Callable[[int], None]]:
    """To be called with the number of videos that have ended: moves a bar in a terminal, prints lines elsewhere."""
    if quiet or not sys.stderr.isatty():
        step = max(1, total // 10)
        yield lambda done: None if quiet or done % step else click.echo(f"{done} of {total} videos", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("[bold]videos"), BarColumn(bar_width=None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), expand=True) as progress:
        task = progress.add_task("videos", total=total)
        yield lambda done: progress.update(task, completed=done)


def _show(figures: Mapping[str, Any]) -> None:
    rows = [
        (title, *(f"{figures[name][column]:.3f}" for column in _COLUMNS))
        for name, title in _ROWS.items()
        if figures[name]
    ]
    show_table(("Seconds", *_COLUMNS), rows, wrapped="Seconds")
    click.echo(
        f"{figures['completed']} videos ({figures['size']}, {figures['num_frames']} frames, {figures['model']}), "
        f"{figures['concurrency']} at a time, in {figures['seconds']:.2f} s: "
        f"{figures['videos_per_second']:.2f} videos/s, {figures['frames_per_second']:.1f} frames/s. "
        f"The first one took {figures['first_s']:.2f} s."
    )
