"""`reelwright mcp`: the tools of an assistant over stdio."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from reelwright.cli.connection import INTERRUPTED, Refused, server_options

if TYPE_CHECKING:
    from reelwright.client.mcp.tools import Reach

_EPILOG = """\b
Examples:
  reelwright mcp
  reelwright mcp --server http://127.0.0.1:3001
  reelwright mcp --engine sketch --output ~/Videos

\b
Assistants start this command by themselves; docs/mcp.md has the lines of configuration for each.
It speaks the Model Context Protocol on stdin and stdout; whatever else there is to say goes to stderr.
"""


@click.command(epilog=_EPILOG, short_help="Give an assistant tools to make videos (MCP).")
@server_options(default=None)
@click.option("--engine", help="The engine of a server of its own: sketch, local, comfyui, openai or huggingface.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Data folder of the server of its own. [default: a throw-away]"
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that finished videos are saved in. [default: with --server none, else ~/reelwright-videos]",
)
def mcp(
    server: str | None, api_key: str | None, engine: str | None, data_dir: Path | None, output: Path | None
) -> NoReturn:
    """Give an assistant tools to make videos: a server of the Model Context Protocol on stdin and stdout.

    Uses the server of --server; without one, starts a server of its own and stops it when the assistant leaves.
    """
    try:
        from reelwright.client import AsyncClient
        from reelwright.client.mcp.tools import Reach
    except ModuleNotFoundError as error:
        raise Refused(f"The package {error.name} is missing. Install it with: pip install 'reelwright[mcp]'") from None
    if server is not None and (data_dir is not None or engine is not None):
        raise Refused("--data-dir and --engine are for a server of its own; leave out --server (or REELWRIGHT_SERVER).")
    with ExitStack() as stack:
        if server is None:
            from reelwright.cli.own_server import own_server

            output = output or Path.home() / "reelwright-videos"
            server, api_key = stack.enter_context(own_server(data_dir, engine))
        try:
            client = AsyncClient(server, api_key=api_key)
        except ValueError as error:
            raise Refused(str(error)) from None
        folder = output.expanduser().absolute() if output else None
        keyed = api_key is not None
        code = _serve(Reach(client=client, url=client.server, keyed=keyed, local=True, folder=folder))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a normal exit would wait for the thread that reads stdin, until the assistant closes it


def _serve(reach: Reach) -> int:
    """Answer until stdin is closed (exit code 0) or a signal comes (130). The event loop is not closed here; the end of
    `mcp` says why."""
    import asyncio

    loop = asyncio.new_event_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, loop.stop)
    conversation = loop.create_task(_converse(reach))
    conversation.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    if not conversation.done():
        return INTERRUPTED
    conversation.result()
    return 0


async def _converse(reach: Reach) -> None:
    from mcp.server.stdio import stdio_server

    from reelwright.client.mcp.server import tool_server

    tools = tool_server(lambda _: nullcontext(reach), local=True, saves=reach.folder is not None)
    async with reach.client, stdio_server() as (incoming, outgoing):
        await tools.run(incoming, outgoing, tools.create_initialization_options())
