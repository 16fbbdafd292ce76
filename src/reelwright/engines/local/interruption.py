"""Looking for a cancel within a step: between the blocks of a pipeline's networks.

A step of a large model takes seconds, a decoding as many, and a pipeline offers no place in between. But each network
is a row of blocks that run one after the other (`torch.nn.ModuleList`), and before each of them there is time to look.
A block that has begun ends; nothing of the computation is touched, so the bits are the same.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from reelwright.engines.local.render_task import RenderTask
from reelwright.errors import Cancelled


@contextmanager
def between_blocks(pipe: Any, tasks: Sequence[RenderTask], whole: Collection[Any]) -> Generator[None]:
    """Within it the networks of `pipe` tell the tasks that they move, and end with `Cancelled` when all of them have.

    `whole`: compiled modules. It is looked before them and not within: a hook there would be compiled with them, and
    anew at each run.
    """

    def look(_module: torch.nn.Module, _inputs: Any) -> None:
        for task in tasks:
            task.tell(task.report.moved)
        if not any(task.alive for task in tasks):
            raise Cancelled("Cancelled.")

    closed = frozenset(map(id, whole))
    with ExitStack() as undone:
        for part in pipe.components.values():
            for place in _places(part, closed) if isinstance(part, torch.nn.Module) else ():
                undone.callback(place.register_forward_pre_hook(look).remove)
        yield


def _places(module: torch.nn.Module, closed: frozenset[int], *, in_row: bool = False) -> Iterator[torch.nn.Module]:
    if in_row or id(module) in closed:
        yield module
    if id(module) not in closed:
        row = isinstance(module, torch.nn.ModuleList)
        for child in module.children():
            yield from _places(child, closed, in_row=row)
