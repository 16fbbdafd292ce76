"""`reelwright pull`: fetches weights for the local engine."""

from __future__ import annotations

import logging

import click

from reelwright.cli.connection import Failed, Refused


@click.command(
    short_help="Fetch a model's weights for the local engine.",
    epilog="\b\nExamples:\n  reelwright pull svd\n  reelwright pull --lora OWNER/NAME",
)
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option("--lora", "loras", metavar="OWNER/NAME", multiple=True, help="Fetch a LoRA's repository. Repeatable.")
@click.option("--full", is_flag=True, help="Fetch full precision where a model also comes in half precision.")
def pull(names: tuple[str, ...], loras: tuple[str, ...], full: bool) -> None:
    """Fetch the weights of each MODEL from the Hugging Face Hub into its cache, and print where they lie.

    A MODEL is a built-in recipe or one of REELWRIGHT_ENGINE_OPTIONS. Only settings and safetensors are fetched. A gated
    model needs its terms accepted on the Hub, and HF_TOKEN.
    """
    if not names and not loras:
        raise click.UsageError("Name a model, or a LoRA with --lora.")
    from reelwright.env_file import ADOPTED, adopt

    adopt(*ADOPTED)  # before the Hub's library is imported, which reads the environment then
    from reelwright.engines.local import lora, weights
    from reelwright.engines.local.options import Options
    from reelwright.errors import EngineError
    from reelwright.settings import load_settings

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # what it says of its tries is said by the error
    try:
        models = Options.parse(load_settings().engine_options.get("local", {})).models
        if unknown := [name for name in names if name not in models]:
            raise Refused(f"There is no local model {unknown[0]!r}. Known: {', '.join(sorted(models))}.")
        for name in names:
            folders = weights.pull(models[name], half=not full)
            click.echo("\n".join(map(str, folders)) if folders else f"{models[name].source} is a folder already")
        for repository in loras:
            click.echo(lora.pull(repository))
    except EngineError as error:
        raise Failed(error.message) from None
