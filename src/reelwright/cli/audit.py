"""`reelwright audit`: who made, read and deleted what, who was refused, and what happened to API keys."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reelwright.cli.keys import opened
from reelwright.cli.table import show_table

if TYPE_CHECKING:
    from reelwright.store.audit import Asked, Audit

_AT_ONCE = 1_000
_COLUMNS = ("at", "action", "key", "about", "code", "number", "address", "id")


@click.command(
    short_help="Show who did what.",
    epilog="\b\nExamples:\n  reelwright audit --since 2026-11-29\n"
    "  reelwright audit --about video_01JD… --action video.read\n"
    "  reelwright audit --since 2026-11-01 --csv > november.csv",
)
@click.option(
    "--since",
    metavar="TIME",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="In UTC, as 2026-11-29 or 2026-11-29T12:00:00Z. Default: all that is kept.",
)
@click.option("--key", metavar="ID", help="What one key did; `command`: this command; `server`: the server itself.")
@click.option("--action", metavar="NAME", help="One kind only, as video.deleted.")
@click.option("--about", metavar="ID", help="What was done with one video or key.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def audit(
    since: datetime | None, key: str | None, action: str | None, about: str | None, as_csv: bool, as_json: bool
) -> None:
    """Show who made, read and deleted what, who was refused, and what happened to API keys, the oldest first.

    Out of the database of this data directory or of DATABASE_URL. What a running server has gathered in the last minute
    may be missing. REELWRIGHT_AUDIT_DAYS says how long entries are kept.
    """
    from reelwright.store.audit import Action, Asked

    known = [one.value for one in Action]
    if action is not None and action not in known:
        raise click.BadParameter(f"{action!r}: there are {', '.join(known)}.", param_hint="--action")
    begin = since.replace(tzinfo=UTC) if since else None
    with opened() as tables:
        found = _all(tables.audit, Asked(key=key, action=action, about=about, since=begin, newest_first=False))
        if as_json:
            for one in found:
                click.echo(json.dumps(one))
        elif as_csv:
            writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
        else:
            show_table(_COLUMNS[:-1], ([str(one[name]) for name in _COLUMNS[:-1]] for one in found), wrapped="about")


def _all(rows: Audit, asked: Asked) -> Iterator[dict[str, Any]]:
    from reelwright.store.audit import facts

    while found := rows.page(asked, _AT_ONCE):
        yield from (facts(*one) for one in found)
        asked = dataclasses.replace(asked, after=found[-1][0])
