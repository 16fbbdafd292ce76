"""`reelwright fleet`: the processes that work on one Postgres, what they do, and who is to take no more jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reelwright.cli.connection import Refused
from reelwright.cli.table import show_table

if TYPE_CHECKING:
    from reelwright.store.audit import Action, Entry
    from reelwright.store.fleet_queue import FleetQueue, MemberStatus
    from reelwright.store.oversight import Oversight

_URL = click.option(
    "--database-url", metavar="URL", help="The Postgres of the fleet. [env: DATABASE_URL]", envvar="DATABASE_URL"
)


@click.group(
    invoke_without_command=True,
    short_help="Show the processes on one Postgres; drain one, pause an engine.",
    epilog="\b\nExamples:\n  reelwright fleet\n  reelwright fleet drain worker_01JD…\n  reelwright fleet pause local\n"
    "  reelwright fleet resume local",
)
@_URL
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def fleet(context: click.Context, database_url: str | None, as_json: bool) -> None:
    """Show the servers and workers on one Postgres, what each of them makes, and how many jobs wait for each engine."""
    context.obj = database_url
    if context.invoked_subcommand is None:
        with _opened(database_url) as (queue, oversight):
            members, backlog, paused = queue.members(), queue.backlog(), oversight.paused()
        if as_json:
            click.echo(
                json.dumps({"processes": [_facts(one) for one in members], "engines": _lines(members, backlog, paused)})
            )
        else:
            _show(members, _lines(members, backlog, paused))


@fleet.command(short_help="Let a process take no more jobs.")
@click.argument("worker_id", metavar="ID")
@click.pass_obj
def drain(database_url: str | None, worker_id: str) -> None:
    """Let a process finish what it makes and take no more jobs. `fleet` shows when nothing runs there any more."""
    from reelwright.store.audit import Action

    with _opened(database_url, changes=True) as (_, oversight):
        if not oversight.drain(worker_id, _entry(Action.DRAINED, worker_id), draining=True):
            raise Refused(f"There is no process {worker_id}. `reelwright fleet` lists them.")
    click.echo(f"{worker_id} takes no more jobs. `reelwright fleet resume {worker_id}` undoes it.")


@fleet.command(short_help="Begin no more jobs of an engine.")
@click.argument("engine")
@click.pass_obj
def pause(database_url: str | None, engine: str) -> None:
    """Begin no more jobs of an engine, on any machine. What runs goes on, what comes waits."""
    from reelwright.store.audit import Action

    with _opened(database_url, changes=True) as (_, oversight):
        oversight.pause(engine, _entry(Action.PAUSED, engine))
    click.echo(f"Jobs of {engine} wait now. `reelwright fleet resume {engine}` lets them begin.")


@fleet.command(short_help="Undo `drain` or `pause`.")
@click.argument("name", metavar="ID|ENGINE")
@click.pass_obj
def resume(database_url: str | None, name: str) -> None:
    """Let a drained process take jobs again, or the jobs of a paused engine begin."""
    from reelwright.store.audit import Action

    with _opened(database_url, changes=True) as (_, oversight):
        again = oversight.drain(name, _entry(Action.UNDRAINED, name), draining=False)
        if not (again or oversight.resume(name, _entry(Action.RESUMED, name))):
            raise Refused(f"There is no process and no paused engine {name}. `reelwright fleet` lists them.")
    click.echo(f"{name} goes on.")


@contextmanager
def _opened(database_url: str | None, *, changes: bool = False) -> Iterator[tuple[FleetQueue, Oversight]]:
    from reelwright.settings import load_settings
    from reelwright.store.store import open_fleet

    settings = load_settings(open_api=False)
    url = database_url or settings.database_url
    if not url:
        raise Refused("A fleet works on a Postgres. Name it with --database-url or DATABASE_URL.")
    with open_fleet(url, audited=settings.audit_days > 0, changes=changes) as found:
        yield found


def _entry(action: Action, about: str) -> Entry:
    from reelwright.store.audit import COMMAND, Who

    return Who(key=COMMAND).did(action, about, datetime.now(UTC))


def _facts(status: MemberStatus) -> dict[str, Any]:
    member = status.member
    return {
        "id": member.id,
        "address": member.address,
        "version": member.version,
        "engines": {engine: list(models) for engine, models in member.engines.items()},
        "slots": member.slots,
        "running": {video: {"attempt": attempt, "progress": done} for video, (attempt, done) in status.running.items()},
        "draining": status.draining,
        "up_s": round(status.age_s, 1),
        "last_beat_s": round(status.beat_age_s, 1),
    }


def _lines(members: Any, backlog: Any, paused: frozenset[str]) -> dict[str, dict[str, Any]]:
    makers = {engine for status in members for engine in status.member.engines}
    return {
        engine: {
            "waiting": backlog[engine].waiting if engine in backlog else 0,
            "running": backlog[engine].running if engine in backlog else 0,
            "oldest_s": round(backlog[engine].oldest_s, 1) if engine in backlog else 0.0,
            "workers": sum(engine in status.member.engines and not status.draining for status in members),
            "paused": engine in paused,
        }
        for engine in sorted(makers | set(backlog) | paused)
    }


def _show(members: Any, lines: dict[str, dict[str, Any]]) -> None:
    rows = [
        (
            status.member.id,
            status.member.address,
            ", ".join(status.member.engines) or "API only",
            f"{len(status.running)}/{status.member.slots}" if status.member.slots else "–",
            "draining" if status.draining else "late" if status.beat_age_s > 3 else "up",
            _span(status.age_s),
            status.member.version,
        )
        for status in members
    ]
    show_table(("Process", "Where", "Makes", "Jobs", "State", "Up", "Version"), rows, wrapped="Makes")
    told = [
        (
            engine,
            str(line["waiting"]),
            str(line["running"]),
            _span(line["oldest_s"]) if line["waiting"] else "–",
            str(line["workers"]),
            "paused" if line["paused"] else "nobody makes these" if line["waiting"] and not line["workers"] else "",
        )
        for engine, line in lines.items()
    ]
    show_table(("Engine", "Waiting", "Running", "Oldest", "Workers", ""), told, wrapped="Engine")


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
