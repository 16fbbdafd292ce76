"""Clips that have arrived: kept safe on the disk and probed, a few at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from reelwright.engines.upstream.cpu_gate import CpuGate
from reelwright.media.clip import Clip
from reelwright.media.probe import probe
from reelwright.store.files import make_safe

DISK_THREADS = 16
"""So many files at once wait for the disk to keep them; it takes them together."""


class Clips:
    def __init__(self) -> None:
        self._decoding = CpuGate()
        self._disk = ThreadPoolExecutor(DISK_THREADS, "disk")

    def check(self, path: Path, sha256: str | None) -> Clip:
        """The clip at `path`, durable and whole. `sha256`: its digest (hex), None where it is not known yet.

        Raises `BadVideo`.
        """
        safe = self._disk.submit(make_safe, path, sha256)  # it need not wait for the decoder
        try:
            with self._decoding.slot():
                found = probe(path)
        finally:
            wait([safe])  # who is told of a bad file may remove it
        return Clip(fps=found.fps, num_frames=found.num_frames, path=path, probe=found, sha256=safe.result())
