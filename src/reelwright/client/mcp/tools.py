"""The five tools, over `AsyncClient`. What the server refuses becomes a tool error in the tools' own words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_types import CallToolResult

from reelwright.client.asynchronous import AsyncClient, AsyncVideo
from reelwright.client.errors import APIError, ClientError, VideoFailed, WaitTimeout
from reelwright.client.mcp.definitions import LONGEST_WAIT_S, MOST_VIDEOS, STATES, USUAL_WAIT_S, definitions
from reelwright.client.mcp.local_image import LocalImageProblem, local_image
from reelwright.client.mcp.results import list_result, models_result, problem_result, video_result
from reelwright.client.wire import is_address

_log = logging.getLogger(__name__)

Tell = Callable[[AsyncVideo], Awaitable[None]]
"""Is told a video whenever something has changed."""


class Problem(Exception):
    """What the assistant did wrong; the message names the field, the value and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How one caller reaches the server.

    `url` stands before the paths of the addresses that the caller is told; `keyed`: they ask for its key. `local`: the
    caller runs on this machine as this user, so paths of files are taken. `folder` is where finished videos are
    saved, or None. `closing` returns when the waits must end, because the server stops.
    """

    client: AsyncClient
    url: str
    keyed: bool
    local: bool = False
    folder: Path | None = None
    closing: Callable[[], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a tool. `tell` is None where the client shows no progress."""

    arguments: Mapping[str, Any]
    reach: Reach
    tell: Tell | None


async def call_tool(name: str, call: Call) -> CallToolResult:
    """The answer of a tool; everything that can be foreseen is a result, also the errors."""
    tool = TOOLS.get(name)
    try:
        if tool is None:
            raise Problem(f"There is no tool {name[:80]!r}. There are: {', '.join(TOOLS)}.")
        _check_names(name, call.arguments)
        return await tool(call)
    except Problem as error:
        return problem_result(str(error))
    except APIError as error:
        return problem_result(_refusal(error))
    except ClientError as error:
        return problem_result(f"{error}.")
    except Exception:  # noqa: BLE001 - the edge: the protocol's package would tell the exception's text to the client
        _log.exception("the tool %s failed", name[:80])
        return problem_result("Internal error. The log of this server or command has the reason.")


async def _generate(call: Call) -> CallToolResult:
    fields = {name: value for name, value in call.arguments.items() if value is not None}
    seconds = _wait_seconds(fields.pop("wait_s", None), call)
    prompt = fields.pop("prompt", None)
    if not isinstance(prompt, str) or not prompt.strip():
        raise Problem(f"Invalid prompt: {prompt!r}. Say in a text what the video should show.")
    for name in ("image", "last_image"):
        if name in fields:
            fields[name] = await _image(fields[name], call.reach, name)
    earlier = fields.pop("extends", None)
    if earlier is not None and not isinstance(earlier, str):
        raise Problem(f"Invalid extends: {earlier!r}. Pass the id of a completed video, or leave it out.")
    client = call.reach.client
    try:
        video = await (client.extend(earlier, prompt, **fields) if earlier else client.generate(prompt, **fields))
    except ValueError as error:  # NaN, Infinity, half a surrogate pair
        raise Problem(
            f"A field has a value that JSON cannot carry: {error}. Send finite numbers and whole texts."
        ) from None
    result = await _shown(await _end(video, seconds, call), call.reach)
    result.is_error = result.structured_content["status"] == "failed"
    return result


async def _get(call: Call) -> CallToolResult:
    seconds = _wait_seconds(call.arguments.get("wait_s"), call)
    video = await call.reach.client.get(_video_id(call))
    return await _shown(await _end(video, seconds, call), call.reach)


async def _cancel(call: Call) -> CallToolResult:
    return await _shown(await call.reach.client.cancel(_video_id(call)), call.reach)


async def _list(call: Call) -> CallToolResult:
    query = {name: value for name, value in call.arguments.items() if value is not None}
    limit, status = query.get("limit", 20), query.get("status")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_VIDEOS:
        raise Problem(f"Invalid limit: {str(limit)[:80]!r}. Pass a whole number from 1 to {MOST_VIDEOS}.")
    if status is not None and status not in STATES:
        raise Problem(f"Invalid status: {str(status)[:80]!r}. Pass one of {', '.join(STATES)}.")
    for name in ("after", "q", "model"):
        if not isinstance(query.get(name, ""), str):
            raise Problem(f"Invalid {name}: {str(query[name])[:80]!r}. Pass a text.")
    page = await call.reach.client.list(**query)
    return list_result(page.videos, has_more=page.has_more, last_id=page.last_id, url=call.reach.url)


async def _models(call: Call) -> CallToolResult:
    return models_result(await call.reach.client.models())


