"""Compiled parts of a pipeline, and the way back to eager where the compiler cannot do it.

A shape is compiled as it is first; when another one comes, once more for all shapes (torch's automatic dynamic shapes).
So a pipeline compiles a few times in its life, however many sizes its clients ask for.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterable
from typing import Any

import torch

_COMPILERS = ("cc", "gcc", "clang", "c++", "g++", "clang++")


class Compiler:
    """Compiles the `parts` of one pipeline. `broken` says why they run eagerly again; None: they are compiled."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.parts: list[Any] = []
        self._compiled: dict[Any, Callable[..., Any]] = {}

    def take(self, parts: Iterable[Any]) -> None:
        """Each part's `forward` is compiled at its first call; parts of one class share what is compiled."""
        for part in parts:
            self.parts.append(part)
            shared = type(part).forward
            if shared not in self._compiled:
                self._compiled[shared] = torch.compile(shared)
            part.forward = self._with_a_way_back(part.forward, functools.partial(self._compiled[shared], part))

    def _with_a_way_back(self, eager: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self.broken is None:
                from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

                try:
                    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
                        return compiled(*args, **kwargs)
                except FailOnRecompileLimitHit:
                    self.broken = "too many shapes"
                except TorchDynamoException as error:
                    self.broken = _reason(error)
            return eager(*args, **kwargs)

        return forward


def _reason(error: BaseException) -> str:
    if not any(shutil.which(name) for name in _COMPILERS):
        return "there is no C compiler: install gcc"
    return type(error).__name__
