"""`reelwright extend`: makes a longer video that goes on from the last frame of a finished one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from reelwright.cli.connection import Refused, connected, server_options
from reelwright.cli.generate import made, summary
from reelwright.cli.interruption import ended_like_by_ctrl_c
from reelwright.cli.output import chosen_path, save

_EPILOG = """\b
Examples:
  reelwright extend video_01JD… "The sun sets and the stars come out"
  reelwright extend video_01JD… "The camera rises above the clouds" --seconds 3 -o longer.mp4

\b
The new video is the old one and what comes after it; the old one stays. Ctrl-C cancels the job.
"""


@click.command(epilog=_EPILOG, short_help="Make a finished video go on.")
@click.argument("video_id", metavar="ID")
@click.argument("prompt")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File (or folder) to write the video to.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--frames", "num_frames", type=int, help="Number of frames to add.")
@click.option("--seconds", type=float, help="Length to add in seconds, instead of --frames.")
@click.option("--seed", type=int, help="Same seed, same video, where the engine is deterministic.")
@click.option("--last-image", metavar="FILE|URL", help="End with this picture, where the model can.")
@click.option("--sound/--no-sound", "generate_audio", default=None, help="With sound, where the model makes any.")
@click.option("--model", help="The model to use. [default: that of the video]")
@server_options(default="http://127.0.0.1:3001")
@click.option("--detach", is_flag=True, help="Print the new video's id and leave the job to the server.")
@click.option("--json", "as_json", is_flag=True, help="Print the video object instead of the path.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
def extend(
    video_id: str,
    prompt: str,
    output: Path | None,
    force: bool,
    server: str,
    api_key: str | None,
    detach: bool,
    as_json: bool,
    quiet: bool,
    **fields: Any,
) -> None:
    """Make the finished video ID go on with what PROMPT says: its last frame begins the rest."""
    path = None if detach else chosen_path(output, prompt, force=force)
    given = {name: value for name, value in fields.items() if value is not None}
    with ended_like_by_ctrl_c(), connected(server, api_key) as client:
        try:
            video = client.extend(video_id, prompt, **given)
        except OSError as error:
            raise Refused(f"Cannot read the image {error.filename}: {error.strerror}.") from None
        if path is None:
            click.echo(json.dumps(video.raw) if as_json else video.id)
            return
        video = made(video, quiet=quiet, pictures=True, as_json=as_json)
        save(video, path)
    if not quiet:
        click.echo(summary(video, path), err=True)
    click.echo(json.dumps({**video.raw, "path": str(path)}) if as_json else path)