TOOLS: Mapping[str, Callable[[Call], Awaitable[CallToolResult]]] = {
    "generate_video": _generate,
    "get_video": _get,
    "list_videos": _list,
    "cancel_video": _cancel,
    "list_models": _models,
}

_FIELDS = {tool.name: tuple(tool.input_schema["properties"]) for tool in definitions(local=True, saves=False)}


def _check_names(tool: str, arguments: Mapping[str, Any]) -> None:
    if unknown := sorted(name[:80] for name in set(arguments) - set(_FIELDS[tool])):
        known = ", ".join(_FIELDS[tool]) or "nothing"
        raise Problem(f"Unknown field of {tool}: {', '.join(map(repr, unknown))}. It takes {known}.")


def _video_id(call: Call) -> str:
    video_id = call.arguments.get("video_id")
    if not isinstance(video_id, str) or not video_id:
        raise Problem(
            f"Invalid video_id: {video_id!r}. Pass the id of a video, as generate_video and list_videos tell it."
        )
    return video_id


def _wait_seconds(value: object, call: Call) -> float:
    """For how long the call waits."""
    if value is None:
        return USUAL_WAIT_S if call.tell else 0
    with suppress(TypeError, ValueError):
        seconds = float(value)  # type: ignore[arg-type]  # what it cannot take is refused below
        if not isinstance(value, bool) and 0 <= seconds <= LONGEST_WAIT_S:
            return seconds
    raise Problem(f"Invalid wait_s: {str(value)[:80]!r}. Pass a number of seconds from 0 to {LONGEST_WAIT_S}.")


async def _image(given: object, reach: Reach, name: str) -> bytes | str:
    if not isinstance(given, str) or not given.strip():
        raise Problem(f"Invalid {name}: it must be a text, an http(s) URL or a data URI.")
    if is_address(given):
        return given
    if not reach.local:
        raise Problem(
            f"Invalid {name}: {given[:80]!r}. This server cannot read files of your machine: pass an http(s) URL or a "
            "data URI, or use `reelwright mcp`, which reads local files."
        )
    try:
        return await asyncio.to_thread(local_image, given)
    except LocalImageProblem as error:
        raise Problem(f"Invalid {name}: {error}") from None


async def _shown(video: AsyncVideo, reach: Reach) -> CallToolResult:
    """A completed video comes with its still, and is saved where that is wanted."""
    poster, file = None, None
    if video.status == "completed":
        with suppress(ClientError):  # the video is there without it, too
            poster = await reach.client.content(video.id, "poster")
        if reach.folder:
            file = await _saved(video, reach.folder)
    return video_result(video, reach.url, poster=poster, file=file, keyed=reach.keyed)


async def _saved(video: AsyncVideo, folder: Path) -> Path:
    path = folder / f"{video.id}.mp4"
    try:
        if not await asyncio.to_thread(path.exists):
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            await video.save(path)
    except OSError as error:
        raise Problem(
            f"The video {video.id} is completed but cannot be saved as {path}: {error.strerror}. Start "
            "`reelwright mcp` with another --output."
        ) from None
    return path


async def _end(video: AsyncVideo, seconds: float, call: Call) -> AsyncVideo:
    """The video at its end, or as it is after `seconds` or when the server stops."""
    if video.finished or not seconds:
        return video
    news: asyncio.Queue[AsyncVideo] = asyncio.Queue()
    waiting = asyncio.create_task(call.reach.client.wait(video.id, seconds, news.put_nowait))
    tasks: set[asyncio.Task[Any]] = {waiting}
    if call.reach.closing:
        tasks.add(asyncio.create_task(call.reach.closing()))
    relay = asyncio.create_task(_relay(news, call.tell)) if call.tell else None
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else await call.reach.client.get(video.id)
    except (WaitTimeout, VideoFailed):
        return await call.reach.client.get(video.id)
    except ClientError as error:
        raise Problem(f"{error}. The video {video.id} may go on: call get_video with this id in a while.") from None
    finally:
        ending = tasks | ({relay} if relay else set())
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


async def _relay(news: asyncio.Queue[AsyncVideo], tell: Tell) -> None:
    while True:
        await tell(await news.get())


def _refusal(error: APIError) -> str:
    """The server's words, with the tools' names of the fields, and what can be done."""
    message = error.message.replace("input_reference.image_url", "image").replace("input_reference", "image")
    message = message.replace("Invalid video:", "Invalid extends:")
    match error.status:
        case 401:
            remedy = (
                " Set REELWRIGHT_API_KEY for `reelwright mcp`, or send the header `Authorization: Bearer KEY` to /mcp."
            )
        case 404:
            remedy = " list_videos tells the ids of your videos, list_models the models."
        case _ if error.retry_after is not None:
            remedy = f" Try again in {error.retry_after:g} s."
        case _:
            remedy = ""
    return f"{message.rstrip('.')}.{remedy}"
