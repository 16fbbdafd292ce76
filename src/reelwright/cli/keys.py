"""`reelwright keys` and `reelwright usage`: who may use the API, and what each key has used.

They read and write the database directly, beside a running server or before its first start. They need no API key:
whoever can read the database has all rights already.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from reelwright.cli.connection import Refused
from reelwright.cli.table import show_table

if TYPE_CHECKING:
    from reelwright.store.issuing import Issued, Issuer
    from reelwright.store.keys import ApiKey, ApiKeys
    from reelwright.store.store import OperatorTables
    from reelwright.store.usage import Used

_SCOPES = click.Choice(["generate", "read", "admin"])
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_DAYS = 30


@click.group(
    short_help="Make, list, change and end API keys.",
    epilog="\b\nExamples:\n  reelwright keys create --name ann\n"
    "  reelwright keys create --name ci --scope generate --scope read --expires-days 90 --limit running=2\n"
    "  reelwright keys create --name operator --scope admin\n  reelwright keys list\n"
    "  reelwright keys rotate key_01JD… --keep-hours 24\n  reelwright keys revoke key_01JD…",
)
def keys() -> None:
    """Make, list, change and end the API keys in the database of this data directory, or of DATABASE_URL."""


@keys.command(short_help="Make a key and show it, once.")
@click.option("--name", required=True, help="By which people know it: a person, a program.")
@click.option("--owner", help="Whose its videos are: keys of one owner share them. Default: its own.")
@click.option("--scope", "scopes", multiple=True, type=_SCOPES, help="What it may do. Default: generate and read.")
@click.option("--expires-days", type=click.FloatRange(min=0, min_open=True), help="Days until it ends.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="A limit of its own; `none`: no limit.")
@_JSON
def create(
    name: str,
    owner: str | None,
    scopes: tuple[str, ...],
    expires_days: float | None,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a key. Its text is printed to stdout this once; the database keeps no more than its SHA-256.

    Limits: requests_per_minute, waiting, running, video_seconds_per_day, pixel_frames_per_day, stored_bytes.
    """
    own = _limits(limits)
    with _issuer() as (issuer, _):
        issued = issuer.create(
            name=name,
            owner=owner,
            limits=own,
            expires_at=_in_days(expires_days),
            **({"scopes": scopes} if scopes else {}),
        )
    _show_issued(issued, as_json)


@keys.command("list", short_help="List all keys there have been.")
@_JSON
def list_(as_json: bool) -> None:
    """List the keys, the oldest first: names, scopes, when each was used last (to the minute), whether it is good."""
    with _issuer() as (_, rows):
        found = rows.all()
    if as_json:
        click.echo(json.dumps([_facts(key) for key in found]))
        return
    table = [
        (key.id, key.name, key.owner, " ".join(sorted(key.scopes)), _state(key), _moment(key.used_at), key.hint + "…")
        for key in found
    ]
    show_table(("ID", "Name", "Owner", "Scopes", "State", "Used", "Begins"), table, wrapped="Name")


