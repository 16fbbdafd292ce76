"""The real networks of the recipes, built from their configurations without their weights.

The configurations lie in repositories/. A network is built on whatever torch's default device is:
on `meta`, or under a FakeTensorMode, it takes no memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import diffusers
import transformers
from diffusers.pipelines import ltx2

from reelwright.engines.local.recipe import Recipe

REPOSITORIES = Path(__file__).parent / "repositories"


def folder(repo: str) -> Path:
    return REPOSITORIES / repo.replace("/", "--")


def networks(recipe: Recipe) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each component with weights: its name, its class, its configuration."""
    home = folder(recipe.repo)
    index = json.loads((home / "model_index.json").read_text())
    apart = {part.name: part for part in recipe.parts}
    for name, value in index.items():
        file = home / name / "config.json"
        if isinstance(value, list) and file.is_file() and not (name in apart and apart[name].instead):
            yield name, value[1], json.loads(file.read_text())
    for part in apart.values():
        yield part.name, part.model, json.loads((folder(part.repo) / "config.json").read_text())


def build(kind: str, config: Mapping[str, Any]) -> Any:
    """A network of that class. Raises AttributeError when neither library has it."""
    if "_class_name" in config:
        found = getattr(diffusers, kind, None) or getattr(ltx2, kind)
        return found.from_config(dict(config)).eval()
    found = getattr(transformers, kind)
    known = {name: value for name, value in config.items() if name != "torch_dtype"}
    network = found(found.config_class.from_dict(known)).eval()
    # Done by the initialisation of weights, which may be left out.
    network.tie_weights()
    return network


def millions(network: Any) -> float:
    """Of parameters, to one decimal place, as recipes have them."""
    return round(sum(one.numel() for one in network.parameters()) / 1e6, 1)
