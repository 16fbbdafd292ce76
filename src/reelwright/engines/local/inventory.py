"""What of the models' weights is on this machine, told without loading anything: what may be offered, and what to do
about the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reelwright.engines.catalog import Lack
from reelwright.engines.local import weights
from reelwright.engines.local.hub_cache import HUB_ID
from reelwright.engines.local.options import Model
from reelwright.errors import Code, EngineError
from reelwright.video import Task

LOOK_AGAIN_S = 1.0
"""Seconds for which it is believed that something lacks: a request must not pay for a look, nor wait for one long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One repository or folder that a model needs. `tasks`: those that need it. `size`: bytes on the disk, if whole."""

    source: str
    tasks: tuple[Task, ...]
    size: int = 0
    folder: Path | None = None
    problem: EngineError | None = None

    @property
    def fetchable(self) -> bool:
        """Whether `reelwright pull` can fetch it: a repository of the Hub, not a folder that the settings name."""
        return bool(HUB_ID.fullmatch(self.source)) and not weights.is_folder(self.source)


def holdings(model: Model) -> tuple[Holding, ...]:
    """What is here of all that this model needs: the pipeline, its parts and LoRAs, the stage that makes its image."""
    name = model.name
    own = _holding(model.source, model.tasks, partial(weights.find_pipeline, name, model.source, model.revision))
    parts = (
        _holding(part.repo, model.tasks, partial(weights.find_part, name, part.repo))
        for part in model.recipe.parts
        if own.folder is not None and (part.instead or not (own.folder / part.name).is_dir())
    )
    adapters = (
        _holding(one.repo, model.tasks, partial(weights.find_adapter, name, one.repo, one.file))
        for one in model.recipe.adapters
    )
    image = model.image
    via = tuple(task for task in model.tasks if (variant := model.recipe.variant(task)) and variant.via_image)
    if image is None or not via:
        return (own, *parts, *adapters)
    return (own, *parts, *adapters, _holding(image.repo, via, partial(weights.find_pipeline, name, image.repo, None)))


def _holding(source: str, tasks: tuple[Task, ...], find: Callable[[], weights.Found]) -> Holding:
    try:
        found = find()
    except EngineError as error:
        return Holding(source=source, tasks=tasks, problem=error)
    return Holding(source=source, tasks=tasks, size=found.size, folder=found.folder)


class Inventory:
    """Answers for each model and task what it lacks. What was whole once is believed to be so; what lacks is looked at
    again after a second, so that weights that are fetched while the server runs can be used at once."""

    def __init__(self, models: Mapping[str, Model], seconds: Callable[[], float] = time.monotonic) -> None:
        self._models = models
        self._seconds = seconds
        self._seen: dict[str, tuple[float, tuple[Holding, ...]]] = {}

    def lack(self, name: str, task: Task) -> Lack | None:
        """What the model lacks for this task; None when it is ready."""
        found = next((one for one in self._holdings(name) if one.problem and task in one.tasks), None)
        if found is None or found.problem is None:
            return None
        problem = found.problem
        return Lack(
            why=problem.message,
            pull=f"reelwright pull {name}" if problem.code is Code.MODEL_NOT_READY and found.fetchable else None,
            damaged=isinstance(problem, weights.DamagedWeights),
        )

    def _holdings(self, name: str) -> tuple[Holding, ...]:
        seen = self._seen.get(name)
        now = self._seconds()
        if seen is None or (now - seen[0] >= LOOK_AGAIN_S and any(one.problem for one in seen[1])):
            seen = now, holdings(self._models[name])
            self._seen[name] = seen
        return seen[1]
