"""What the server's processes do about signals."""

from __future__ import annotations

import signal

OF_THE_GROUP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def leave_signals_to_the_server() -> None:
    """A terminal, and systemd, tell the whole group of processes; the server decides what it means for those that work
    for it. They end when it ends them, or closes its end of what they talk over."""
    for number in OF_THE_GROUP:
        signal.signal(number, signal.SIG_IGN)
