"""Looking for a cancel within a step: between the blocks of a pipeline's networks.

A step of a large model takes seconds, a decoding as many, and a pipeline offers no place in between. But each network
is a row of blocks that run one after the other (`torch.nn.ModuleList`), and before each of them there is time to look.
A block that has begun ends; nothing of the computation is touched, so the bits are the same.

What `torch.compile` has traced is left alone, since a hook in it would be traced too, and be compiled anew at each run:
it is looked in front of a compiled module only, from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from reelwright.engines.local.ticket import Ticket
from reelwright.errors import Cancelled

_COMPILED = "_compiled_call_impl"
"""Where `torch.nn.Module.compile` keeps what is called instead of the module (torch 2.13, nn/modules/module.py)."""


@contextmanager
def between_blocks(pipe: Any, tickets: Sequence[Ticket], *, compiled: bool) -> Generator[None]:
    """Within it the networks of `pipe` tell the tickets that they move, and end with `Cancelled` when all of them have.

    `compiled`: something of it may be, so that what has another `forward` than its class's is not looked into.
    """

    def look() -> None:
        for ticket in tickets:
            ticket.tell(ticket.report.moved)
        if not any(ticket.alive for ticket in tickets):
            raise Cancelled("Cancelled.")

    networks = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    with ExitStack() as undone:
        for network in networks:
            for place in _places(network, compiled=compiled):
                undone.callback(_look_before(place, look))
        yield


def _places(module: torch.nn.Module, *, compiled: bool, in_row: bool = False) -> Iterator[torch.nn.Module]:
    opaque = _is_compiled(module) or (compiled and "forward" in vars(module))
    if opaque or in_row:
        yield module
    if not opaque:
        row = isinstance(module, torch.nn.ModuleList)
        for child in module.children():
            yield from _places(child, compiled=compiled, in_row=row)


def _is_compiled(module: torch.nn.Module) -> bool:
    return vars(module).get(_COMPILED) is not None


def _look_before(module: torch.nn.Module, look: Callable[[], None]) -> Callable[[], None]:
    """Returns what undoes it."""
    if not _is_compiled(module):
        return module.register_forward_pre_hook(lambda _module, _inputs: look()).remove
    call = vars(module)[_COMPILED]

    def looked_at(*arguments: Any, **named: Any) -> Any:
        look()
        return call(*arguments, **named)

    vars(module)[_COMPILED] = looked_at
    return lambda: vars(module).update({_COMPILED: call})
