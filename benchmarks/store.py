"""What storing and reading a file costs: in a folder, and in a bucket of a real S3 server (swift) on the same disk.

    python benchmarks/store.py [--rounds 20]

Medians in milliseconds of one file of 5 MB and one of 50 kB, one after the other, the two stores in turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from reelwright.store.files import Files, sha256_of
from reelwright.store.objects import Bucket
from tests.objects import ObjectServer, bucket_address

SIZES = {"5 MB": 5_000_000, "50 kB": 50_000}


def measure(work: Callable[[int], object], number: int) -> float:
    begun = time.perf_counter()
    work(number)
    return (time.perf_counter() - begun) * 1000


def works(files: Files, size: int) -> dict[str, Callable[[int], object]]:
    data = os.urandom(size)

    def key(number: int) -> str:
        return files.key(f"video_01ARZ3NDEKTSV4RRFFQ69{number:05}", 1)

    def get(number: int) -> str:
        files.drop(key(number))
        return sha256_of(files.fetch(key(number)))

    return {
        "put": lambda number: files.publish(key(number), lambda part: part.write_bytes(data), "video/mp4"),
        "get and compare": get,
        "get again": lambda number: files.fetch(key(number)),
        "twin": lambda number: files.share_video(key(number), f"video_01ARZ3NDEKTSV4RRFFQ70{number:05}", 1),
        "remove": lambda number: files.discard_video(key(number).partition("-")[0]),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=20)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        server = ObjectServer(Path(folder) / "swift").start()
        try:
            with server.bucket() as settings:
                stores = {
                    "folder": Files(Path(folder) / "folder"),
                    "bucket": Files(
                        Path(folder) / "work", Bucket(bucket_address(settings), Path(folder) / "work" / "cache")
                    ),
                }
                for files in stores.values():
                    files.prepare()
                for label, size in SIZES.items():
                    compare(label, {name: works(files, size) for name, files in stores.items()}, rounds)
        finally:
            server.kill()


def compare(label: str, stores: dict[str, dict[str, Callable[[int], object]]], rounds: int) -> None:
    for verb in stores["folder"]:
        took: dict[str, list[float]] = {name: [] for name in stores}
        for number in range(rounds):
            for name, verbs in stores.items():
                took[name].append(measure(verbs[verb], number))
        folder, bucket = (statistics.median(took[name]) for name in ("folder", "bucket"))
        print(f"{label:>6}  {verb:<16} folder {folder:7.2f} ms   bucket {bucket:7.2f} ms   x{bucket / folder:.1f}")


if __name__ == "__main__":
    main()
