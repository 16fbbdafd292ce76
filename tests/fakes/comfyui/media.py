"""The pictures that pass through a graph, and the files that its savers write."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Frame = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """A batch of frames, as an IMAGE, a LATENT or a VIDEO (then with `fps`) is passed on. `still`: what all show.

    Without a still they are moving stripes that `look`, which stands for all that shaped them, decides.
    """

    width: int
    height: int
    count: int
    look: str = ""
    still: Frame | None = None
    fps: float = 0.0

    def scaled(self, width: int, height: int) -> Pictures:
        if self.still is None:
            return replace(self, width=width, height=height)
        still = np.asarray(Image.fromarray(self.still).resize((width, height)))
        return replace(self, width=width, height=height, still=still)

    def frames(self) -> Iterator[Frame]:
        slopes = np.frombuffer(hashlib.sha256(self.look.encode()).digest()[:12], np.uint8).reshape(3, 4).astype(int)
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        for number in range(self.count):
            if self.still is not None:
                yield self.still
                continue
            yield np.stack(
                [rows * (a % 4) + columns * (b % 4) + number * (8 + c % 8) + d for a, b, c, d in slopes], axis=2
            ).astype(np.uint8)


def read(path: Path) -> Pictures:
    """A picture of the input folder. Raises what Pillow does for what is none."""
    with Image.open(path) as image:
        still = np.asarray(image.convert("RGB"))
    return Pictures(width=still.shape[1], height=still.shape[0], count=1, still=still)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file of the output or the temp folder, as the API names it."""

    filename: str
    subfolder: str
    type: str

    def named(self) -> dict[str, Any]:
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where the savers of one prompt put their files: with the whole graph inside, as the real ones do."""

    folder: Path
    metadata: Mapping[str, Any]

    def place(self, prefix: str, suffix: str, kind: str = "output", tail: str = "_") -> tuple[Path, Saved]:
        """The next free file of this prefix. `/` in it makes folders; it must not lead out of the folder."""
        root = self.folder / kind
        target = (root / prefix).parent
        if not target.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"Saving image outside the output folder is not allowed.\n full_output_folder: {target}")
        target.mkdir(parents=True, exist_ok=True)
        name = Path(prefix).name
        taken = [re.match(re.escape(name) + r"_(\d+)", path.name) for path in target.iterdir()]
        number = max((int(match[1]) for match in taken if match), default=0) + 1
        path = target / f"{name}_{number:05}{tail}{suffix}"
        subfolder = "" if target == root else target.relative_to(root).as_posix()
        return path, Saved(filename=path.name, subfolder=subfolder, type=kind)

    def video(self, path: Path, pictures: Pictures, fps: float, codec: str) -> None:
        options = {"movflags": "use_metadata_tags"} if path.suffix == ".mp4" else {}
        with av.open(str(path), "w", options=options) as container:
            for name, value in self.metadata.items():
                container.metadata[name] = json.dumps(value)
            stream = container.add_stream(codec, rate=Fraction(round(fps * 1000), 1000))
            stream.width, stream.height, stream.pix_fmt = pictures.width, pictures.height, "yuv420p"
            stream.options = (
                {"preset": "ultrafast"} if codec == "libx264" else {"deadline": "realtime", "cpu-used": "8"}
            )
            for frame in pictures.frames():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
            container.mux(stream.encode(None))

    def png(self, path: Path, frame: Frame) -> None:
        info = PngInfo()
        for name, value in self.metadata.items():
            info.add_text(name, json.dumps(value))
        Image.fromarray(frame).save(path, pnginfo=info, compress_level=1)

    def animation(self, path: Path, pictures: Pictures, fps: float) -> None:
        """A WebP or a GIF."""
        first, *rest = [Image.fromarray(frame) for frame in pictures.frames()]
        first.save(path, save_all=True, append_images=rest, duration=int(1000 / fps), loop=0)
