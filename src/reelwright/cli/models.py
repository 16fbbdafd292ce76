"""`reelwright models`: what the server can make videos with."""

from __future__ import annotations

import json

import click

from reelwright.cli.connection import connected, server_options
from reelwright.cli.table import show_table


@click.command(epilog="\b\nExample:\n  reelwright models --json")
@click.option("--json", "as_json", is_flag=True, help="Print the models with their whole cards.")
@server_options(default="http://127.0.0.1:3001")
def models(as_json: bool, server: str, api_key: str | None) -> None:
    """List the models of the server."""
    with connected(server, api_key) as client:
        found = client.models()
    if as_json:
        click.echo(json.dumps([{"id": model.id, "default": model.default, **model.card} for model in found]))
        return
    rows = [
        (
            model.id,
            model.card["engine"],
            "default" if model.default else "",
            ", ".join(model.card["tasks"]),
            model.card["description"],
        )
        for model in found
    ]
    upscalers = found[0].refinements.get("upscale", ()) if found else ()
    show_table(("Model", "Engine", "", "Makes", "What it is"), rows, wrapped="What it is")
    if upscalers:
        told = ", ".join(f"{one['name']} ({one['factor']} times)" for one in upscalers)
        click.echo(f"\nFor --upscale, with every model: {told}.", err=True)
