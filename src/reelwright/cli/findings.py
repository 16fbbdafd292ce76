"""Prints findings for people: a mark, the name, the state, and below them what to do about it."""

from __future__ import annotations

from collections.abc import Iterable

import click

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


def show_finding(ok: bool | None, name: str, detail: str, remedy: str | None = None, *, width: int = 20) -> None:
    """Print one finding. `ok` None: it is not needed and is shown for information. `width`: of the names' column, in
    characters."""
    mark, colour = _MARKS[ok]
    click.echo(f"{click.style(mark, fg=colour)} {click.style(f'{name:<{width}}', bold=True)} {detail}")
    if remedy:
        click.echo(f"  {'':<{width}} → {remedy}")


def show_heading(text: str) -> None:
    click.echo(click.style(text, bold=True))


def show_all(rows: Iterable[tuple[bool | None, str, str, str | None]]) -> None:
    for ok, name, detail, remedy in rows:
        show_finding(ok, name, detail, remedy)
