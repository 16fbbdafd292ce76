"""`reelwright comfyui`: shows which model a workflow file becomes, before a server offers it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwright.cli.connection import Refused
from reelwright.cli.findings import show_finding, show_heading

if TYPE_CHECKING:
    from reelwright.engines.comfyui.inspection import Look
    from reelwright.engines.comfyui.workflow import Workflow
    from reelwright.engines.engine import Card

_WIDTH = 20


@click.group(epilog="\b\nExample:\n  reelwright comfyui check workflows/wan.json --url http://127.0.0.1:8188")
def comfyui() -> None:
    """Look at ComfyUI workflows before the server offers them as models."""


@comfyui.command(
    epilog="\b\nExamples:\n  reelwright comfyui check workflows/wan.json\n"
    "  reelwright comfyui check workflows/wan.json --url http://127.0.0.1:8188 --write",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", help="A running ComfyUI: say what the workflow lacks there.")
@click.option("--write", is_flag=True, help="Write what was found to NAME.reelwright.json beside it, to be edited.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def check(file: Path, url: str | None, write: bool, as_json: bool) -> int:
    """Say what of a request this workflow takes, where it writes it, and by which rule it found that.

    The rules, an earlier one first: the sidecar, titles of nodes (`prompt`, or `anything [prompt]`), placeholders
    (`%prompt%`), detection. Exits 0 when the workflow can be a model, 1 when it lacks something at the ComfyUI that was
    asked, 2 when the file cannot be one.
    """
    from reelwright.engines.comfyui.card import card_of
    from reelwright.engines.comfyui.workflow import Workflow

    workflow = Workflow.read(file)
    look = _look(url) if url else None
    lacking = look.lacks(workflow) if look and not look.problem else ()
    written = _write(file, workflow, look) if write else None
    if as_json:
        click.echo(json.dumps(_as_json(workflow, card_of(workflow), look, lacking, written)))
    else:
        _show(workflow, card_of(workflow), look, lacking, written)
    return 1 if lacking or (look and look.problem) else 0


def _look(url: str) -> Look:
    """Ask the ComfyUI at `url` what it has and lacks. The configured token is sent to configured addresses only; where
    no address is configured it is sent to `url`."""
    from reelwright.engines.comfyui.inspection import look_at
    from reelwright.engines.comfyui.options import Options, checked_url
    from reelwright.settings import load_settings

    settings = load_settings(open_api=False)
    given = settings.engine_options.get("comfyui", {})
    options = Options.parse({"urls": list(settings.comfyui_url)} | given)
    address = checked_url(url)
    known = not options.urls or address in options.urls
    return look_at(address, options.headers(settings.comfyui_token) if known else {})


def _show(workflow: Workflow, card: Card, look: Look | None, lacking: tuple[str, ...], written: Path | None) -> None:
    show_heading(f"{workflow.file} → the model {card.model}")
    for field in workflow.fields.values():
        places = ", ".join(str(target) for target in field.targets)
        own = "" if field.own is None else f"  {_shortened(field.own)}"
        show_finding(True, field.name, f"{field.rule.value:<12} {places:<28}{own}".rstrip(), width=_WIDTH)
    for note in workflow.wiring.notes:
        show_finding(None, note.field or "note", note.why, width=_WIDTH)
    show_finding(True, "output", workflow.graph.named(workflow.output), width=_WIDTH)
    for name, told in _makes(workflow, card):
        show_finding(True, name, told, width=_WIDTH)
    if look is not None:
        if look.problem:
            show_finding(False, "ComfyUI", f"{look.name}: {look.problem}", look.remedy, width=_WIDTH)
        else:
            show_finding(True, "ComfyUI", look.told, width=_WIDTH)
            _show_lacking(lacking)
    if written is not None:
        show_finding(True, "written", str(written), width=_WIDTH)


def _show_lacking(lacking: tuple[str, ...]) -> None:
    from reelwright.engines.comfyui.inspection import LACKING

    if not lacking:
        show_finding(True, "lacks there", "nothing", width=_WIDTH)
    for number, one in enumerate(lacking, 1):
        show_finding(False, "lacks there", one, LACKING if number == len(lacking) else None, width=_WIDTH)


def _makes(workflow: Workflow, card: Card) -> Iterator[tuple[str, str]]:
    """Rows for the table: what the model makes, from which inputs, and in which sizes and lengths."""
    yield "makes", " and ".join(task.value for task in card.tasks)
    size = f"{card.default_width}x{card.default_height}"
    chosen = f" by itself, sides of {card.min_side} to {card.max_side} in steps of {card.side_multiple}"
    yield "size", size + (" only" if card.sizes else chosen)
    length = f"{card.default_frames} frames at {card.default_fps} fps"
    if not {"num_frames", "seconds"} & set(workflow.fields):
        yield "length", f"{length} only"
        return
    grid = workflow.grid
    steps = f", {grid.frames_step}n+{grid.first_frames} each" if grid.frames_step > 1 else ""
    yield "length", f"{length} by itself, up to {card.max_frames} frames{steps}"


def _shortened(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 48 else f"{text[:47]}…"


def _as_json(
    workflow: Workflow, card: Card, look: Look | None, lacking: tuple[str, ...], written: Path | None
) -> dict[str, Any]:
    return {
        "model": card.model,
        "file": workflow.file,
        "output": workflow.output,
        "fields": {
            field.name: {"places": [str(one) for one in field.targets], "rule": field.rule.value, "own": field.own}
            for field in workflow.fields.values()
        },
        "notes": [{"field": note.field, "why": note.why} for note in workflow.wiring.notes],
        "comfyui": {"name": look.name, "version": look.version, "problem": look.problem} if look else None,
        "lacks": list(lacking) if look and not look.problem else None,
        "written": str(written) if written else None,
    }


def _write(file: Path, workflow: Workflow, look: Look | None) -> Path:
    """Write the sidecar beside the workflow file; it is complete or it is not there."""
    from reelwright.engines.comfyui.drafting import draft_sidecar
    from reelwright.engines.comfyui.reading import sidecar_of

    path = sidecar_of(file)
    present = json.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else {}
    drafted = draft_sidecar(workflow, look.bounds(workflow) if look else {}, present)
    begun = path.with_name(f".{path.name}.part")
    try:
        begun.write_text(json.dumps(drafted, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        begun.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None
    return path
