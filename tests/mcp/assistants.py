"""What an assistant's program does: the official client, over stdio to a real child process or over HTTP."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ImageContent, TextContent
from PIL import Image

from tests.cli.command import environment

SMALL = {"size": "64x64", "num_frames": 3, "fps": 6}


def command(*arguments: str, cwd: Path, **extra: str) -> StdioServerParameters:
    """`reelwright mcp` as a configuration names it."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "reelwright.cli", "mcp", *arguments],
        env=environment(**extra),
        cwd=cwd,
    )


@asynccontextmanager
async def over_stdio(*arguments: str, cwd: Path, mode: str = "auto", **extra: str) -> AsyncIterator[Client]:
    with (cwd / "stderr.log").open("a") as log:
        transport = stdio_client(command(*arguments, cwd=cwd, **extra), errlog=log)
        async with Client(transport, mode=mode, read_timeout_seconds=60) as client:
            yield client


@asynccontextmanager
async def over_http(url: str, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx2.AsyncClient(headers=named, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode, read_timeout_seconds=60) as client,
    ):
        yield client


def text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def poster(result: CallToolResult) -> ImageContent:
    (image,) = [block for block in result.content if isinstance(block, ImageContent)]
    return image


def picture(colour: str = "teal", size: tuple[int, int] = (96, 64)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


async def made(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured content of an answer that is no error."""
    result = await call(client, tool, **arguments)
    assert not result.is_error, text(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content
