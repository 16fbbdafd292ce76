"""How much main memory is free. Nothing here imports torch."""

from __future__ import annotations

from pathlib import Path


def main_memory() -> int:
    """Bytes of main memory that are free: the machine's, or the container's where that has fewer."""
    import psutil

    available = int(psutil.virtual_memory().available)
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no container, or none with a limit
        return available
    return max(0, min(available, limit - used + int(cached.get("inactive_file", 0))))
