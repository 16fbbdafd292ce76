"""What was found, for people: a mark, the name, what is so, and below it what to do."""

from __future__ import annotations

from collections.abc import Iterable

import click

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


def show_finding(ok: bool | None, name: str, detail: str, remedy: str | None = None, *, width: int = 20) -> None:
    """One block. `ok` None: not needed, told for information. `width`: of the names' column, in characters."""
    mark, colour = _MARKS[ok]
    click.echo(f"{click.style(mark, fg=colour)} {click.style(f'{name:<{width}}', bold=True)} {detail}")
    if remedy:
        click.echo(f"  {'':<{width}} → {remedy}")


def show_heading(text: str) -> None:
    click.echo(click.style(text, bold=True))


def show_all(rows: Iterable[tuple[bool | None, str, str, str | None]]) -> None:
    for ok, name, detail, remedy in rows:
        show_finding(ok, name, detail, remedy)
