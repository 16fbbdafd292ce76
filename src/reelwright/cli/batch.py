"""`reelwright batch`: makes a folder of videos from a file of prompts. When it is run again, it makes what is
missing."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwright.cli.connection import Failed, Refused, server_options, told
from reelwright.cli.interruption import ended_like_by_ctrl_c
from reelwright.cli.output import slug

if TYPE_CHECKING:
    from reelwright.client import AsyncClient, AsyncVideo

_EPILOG = """\b
Examples:
  reelwright batch prompts.txt
  reelwright batch prompts.txt -o films --size 640x360 --seconds 4 --server http://gpu-machine:3001
  reelwright batch shots.jsonl --at-once 8

\b
A text file has one prompt a line; empty lines and lines that begin with # are left out. A .jsonl file has one object
a line with the fields of the API, like {"prompt": "A fox", "seed": 7, "output": "fox.mp4"}; these win over the options.
Videos that are in the folder already are not made again, so an interrupted batch goes on when it is run again. The
paths go to stdout. Exit codes: 0 all done, 1 some failed, 2 wrong usage, 130 interrupted.
"""
_BUSY_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One line of the file: the request, and the name of the file in which its video is saved."""

    number: int
    prompt: str
    fields: Mapping[str, Any]
    path: Path

    @property
    def key(self) -> str:
        """The idempotency key. The same line of the same batch has the same key, so a second run finds the job of the
        first."""
        text = json.dumps([self.prompt, dict(self.fields), str(self.path.absolute())], sort_keys=True)
        return f"batch-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


