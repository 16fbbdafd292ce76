"""Checks clips that have been downloaded: each is written to disk for certain (fsync) and probed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from reelwright.engines.upstream.cpu_gate import CpuGate
from reelwright.media.clip import Clip
from reelwright.media.probe import probe
from reelwright.store.files import make_safe

DISK_THREADS = 16
"""How many files are synced at the same time: the disk syncs many in about the time of one."""


class Clips:
    def __init__(self) -> None:
        self._decoding = CpuGate()
        self._disk = ThreadPoolExecutor(DISK_THREADS, "disk")

    def check(self, path: Path, sha256: str | None) -> Clip:
        """Sync and probe the file at `path`. `sha256`: its digest (hex), None where it is not known yet.

        Returns the clip, which is then durable and whole. Raises `BadVideo`.
        """
        safe = self._disk.submit(make_safe, path, sha256)  # at the same time as the probing below
        try:
            with self._decoding.slot():
                found = probe(path)
        finally:
            wait([safe])  # also after an error: whoever gets it may remove the file
        return Clip(fps=found.fps, num_frames=found.num_frames, path=path, probe=found, sha256=safe.result())
