"""`reelwright webhooks`: what was delivered, once more, and the secret that signs it."""

from __future__ import annotations

import json
from typing import Any

import click

from reelwright.cli.connection import connected, server_options
from reelwright.cli.table import show_table


@click.command(
    short_help="Show a video's webhook deliveries; resend one; show the signing secret.",
    epilog="\b\nExamples:\n  reelwright webhooks video_01JD…\n  reelwright webhooks video_01JD… --resend msg_01JD…\n"
    "  reelwright webhooks --secret",
)
@click.argument("video_id", metavar="[ID]", required=False)
@click.option("--resend", "delivery_id", metavar="MSG", help="Try this delivery once more, now.")
@click.option(
    "--secret", is_flag=True, help="Print the signing secret of the server on this data directory or DATABASE_URL."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of deliveries.")
@server_options(default="http://127.0.0.1:3001")
def webhooks(
    video_id: str | None, delivery_id: str | None, secret: bool, as_json: bool, server: str, api_key: str | None
) -> None:
    """Show the deliveries of a video's webhooks, or with --resend try one once more.

    Receivers verify a delivery with the secret of `--secret` (Standard Webhooks).
    """
    if secret:
        from reelwright.settings import load_settings
        from reelwright.store.secret import stored_secret

        settings = load_settings()
        click.echo(stored_secret(settings.data_dir.absolute(), settings.database_url))
        return
    if video_id is None:
        raise click.UsageError("Name a video, or ask for --secret.")
    with connected(server, api_key) as client:
        found = [client.resend(video_id, delivery_id)] if delivery_id else client.deliveries(video_id)
    if as_json:
        click.echo(json.dumps(list(found)))
        return
    show_table(("ID", "Event", "State", "Tries", "Status", "URL"), [_row(one) for one in found], wrapped="URL")


def _row(delivery: Any) -> tuple[str, ...]:
    status = delivery["last_status"] or delivery["problem"] or ""
    return (
        delivery["id"],
        delivery["event"],
        delivery["state"],
        str(delivery["tries"]),
        str(status),
        delivery["url"],
    )
