"""How fast and how true `encode_mp4` is, beside plain PyAV encoding of the same frames in the same run.

    python benchmarks/encode.py [--rounds 5]

Three encoders take turns, round by round, so that a busy machine hits all alike; medians are shown. "as shown" is what
a browser makes of the file: where a file does not say, it takes BT.709 from 720 lines on, else BT.601.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from reelwright.media.clip import Clip, FrameBuffer
from reelwright.media.encode import encode_mp4
from reelwright.media.probe import decode, probe
from reelwright.media.stills import poster, spritesheet, thumbnail, to_srgb

SIZES = ["24x512x512", "121x1280x720"]


def scene(num_frames: int, height: int, width: int) -> Clip:
    """A disc over drifting colour gradients under a panning grain: smooth, sharp and noisy parts, all in motion."""
    frames = FrameBuffer.create(num_frames, height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 3, (height, width + 2 * num_frames)).astype(np.float32)
    for index, picture in enumerate(frames.array()):
        waves = (np.sin(x / 60 + index * 0.15), np.sin(y / 45 - index * 0.1), np.sin((x + y) / 80 + index * 0.08))
        colours = 128 + 95 * np.stack(waves, -1)
        centre = width * (0.2 + 0.6 * index / num_frames), height * (0.5 + 0.2 * np.sin(index * 0.3))
        colours[np.hypot(x - centre[0], y - centre[1]) < height * 0.12] = (240, 200, 60)
        picture[:] = (colours + grain[:, 2 * index : 2 * index + width, None]).clip(0, 255)
    return Clip(fps=12, num_frames=num_frames, frames=frames)


def ours(clip: Clip, path: Path) -> None:
    encode_mp4(clip, path, metadata={})


def plain(options: dict[str, str]) -> Callable[[Clip, Path], None]:
    """PyAV as its documentation shows it: a frame from each array, everything else left to the defaults."""

    def encode(clip: Clip, path: Path) -> None:
        assert clip.frames is not None
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=12, options=options)
            stream.width, stream.height, stream.pix_fmt = clip.frames.width, clip.frames.height, "yuv420p"
            for picture in clip.frames.array():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))

    return encode


ENCODERS: dict[str, Callable[[Clip, Path], None]] = {
    "PyAV defaults": plain({}),
    "medium, crf 18": plain({"preset": "medium", "crf": "18"}),
    "encode_mp4": ours,
}


def fidelity(clip: Clip, path: Path) -> tuple[float, float]:
    """PSNR in dB, and the colour error in levels, of the file as a browser shows it.

    The colour error is that of the mean of 16×16 pixels, which 95 in 100 such blocks of the worst frame stay below.
    """
    assert clip.frames is not None
    squares, shift = [], 0.0
    for picture, frame in zip(clip.frames.array(), decode(path), strict=True):
        difference: NDArray[np.float32] = to_srgb(frame).to_ndarray().astype(np.float32) - picture
        squares.append(float((difference**2).mean()))
        blocks = difference[: difference.shape[0] // 16 * 16].reshape(-1, 16, difference.shape[1] // 16, 16, 3)
        shift = max(shift, float(np.percentile(np.abs(blocks.mean((1, 3))), 95)))
    return 10 * np.log10(255**2 / statistics.mean(squares)), shift


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(clip: Clip, folder: Path, rounds: int) -> None:
    assert clip.frames is not None
    times: dict[str, list[float]] = {name: [] for name in ENCODERS}
    for _ in range(rounds):
        for name, encode in ENCODERS.items():
            times[name].append(seconds(lambda encode=encode, name=name: encode(clip, folder / f"{name}.mp4")))
    print(f"\n{clip.num_frames} frames of {clip.frames.width}×{clip.frames.height}, median of {rounds}")
    print(f"{'':16}{'seconds':>9}{'ratio':>8}{'kB':>9}{'PSNR as shown':>16}{'colour error as shown':>24}")
    baseline = statistics.median(times["PyAV defaults"])
    for name in ENCODERS:
        taken = statistics.median(times[name])
        decibels, shift = fidelity(clip, folder / f"{name}.mp4")
        size = (folder / f"{name}.mp4").stat().st_size / 1000
        print(f"{name:16}{taken:9.3f}{taken / baseline:7.2f}×{size:9.0f}{decibels:13.2f} dB{shift:17.1f} levels")
    finished = folder / "encode_mp4.mp4"
    print(f"{'probe':16}{statistics.median(seconds(lambda: probe(finished)) for _ in range(rounds)):9.3f}")
    for still in (poster, thumbnail, spritesheet):
        for source, kind in ((clip, "frames"), (finished, "file")):
            taken = statistics.median(
                seconds(lambda still=still, source=source: still(source, folder / "still")) for _ in range(rounds)
            )
            print(f"{still.__name__ + ', ' + kind:24}{taken:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="frames x width x height")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            num_frames, width, height = map(int, size.split("x"))
            compare(scene(num_frames, height, width), Path(folder), given.rounds)


if __name__ == "__main__":
    main()
