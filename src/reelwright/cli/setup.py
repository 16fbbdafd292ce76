"""Commands about this machine's own set-up: `serve`, `doctor`, `config`.

Their flags are made from `Settings`, so that there is one list of names, descriptions and defaults.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from reelwright.cli.findings import show_all
from reelwright.cli.table import show_table

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from reelwright.settings import Settings


class JSONText(click.ParamType[Any]):
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r} is not JSON: {error}", param, ctx)


class SettingsCommand(click.Command):
    """A command with one flag for each setting. The settings are imported only when its flags are needed."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from reelwright.settings import Settings

        flags = [_flag(name, field) for name, field in Settings.model_fields.items()]
        return [*self.params, *flags, *super().get_params(ctx)[len(self.params) :]]


def _flag(name: str, field: FieldInfo) -> click.Option:
    from reelwright.settings import environment_name

    default = "" if field.default in (None, "", (), {}) else f"; default: {_text(field.default)}"
    choices = _choices(field.annotation)
    boolean = field.annotation is bool
    kind: click.ParamType[Any] | None = None
    if choices:
        kind = click.Choice(choices)
    elif get_origin(field.annotation) is dict:
        kind = JSONText()
    return click.Option(
        [f"--{name.replace('_', '-')}"],
        help=f"{field.description} [env: {environment_name(name)}{'' if boolean else default}]",
        type=None if boolean else kind,
        is_flag=boolean,
        default=None,
        metavar=None if kind or boolean else _metavar(name, field.annotation),
    )


def _metavar(name: str, annotation: Any) -> str:
    """What stands for the value in the help: N for a number, else the last word of the name."""
    kinds = {annotation, *get_args(annotation)}
    return "N" if kinds & {int, float} else name.rpartition("_")[2].upper()


def _choices(annotation: Any) -> list[str]:
    """The words a setting allows, if it allows only certain words (or none)."""
    options = [annotation, *get_args(annotation)]
    return [str(word) for option in options if get_origin(option) is Literal for word in get_args(option)]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)


@click.command(
    cls=SettingsCommand,
    short_help="Run the server.",
    epilog="\b\nExamples:\n  reelwright serve\n  reelwright serve --port 8000 --engine sketch --log-format json\n\n"
    "Every flag can also be an environment variable or a line in `.env`; the flag wins.",
)
def serve(**flags: Any) -> None:
    """Run the server: the API, the queue and the page, on http://localhost:3001."""
    from reelwright.settings import load_settings

    settings = load_settings(**flags)
    # Imported objects live as long as the process, so the garbage collector skips them: it is off while they are made,
    # and `freeze` takes them out of later collections.
    gc.disable()
    from reelwright.serving import leave
    from reelwright.serving import serve as run

    gc.freeze()
    gc.enable()
    leave(run(settings))


@click.command(
    cls=SettingsCommand,
    short_help="Make videos for the servers on the same Postgres.",
    epilog="\b\nExamples:\n  reelwright worker --database-url postgresql://… --engine local --device cuda:1\n"
    "  DATABASE_URL=postgresql://… reelwright worker --engine sketch\n\n"
    "It takes the flags of `serve`, and listens only with --worker-port.",
)
@click.option("--device", help="The device of the local engine: cuda, cuda:1, mps, cpu.")
def worker(device: str | None, **flags: Any) -> None:
    """Make videos for the servers that work on the same Postgres and the same store, wherever they run.

    It makes them with one engine: the one that --engine names, else the one that fits this machine.
    """
    from reelwright.settings import load_settings

    settings = load_settings(open_api=False, **flags)
    if device:
        options = {**settings.engine_options, "local": {**settings.engine_options.get("local", {}), "device": device}}
        settings = settings.model_copy(update={"engine_options": options})
    gc.disable()
    from reelwright.serving import leave, work

    gc.freeze()
    gc.enable()
    leave(work(settings))


@click.command(
    cls=SettingsCommand,
    short_help="Say what works here and what to do about the rest.",
    epilog="\b\nExample:\n  reelwright doctor --engine local",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON array.")
def doctor(as_json: bool, **flags: Any) -> int:
    """Say what works on this machine, what does not, and what to do about it.

    Takes the same flags as `serve`. Exits 0 when a server with these settings can generate, else 1.
    """
    from reelwright.settings import load_settings

    settings = load_settings(**flags)
    from reelwright.doctor import survey

    findings = survey(settings)
    if as_json:
        rows = [{"name": f.name, "ok": f.ok, "detail": f.detail, "remedy": f.remedy} for f in findings]
        click.echo(json.dumps(rows))
    else:
        show_all((f.ok, f.name, f.detail, f.remedy) for f in findings)
    return 1 if any(finding.ok is False for finding in findings) else 0


@click.command(
    short_help="Show every setting and where its value comes from.", epilog="\b\nExample:\n  reelwright config --json"
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of name, value, source and description.")
def config(as_json: bool) -> None:
    """Show every setting: its value here, where that comes from, and what it does. Secrets are hidden."""
    from reelwright.settings import load_settings

    rows = list(_settings_rows(load_settings()))
    if as_json:
        click.echo(
            json.dumps([dict(zip(("name", "value", "source", "description"), row, strict=True)) for row in rows])
        )
        return
    show_table(("Setting", "Value", "From", "What it does"), rows, wrapped="What it does")


def _settings_rows(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    from reelwright.env_file import variables
    from reelwright.settings import environment_name

    from_file = variables()
    for name, field in type(settings).model_fields.items():
        variable = environment_name(name)
        source = "environment" if os.environ.get(variable) else ".env" if from_file.get(variable) else "default"
        value = getattr(settings, name)
        shown = "(set, hidden)" if value and not field.repr else _text(value)
        yield variable, shown, source, field.description or ""