@keys.command(short_help="Change a key's name, scopes, expiry or limits.")
@click.argument("key_id", metavar="ID")
@click.option("--name", help="Another name.")
@click.option("--scope", "scopes", multiple=True, type=_SCOPES, help="All that it may do from now on.")
@click.option("--expires-days", type=click.FloatRange(min=0, min_open=True), help="Days from now until it ends.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="All its own limits from now on.")
def change(
    key_id: str, name: str | None, scopes: tuple[str, ...], expires_days: float | None, limits: tuple[str, ...]
) -> None:
    """Change what is named, and leave the rest. A server knows it within a moment."""
    asked = {
        "name": name,
        "scopes": scopes or None,
        "expires_at": _in_days(expires_days),
        "limits": _limits(limits) if limits else None,
    }
    changes = {field: value for field, value in asked.items() if value is not None}
    if not changes:
        raise click.UsageError("Name what is to change: --name, --scope, --expires-days or --limit.")
    with _issuer() as (issuer, _):
        key = issuer.change(key_id, changes)
    click.echo(f"{key.id} ({key.name}) is changed.")


@keys.command(short_help="Give a key another text.")
@click.argument("key_id", metavar="ID")
@click.option("--keep-hours", default=0.0, help="Hours that the text of before is still good for. Default: 0.")
@_JSON
def rotate(key_id: str, keep_hours: float, as_json: bool) -> None:
    """Give a key another text, which is printed this once. Its id, its videos and its limits stay."""
    with _issuer() as (issuer, _):
        issued = issuer.rotate(key_id, keep_hours * 3600)
    _show_issued(issued, as_json)


@keys.command(short_help="End a key, at once.")
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """End a key. Every server refuses it within a moment; its videos and what it has used stay."""
    with _issuer() as (issuer, _):
        key = issuer.revoke(key_id)
    click.echo(f"{key.id} ({key.name}) is revoked.")


@click.command(
    short_help="Show what each key has used, by day.",
    epilog="\b\nExamples:\n  reelwright usage\n"
    "  reelwright usage --from 2026-11-01 --to 2026-11-30 --csv > november.csv",
)
@click.option("--from", "first", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="Default: 30 days in all.")
@click.option("--to", "last", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="Default: today.")
@click.option("--key", metavar="ID", help="Of one key only.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@_JSON
def usage(first: datetime | None, last: datetime | None, key: str | None, as_csv: bool, as_json: bool) -> None:
    """Show what each key has used on each day (UTC), out of the database of this data directory or DATABASE_URL.

    A job counts on the day of its submission. Jobs without a key, on a server that asks for none, have an empty one.
    """
    to = (last or datetime.now(UTC)).date()
    begin = first.date() if first else to - timedelta(days=_DAYS - 1)
    with opened() as tables:
        found = tables.usage.rows(begin.isoformat(), to.isoformat(), key)
        names = {one.id: one.name for one in tables.keys.all()}
    if as_json:
        click.echo(json.dumps([_used(one, names) for one in found]))
    elif as_csv:
        _write_csv([_used(one, names) for one in found])
    else:
        lines = [tuple(str(value) for value in _used(one, names).values()) for one in found]
        show_table(tuple(_USED), lines, wrapped="name")


_USED = ("day", "key", "name", "jobs", "completed", "failed", "video_seconds", "engine_seconds", "cost_usd")


def _used(used: Used, names: Mapping[str, str]) -> dict[str, Any]:
    values = (
        used.day,
        used.key,
        names.get(used.key, ""),
        used.jobs,
        used.completed,
        used.failed,
        used.seconds,
        used.engine_seconds,
        used.cost_usd,
    )
    return dict(zip(_USED, values, strict=True))


def _write_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write CSV in which a key's name that begins with =, +, - or @ is marked as text, so that no spreadsheet runs it
    as a formula (OWASP, CSV injection)."""
    writer = csv.DictWriter(sys.stdout, _USED, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        name = str(row["name"])
        writer.writerow({**row, "name": f"'{name}" if name[:1] in "=+-@\t" and name else name})


@contextmanager
def _issuer() -> Iterator[tuple[Issuer, ApiKeys]]:
    from reelwright.errors import BadRequest, NotFound
    from reelwright.store.audit import COMMAND, Who
    from reelwright.store.issuing import Issuer

    with opened() as tables:
        try:
            yield Issuer(tables.keys, lambda: datetime.now(UTC), Who(key=COMMAND)), tables.keys
        except (BadRequest, NotFound) as error:
            raise Refused(f"{error.message}. `reelwright keys list` shows them.".replace("..", ".")) from None


@contextmanager
def opened() -> Iterator[OperatorTables]:
    """The database that the settings name, open until the command ends."""
    from reelwright.settings import load_settings
    from reelwright.store.store import open_tables

    settings = load_settings(open_api=False)
    with open_tables(settings.data_dir, settings.database_url, audited=settings.audit_days > 0) as tables:
        yield tables


def _limits(written: Sequence[str]) -> dict[str, int | None]:
    """Limits as the command line writes them: `running=2` becomes {"running": 2}; `running=none` means that the
    server's default does not apply to this key."""
    limits: dict[str, int | None] = {}
    for one in written:
        name, _, most = one.partition("=")
        if most != "none" and not most.isdecimal():
            raise click.BadParameter(f"{one!r}: write it as running=2 or running=none.", param_hint="--limit")
        limits[name.replace("-", "_")] = None if most == "none" else int(most)
    return limits


def _in_days(days: float | None) -> datetime | None:
    try:
        return datetime.now(UTC) + timedelta(days=days) if days is not None else None
    except OverflowError:
        raise click.BadParameter(f"{days} days are too many.", param_hint="--expires-days") from None


def _show_issued(issued: Issued, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**_facts(issued.key), "key": issued.text}))
        return
    click.echo(issued.text)
    click.echo(f"{issued.key.id} ({issued.key.name}). Keep it safe: it is not shown again.", err=True)


def _facts(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "limits": dict(key.limits),
        "hint": key.hint,
        "created_at": _moment(key.created_at),
        "expires_at": _moment(key.expires_at) or None,
        "revoked_at": _moment(key.revoked_at) or None,
        "last_used_at": _moment(key.used_at) or None,
    }


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at and key.expires_at <= datetime.now(UTC):
        return "expired"
    return f"good until {key.expires_at:%Y-%m-%d}" if key.expires_at else "good"


def _moment(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
