"""`reelwright pull`: fetches weights for the local engine."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from reelwright.cli.connection import Failed, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.engines.local.options import Model
    from reelwright.engines.local.pulling import Parcel

_LINE_EVERY_S = 10.0
"""Between two lines where there is no terminal for a bar."""


@click.command(
    short_help="Fetch a model's weights for the local engine.",
    epilog="\b\nExamples:\n  reelwright pull svd\n  reelwright pull --lora OWNER/NAME",
)
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option("--lora", "loras", metavar="OWNER/NAME", multiple=True, help="Fetch a LoRA's repository. Repeatable.")
@click.option("--full", is_flag=True, help="Fetch full precision where a model also comes in half precision.")
def pull(names: tuple[str, ...], loras: tuple[str, ...], full: bool) -> None:
    """Fetch the weights of each MODEL from the Hugging Face Hub into its cache, and print where they lie.

    A MODEL is a built-in recipe or one of REELWRIGHT_ENGINE_OPTIONS. Size, free space and licence are told first. Only
    settings and safetensors are fetched; what was interrupted goes on where it was, and every file is compared with
    what the Hub says of it, those that were here before, too. A gated model needs its terms accepted on the Hub, and
    HF_TOKEN.
    """
    if not names and not loras:
        raise click.UsageError("Name a model, or a LoRA with --lora.")
    from reelwright.env_file import ADOPTED, adopt

    adopt(*ADOPTED)  # before the Hub's library is imported, which reads the environment then
    from reelwright.engines.local.options import Options
    from reelwright.errors import EngineError
    from reelwright.settings import load_settings

    settings = load_settings()
    models = Options.parse(settings.engine_options.get("local", {})).models
    if unknown := [name for name in names if name not in models]:
        raise Refused(f"There is no local model {unknown[0]!r}. Known: {', '.join(sorted(models))}.")
    try:
        for name in names:
            _pull_model(models[name], settings.hf_token, half=not full)
        for repository in loras:
            _pull_lora(repository, settings.hf_token)
    except EngineError as error:
        raise Failed(error.message) from None


def _pull_model(model: Model, token: str | None, *, half: bool) -> None:
    from reelwright.engines.local import inventory, pulling

    parcels = list(pulling.parcels(model, half=half, token=token))
    if parcels:
        click.echo(f"{model.name}: {model.recipe.title}. Licence: {model.recipe.license}", err=True)
    _fetch(parcels, token)
    for one in inventory.holdings(model):  # what was fetched must be what the engine will load
        if one.problem:
            raise one.problem
    if not parcels:
        click.echo(f"{model.source} is a folder already")


def _pull_lora(repository: str, token: str | None) -> None:
    from reelwright.engines.local import pulling

    _fetch([pulling.lora_parcel(repository, token=token)], token)


def _fetch(parcels: list[Parcel], token: str | None) -> None:
    from reelwright.engines.local import pulling

    for parcel in parcels:
        for line in _told(parcel):
            click.echo(line, err=True)
    pulling.check_room(parcels)
    for parcel in parcels:
        with _progress(parcel) as fetched:
            folder: Path = pulling.fetch(parcel, fetched, token=token)
        click.echo(folder)


def _told(parcel: Parcel) -> Iterator[str]:
    """Print the size, the free space and the licence of what will be fetched."""
    from reelwright.engines.local.pulling import free_bytes

    free = free_bytes(parcel.repository.folder) / 1e9
    rest = f"{parcel.left / 1e9:.2f} GB of it to fetch" if parcel.missing else "all of it here already"
    yield f"{parcel.source}: {parcel.size / 1e9:.2f} GB, {rest}; {free:.0f} GB are free"
    listing = parcel.listing
    if listing.license:
        yield f"  its licence there: {listing.license} ({listing.page})"
    if listing.gated:
        yield f"  gated: its terms must be accepted at {listing.page}, and HF_TOKEN set"


@contextmanager
def _progress(parcel: Parcel) -> Generator[Callable[[int], None]]:
    """A bar in a terminal, else a line every ten seconds. The function that it yields is called with the number of
    bytes that have arrived since the last call."""
    if not parcel.missing:
        if any(piece.sha256 for piece in parcel.here):
            click.echo(f"  {parcel.source}: comparing what is here with its SHA-256", err=True)
        yield lambda _count: None
        return
    if sys.stderr.isatty():
        yield from _bar(parcel)
        return
    done, told, lock = parcel.size - parcel.left, time.monotonic(), threading.Lock()

    def fetched(count: int) -> None:
        nonlocal done, told
        with lock:
            done += count
            if time.monotonic() - told >= _LINE_EVERY_S:
                told = time.monotonic()
                click.echo(f"  {parcel.source}: {done / 1e9:.2f} of {parcel.size / 1e9:.2f} GB", err=True)

    yield fetched


def _bar(parcel: Parcel) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as progress:
        task = progress.add_task(parcel.source, total=parcel.size, completed=parcel.size - parcel.left)
        yield lambda count: progress.update(task, advance=count)
