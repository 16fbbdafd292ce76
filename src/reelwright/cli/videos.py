"""Commands about videos that exist: `ls`, `show`, `download`, `cancel`, `rm`."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwright.cli.connection import connected, server_options
from reelwright.cli.output import chosen_path, save
from reelwright.cli.progress import progress_view, state
from reelwright.cli.table import show_table

if TYPE_CHECKING:
    from reelwright.client import Client, Status, Video

_SERVER = "http://127.0.0.1:3001"
_PAGE = 100
_PROMPT_SHOWN = 60


@click.command(
    epilog="\b\nExamples:\n  reelwright ls --limit 5 --status completed\n  reelwright ls --query 'lighthouse 512x512'"
)
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.option(
    "--status",
    type=click.Choice(["queued", "in_progress", "completed", "failed"]),
    help="Only videos in this state.",
)
@click.option("--query", metavar="TEXT", help="Only those with each of these words in prompt, model, engine or size.")
@click.option("--model", metavar="NAME", help="Only of this model or engine, or `engine/model`.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of video objects.")
@server_options(default=_SERVER)
def ls(
    limit: int,
    status: Status | None,
    query: str | None,
    model: str | None,
    as_json: bool,
    server: str,
    api_key: str | None,
) -> None:
    """List videos, the newest first. A word of --query may also be a seed or an id."""
    with connected(server, api_key) as client:
        videos = _newest(client, limit, q=query, status=status, model=model)
    if as_json:
        click.echo(json.dumps([video.raw for video in videos]))
        return
    rows = [
        (video.id, state(video), _when(video.created_at), video.engine or "", _cut(video.prompt or ""))
        for video in videos
    ]
    show_table(("ID", "State", "Created", "Engine", "Prompt"), rows, wrapped="Prompt")


def _newest(client: Client, limit: int, *, q: str | None, status: Status | None, model: str | None) -> list[Video]:
    found: list[Video] = []
    after = None
    while True:
        page = client.list(limit=min(limit - len(found), _PAGE), after=after, q=q, status=status, model=model)
        found += page.videos
        if len(found) >= limit or not page.has_more:
            return found
        after = page.last_id


@click.command(epilog="\b\nExample:\n  reelwright show video_01JD… --json")
@click.argument("video_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the video object.")
@server_options(default=_SERVER)
def show(video_id: str, as_json: bool, server: str, api_key: str | None) -> None:
    """Show everything about one video."""
    with connected(server, api_key) as client:
        video = client.get(video_id)
    if as_json:
        click.echo(json.dumps(video.raw))
        return
    for name, value in video.raw.items():
        if value is not None and name != "object":
            click.echo(f"{name + ':':<24}{_readable(video, name, value)}")


@click.command(
    short_help="Save a video's file.", epilog="\b\nExample:\n  reelwright download video_01JD… -o sunset.mp4"
)
@click.argument("video_id", metavar="ID")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File or folder to write to. [default: ID.mp4]")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the video object instead of the path.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@server_options(default=_SERVER)
def download(
    video_id: str, output: Path | None, force: bool, as_json: bool, quiet: bool, server: str, api_key: str | None
) -> None:
    """Save a video and print its path; waits for its end if it is under way.

    The name's ending chooses the format: .mp4, .webm, .gif, .webp, or .jpg for a still.
    """
    path = chosen_path(output, video_id, force=force)
    with connected(server, api_key) as client:
        video = client.get(video_id)
        with progress_view(quiet=quiet or video.finished) as view:
            video = video.wait(on_progress=view.show)
        save(video, path)
    click.echo(json.dumps({**video.raw, "path": str(path)}) if as_json else path)


@click.command(epilog="\b\nExample:\n  reelwright cancel video_01JD…")
@click.argument("video_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print a video object a line.")
@server_options(default=_SERVER)
def cancel(video_ids: tuple[str, ...], as_json: bool, server: str, api_key: str | None) -> None:
    """Stop the jobs of videos. A finished video stays as it is."""
    with connected(server, api_key) as client:
        for video_id in video_ids:
            video = client.cancel(video_id)
            click.echo(json.dumps(video.raw) if as_json else f"{video.id}\t{state(video)}")


@click.command(epilog="\b\nExample:\n  reelwright resume video_01JD…")
@click.argument("video_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print a video object a line.")
@server_options(default=_SERVER)
def resume(video_ids: tuple[str, ...], as_json: bool, server: str, api_key: str | None) -> None:
    """Go on with videos that have failed, from where they were.

    Prints the new videos, which have ids of their own. `download` waits for one.
    """
    with connected(server, api_key) as client:
        for video_id in video_ids:
            video = client.resume(video_id)
            click.echo(json.dumps(video.raw) if as_json else f"{video.id}\t{state(video)}")


@click.command(short_help="Remove videos and their files.", epilog="\b\nExample:\n  reelwright rm video_01JD…")
@click.argument("video_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print an object a line: the id, and that it was deleted.")
@server_options(default=_SERVER)
def rm(video_ids: tuple[str, ...], as_json: bool, server: str, api_key: str | None) -> None:
    """Remove videos and their files for good; jobs under way are stopped first."""
    with connected(server, api_key) as client:
        for video_id in video_ids:
            client.delete(video_id)
            click.echo(json.dumps({"id": video_id, "deleted": True}) if as_json else f"{video_id}\tremoved")


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _cut(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= _PROMPT_SHOWN else line[: _PROMPT_SHOWN - 1] + "…"


def _readable(video: Video, name: str, value: object) -> str:
    if name in ("created_at", "started_at", "completed_at", "expires_at"):
        return _when(getattr(video, name))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
