"""The `reelwright` command.

Exit codes: 0 done; 1 the job failed or the server could not do it; 2 wrong usage or configuration; 130 interrupted.
Heavy imports (settings, HTTP, rich) stand inside the commands, so that `reelwright --help` is quick.
"""

from __future__ import annotations

import sys

import click

from reelwright import __version__
from reelwright.cli.audit import audit
from reelwright.cli.batch import batch
from reelwright.cli.bench import bench
from reelwright.cli.comfyui import comfyui
from reelwright.cli.connection import INTERRUPTED, Failed, Refused
from reelwright.cli.extend import extend
from reelwright.cli.fleet import fleet
from reelwright.cli.generate import generate
from reelwright.cli.keys import keys, usage
from reelwright.cli.mcp import mcp
from reelwright.cli.models import models
from reelwright.cli.pull import pull
from reelwright.cli.setup import config, doctor, serve, worker
from reelwright.cli.streams import in_utf8, open_streams, unwritable
from reelwright.cli.videos import cancel, download, ls, resume, rm, show
from reelwright.cli.webhooks import webhooks
from reelwright.env_file import adopt
from reelwright.errors import ConfigurationError
from reelwright.own_commands import as_typed

_EPILOG = """\b
Exit codes: 0 done, 1 the job failed, 2 wrong usage or configuration, 130 interrupted.

\b
Shell completion, for bash (zsh and fish alike):
  eval "$(_REELWRIGHT_COMPLETE=bash_source reelwright)"
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", "-V", package_name="reelwright", message="reelwright %(version)s")
def cli() -> None:
    """A prompt goes in, an MP4 comes out.

    \b
    Make a video:     reelwright generate "A beautiful sunset over the ocean" -o sunset.mp4
    Run the server:   reelwright serve
    What can I use?   reelwright doctor
    """


for _command in (
    serve,
    worker,
    fleet,
    generate,
    batch,
    extend,
    models,
    pull,
    ls,
    show,
    download,
    cancel,
    resume,
    rm,
    webhooks,
    comfyui,
    keys,
    usage,
    audit,
    mcp,
    bench,
    doctor,
    config,
):
    cli.add_command(_command)


def main() -> int:
    """Run the command line; the result is the exit code."""
    in_utf8()
    open_streams()
    try:
        adopt("REELWRIGHT_SERVER", "REELWRIGHT_API_KEY")
        result = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConfigurationError as error:
        click.echo(f"Error: {as_typed(error.message)}", err=True)
        return Refused.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except OSError as error:
        if (why := unwritable(error)) is None:
            raise
        if why:
            click.echo(f"Error: {why}", err=True)
        return Failed.exit_code
    return result if isinstance(result, int) else 0
