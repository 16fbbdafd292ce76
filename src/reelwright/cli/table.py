"""Rows for people and for programs: a table in a terminal, tab-separated lines (without a header) elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click


def show_table(headers: Sequence[str], rows: Iterable[Sequence[str]], wrapped: str) -> None:
    """`wrapped` names the column that may wrap or be cut; the others are shown whole."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, no_wrap=header != wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
