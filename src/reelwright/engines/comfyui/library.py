"""Reads the folder of workflows. Each file is a model or a problem; a bad file does not affect the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reelwright.engines.comfyui.problem import Problem
from reelwright.engines.comfyui.reading import SUFFIX, is_sidecar, model_name
from reelwright.engines.comfyui.workflow import Workflow

MAX_FILES = 1000
TAKEN = frozenset({"auto", "default", "comfyui", "huggingface", "local", "openai", "sketch"})
"""Names that mean an engine where a client sends them as `model`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The workflows that can be models, by name in the order of their files, and what is wrong with the others."""

    workflows: dict[str, Workflow]
    problems: tuple[Problem, ...]


def read_library(places: Iterable[Path]) -> Library:
    """Every workflow in these folders and files. A folder that is not there is empty: nobody has put one there yet."""
    workflows: dict[str, Workflow] = {}
    problems: list[Problem] = []
    for path in _files(places, problems):
        try:
            workflow = Workflow.read(path)
        except Problem as problem:
            problems.append(problem)
            continue
        if workflow.name in TAKEN:
            problems.append(Problem(path.name, f"The name {workflow.name!r} means an engine", "Rename the file."))
        elif workflow.name in workflows:
            problems.append(
                Problem(path.name, f"Another file makes the model {workflow.name!r} already", "Rename one.")
            )
        else:
            workflows[workflow.name] = workflow
    return Library(workflows=workflows, problems=tuple(problems))


def _files(places: Iterable[Path], problems: list[Problem]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from _in_folder(place, problems)
        elif place.suffix == SUFFIX:
            yield place
        elif place.exists():
            problems.append(Problem(place.name, "It is no .json file", "Name workflow files and folders only."))


def _in_folder(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX) and path.is_file())
    except OSError as error:
        problems.append(Problem(folder.name, f"The folder cannot be read ({error.strerror})", "Check its permissions."))
        return
    if len(found) > MAX_FILES:
        problems.append(Problem(folder.name, f"It holds {len(found):,} files", f"The first {MAX_FILES:,} are offered."))
    names = {path.name for path in found}
    for path in found[:MAX_FILES]:
        if path.name.startswith("."):
            continue
        # A sidecar belongs to the file beside it, unless it holds the graph itself.
        if not is_sidecar(path) or model_name(path) + SUFFIX not in names:
            yield path
