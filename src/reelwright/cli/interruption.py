"""An interrupted command leaves neither a job nor a server behind."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def ended_like_by_ctrl_c() -> Generator[None]:
    """SIGTERM and SIGHUP end the command as Ctrl-C does, also where a shell's background is deaf to Ctrl-C itself.

    They become SIGINT and no exception of their own: `asyncio.Runner` turns that signal into a cancellation. An
    exception between two steps of its event loop can lose a wake-up, and the loop then runs for ever. Where `nohup` has
    the command ignore SIGHUP, it does.
    """
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
