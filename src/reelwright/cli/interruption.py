"""An interrupted command leaves neither a job nor a server behind."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def ended_like_by_ctrl_c() -> Generator[None]:
    """Within it SIGTERM and SIGHUP end the command as Ctrl-C does, also for a command that a shell runs in the
    background (`&`), which ignores SIGINT.

    The handlers raise SIGINT, which `asyncio.Runner` turns into a cancellation of the main task. They raise no
    exception themselves, because an exception between two steps of the event loop can lose a wake-up, and the loop then
    runs for ever. Where `nohup` has the command ignore SIGHUP, SIGHUP stays ignored."""
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, _interrupt)}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)