@click.command(epilog=_EPILOG, short_help="Make a video of each prompt in a file.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the videos. [default: named as FILE]")
@click.option("--at-once", type=click.IntRange(1, 64), default=4, show_default=True, help="Jobs under way at a time.")
@click.option("--size", metavar="WxH", help="Width and height in pixels, e.g. 512x512.")
@click.option("--frames", "num_frames", type=int, help="Number of frames.")
@click.option("--fps", type=int, help="Frames a second.")
@click.option("--seconds", type=float, help="Length in seconds, instead of --frames.")
@click.option("--seed", type=int, help="The same seed for all.")
@click.option("--negative-prompt", help="What should not be seen.")
@click.option("--engine", help="The engine to use; `reelwright models` lists what there is.")
@click.option("--model", help="The model to use; `reelwright models` lists them.")
@server_options(default=None)
@click.option("--json", "as_json", is_flag=True, help="Print the video objects instead of the paths, one a line.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
def batch(
    file: Path,
    output: Path | None,
    at_once: int,
    server: str | None,
    api_key: str | None,
    as_json: bool,
    quiet: bool,
    **fields: Any,
) -> None:
    """Make a video of each prompt in FILE.

    Uses the server of --server; without one, starts a server of its own and stops it afterwards.
    """
    folder = output or file.with_suffix("")
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is no folder. Choose another one with -o.")
    given = {name: value for name, value in fields.items() if value is not None}
    shots = list(read_shots(file, folder, given))
    folder.mkdir(parents=True, exist_ok=True)
    missing = [shot for shot in shots if not shot.path.exists()]
    if not quiet and len(missing) < len(shots):
        click.echo(f"{len(shots) - len(missing)} of {len(shots)} are in {folder} already.", err=True)
    if not missing:
        return
    with ended_like_by_ctrl_c(), ExitStack() as stack:
        if server is None:
            from reelwright.cli.own_server import own_server

            if not quiet:
                click.echo("Starting a server …", err=True)
            server, api_key = stack.enter_context(own_server(None, given.get("engine")))
        stack.enter_context(told())
        import asyncio

        failed = asyncio.run(_Batch(missing, at_once, as_json=as_json, quiet=quiet).run(server, api_key))
    if failed:
        raise Failed(f"{failed} of {len(missing)} failed. Run it again to try these once more.")


def read_shots(file: Path, folder: Path, common: Mapping[str, Any]) -> Iterator[Shot]:
    """The lines of the file, in order. Raises `Refused` that names a line which cannot be used."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8 text.") from None
    names: dict[str, int] = {}
    number = 0
    for at, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        number += 1
        own = _object(file, at, line) if file.suffix == ".jsonl" else {"prompt": line.strip()}
        prompt = own.pop("prompt")
        name = str(own.pop("output", None) or f"{number:03d}-{slug(prompt)}.mp4")
        if Path(name).name != name or not name.endswith(".mp4"):
            raise Refused(f"{file}, line {at}: output {name!r} is not the name of an .mp4 file.")
        if name in names:
            raise Refused(f"{file}, line {at}: line {names[name]} has the output {name!r} already.")
        names[name] = at
        yield Shot(number=number, prompt=prompt, fields={**common, **own}, path=folder / name)
    if not number:
        raise Refused(f"{file} holds no prompt.")


def _object(file: Path, at: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise Refused(f"{file}, line {at}: no JSON ({error}).") from None
    if not isinstance(found, dict) or not isinstance(found.get("prompt"), str) or not found["prompt"].strip():
        raise Refused(f'{file}, line {at}: give an object with a "prompt".')
    return found


class _Batch:
    def __init__(self, shots: Sequence[Shot], at_once: int, *, as_json: bool, quiet: bool) -> None:
        self._shots = shots
        self._at_once = at_once
        self._as_json = as_json
        self._quiet = quiet
        self._ended = 0
        self._failed = 0
        self._under_way: set[str] = set()

    async def run(self, server: str, api_key: str | None) -> int:
        """Make the videos; returns how many failed. An interruption cancels the jobs that are under way."""
        import asyncio

        from reelwright.client import AsyncClient, ClientError

        lines = iter(self._shots)

        async def work(client: AsyncClient) -> None:
            for shot in lines:
                await self._make(client, shot)

        async with AsyncClient(server, api_key=api_key) as client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self._at_once, len(self._shots))):
                        group.create_task(work(client))
            except* (ClientError, OSError) as errors:
                raise _first(errors) from None
            finally:
                await asyncio.gather(*(client.cancel(one) for one in self._under_way), return_exceptions=True)
        return self._failed

    async def _make(self, client: AsyncClient, shot: Shot) -> None:
        from reelwright.client import BadRequest, VideoFailed

        begun = time.monotonic()
        try:
            video = await self._submitted(client, shot)
            self._under_way.add(video.id)
            video = await video.wait()
            self._under_way.discard(video.id)
            await video.save(shot.path)
        except VideoFailed as error:
            self._under_way.discard(error.video.id)
            self._tell(shot, f"failed: {error}", failed=True)
            return
        except BadRequest as error:
            self._tell(shot, f"refused: {error.message}", failed=True)
            return
        click.echo(json.dumps({**video.raw, "path": str(shot.path)}) if self._as_json else shot.path)
        self._tell(shot, f"saved, {time.monotonic() - begun:.1f} s")

    async def _submitted(self, client: AsyncClient, shot: Shot) -> AsyncVideo:
        """The job of this line. A job that failed in an earlier run is made anew. When the queue is full, it is tried
        again until there is room."""
        import asyncio

        from reelwright.client import Busy

        key = shot.key
        while True:
            try:
                video = await client.generate(shot.prompt, idempotency_key=key, **shot.fields)
            except Busy as error:
                await asyncio.sleep(error.retry_after or _BUSY_PAUSE_S)
                continue
            if video.status != "failed":
                return video
            key = f"{shot.key}-{video.id[-12:]}"

    def _tell(self, shot: Shot, how: str, *, failed: bool = False) -> None:
        self._ended += 1
        self._failed += failed
        if not self._quiet or failed:
            click.echo(
                f"{self._ended:>{len(str(len(self._shots)))}}/{len(self._shots)}  {shot.path.name}  {how}", err=True
            )


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    first = errors.exceptions[0]
    return first if isinstance(first, Exception) and not isinstance(first, BaseExceptionGroup) else _first(first)
