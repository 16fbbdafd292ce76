"""`reelwright generate`: one prompt, one MP4."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwright.cli.connection import INTERRUPTED, Refused, connected, server_options
from reelwright.cli.interruption import ended_like_by_ctrl_c
from reelwright.cli.output import chosen_path, save
from reelwright.cli.progress import progress_view

if TYPE_CHECKING:
    from reelwright.client import Client, Video

_EPILOG = """\b
Examples:
  reelwright generate "A beautiful sunset over the ocean" -o sunset.mp4
  reelwright generate "Snow on a pine forest" --size 1024x576 --seconds 4 --fps 24 --seed 7
  reelwright generate "The camera moves in" --image photo.jpg -o moving.mp4
  echo "A city at night in the rain" | reelwright generate - --json
  mpv "$(reelwright generate "Campfire sparks at night" --quiet)"

\b
The video goes to the file of -o (default: named after the prompt; .mp4, .webm, .gif, .webp, or .jpg for a still),
progress to stderr, the file's path to stdout. An existing file is replaced only with --force.
Ctrl-C cancels the job. Exit codes: 0 done, 1 the job failed, 2 wrong usage, 130 interrupted.
"""


@click.command(epilog=_EPILOG, short_help="Make a video from a prompt.")
@click.argument("prompt")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File (or folder) to write the video to.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--size", metavar="WxH", help="Width and height in pixels, e.g. 512x512.")
@click.option("--frames", "num_frames", type=int, help="Number of frames.")
@click.option("--fps", type=int, help="Frames a second.")
@click.option("--seconds", type=float, help="Length in seconds, instead of --frames.")
@click.option("--seed", type=int, help="Same seed, same video, where the engine is deterministic.")
@click.option("--negative-prompt", help="What should not be seen.")
@click.option("--steps", "num_inference_steps", type=int, help="Denoising steps: more is slower and finer.")
@click.option("--guidance", "guidance_scale", type=float, help="How closely the prompt is followed.")
@click.option("--image", metavar="FILE|URL", help="Start from this PNG, JPEG or WebP (image to video).")
@click.option("--last-image", metavar="FILE|URL", help="End with this picture, where the model can.")
@click.option("--sound/--no-sound", "generate_audio", default=None, help="With sound, where the model makes any.")
@click.option("--motion", "motion_bucket_id", type=int, help="Amount of motion, 1–255 (SVD).")
@click.option("--noise", "noise_aug_strength", type=float, help="Noise added to the image, 0–1 (SVD).")
@click.option("--interpolate", type=int, metavar="N", help="N times as many frames a second, drawn in between: 2–8.")
@click.option("--upscale", metavar="N|MODEL", help="Enlarge the finished frames; `reelwright models` lists the models.")
@click.option("--engine", help="The engine to use; `reelwright models` lists what there is.")
@click.option("--model", help="The model to use; `reelwright models` lists them.")
@server_options(default=None)
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Data folder of the server of its own. [default: a throw-away]"
)
@click.option("--detach", is_flag=True, help="Print the video's id and leave the job to --server.")
@click.option("--json", "as_json", is_flag=True, help="Print the video object instead of the path.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.option("--no-preview", is_flag=True, help="No pictures above the progress bar.")
def generate(
    prompt: str,
    output: Path | None,
    force: bool,
    server: str | None,
    api_key: str | None,
    data_dir: Path | None,
    detach: bool,
    as_json: bool,
    quiet: bool,
    no_preview: bool,
    **fields: Any,
) -> None:
    """Make a video from PROMPT (`-` reads it from stdin).

    Uses the server of --server; without one, starts a server of its own for this job and stops it afterwards.
    """
    prompt = _prompt(prompt)
    if server is None and detach:
        raise Refused("--detach needs --server: a server of its own ends with this command.")
    if server is not None and data_dir is not None:
        raise Refused("--data-dir is for a server of its own; leave out --server (or REELWRIGHT_SERVER).")
    path = None if detach else chosen_path(output, prompt, force=force)
    given = {name: value for name, value in fields.items() if value is not None}
    with ended_like_by_ctrl_c(), ExitStack() as stack:
        patience = 30.0
        if server is None:
            from reelwright.cli.draft import check
            from reelwright.cli.own_server import own_server

            check(prompt, given)
            if not quiet:
                click.echo("Starting a server …", err=True)
            server, api_key = stack.enter_context(own_server(data_dir, fields["engine"]))
            patience = 2.0
        client = stack.enter_context(connected(server, api_key, patience))
        video = _submitted(client, prompt, given)
        if path is None:
            click.echo(json.dumps(video.raw) if as_json else video.id)
            return
        video = made(video, quiet=quiet, pictures=not no_preview, as_json=as_json)
        save(video, path)
    if not quiet:
        click.echo(summary(video, path), err=True)
    click.echo(json.dumps({**video.raw, "path": str(path)}) if as_json else path)


def _prompt(given: str) -> str:
    prompt = sys.stdin.read() if given == "-" else given
    prompt = prompt.strip()
    if not prompt:
        raise click.UsageError("The prompt is empty. Say what the video should show.")
    return prompt


def _submitted(client: Client, prompt: str, fields: dict[str, Any]) -> Video:
    try:
        return client.generate(prompt, **fields)
    except OSError as error:
        raise Refused(f"Cannot read the image {error.filename}: {error.strerror}.") from None


def made(video: Video, *, quiet: bool, pictures: bool, as_json: bool) -> Video:
    """Wait for the end with a view of the progress. An interruption cancels the job."""
    from reelwright.client import ClientError, VideoFailed

    try:
        with progress_view(quiet=quiet, pictures=pictures) as view:
            return video.wait(on_progress=view.show, on_preview=view.preview)
    except KeyboardInterrupt:
        try:
            video.cancel()
        except ClientError as error:
            click.echo(f"Could not cancel {video.id}: {error}", err=True)
        else:
            click.echo(f"Cancelled {video.id}.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except VideoFailed as error:
        if as_json:
            click.echo(json.dumps(error.video.raw))
        raise


def summary(video: Video, path: Path) -> str:
    # The video's shape is that of the MP4; a GIF or WebP has another size and frame rate.
    facts = [
        *([video.shape] if path.suffix.lower() == ".mp4" else []),
        f"seed {video.seed}",
        f"engine {video.engine}",
        f"{path.stat().st_size / 1e6:.2f} MB",
    ]
    return f"Saved {path}: {', '.join(facts)}."
