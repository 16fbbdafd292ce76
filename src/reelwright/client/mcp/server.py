"""The tools as a server of the official `mcp` package; which transport it speaks is its user's affair."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from reelwright import __version__
from reelwright.client.asynchronous import AsyncVideo
from reelwright.client.mcp.definitions import INSTRUCTIONS, definitions
from reelwright.client.mcp.results import state
from reelwright.client.mcp.tools import Call, Reach, Tell, call_tool

Context = ServerRequestContext[Any, Any]
Connect = Callable[[Context], AbstractAsyncContextManager[Reach]]
"""How the caller of this request reaches the server."""


def tool_server(connect: Connect, *, local: bool, saves: bool) -> Server[Any]:
    """`local`, `saves`: what the definitions of the tools promise; see there."""
    tools = list(definitions(local=local, saves=saves))

    async def list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call(context: Context, params: CallToolRequestParams) -> CallToolResult:
        async with connect(context) as reach:
            return await call_tool(
                params.name, Call(arguments=params.arguments or {}, reach=reach, tell=_progress(context))
            )

    return Server(
        "reelwright",
        title="Reelwright",
        version=__version__,
        description="Makes videos from prompts.",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call,
    )


def _progress(context: Context) -> Tell | None:
    """Tells the progress in per cent to a client that asked for it; None when it did not."""
    if not context.meta or context.meta.get("progress_token") is None:
        return None
    told = -1

    async def tell(video: AsyncVideo) -> None:
        nonlocal told
        if video.progress > told:  # the protocol wants each value larger than the last one
            told = video.progress
            await context.session.report_progress(told, 100, f"{video.id}: {state(video)}")

    return tell
