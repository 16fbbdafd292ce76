"""Makes the finished file from a clip: poster, encode, probe, rename."""

from __future__ import annotations

import threading
from pathlib import Path

from reelwright.media import encode, joining, probe, stills
from reelwright.media.clip import Clip
from reelwright.store.files import Files, sha256_of
from reelwright.video import MadeFile, Video


class Finishing:
    """Puts finished files in place. Its method blocks, so call it in a thread."""

    def __init__(self, files: Files, generative: frozenset[str]) -> None:
        """`generative`: the engines that are generative AI; the metadata of their files says so."""
        self._files = files
        self._generative = generative

    def put_in_place(self, video: Video, clip: Clip, stop: threading.Event, base: Path | None = None) -> MadeFile:
        """Store the poster and the finished file, then remove the scratch folder. Returns the facts of the file.

        `base`: the file that the video extends. Once `stop` is set, an encode ends at its next frame and a bucket that
        is away is waited for no longer. Raises `Cancelled` then; `BadVideo`, `Busy`, OSError.
        """
        key = self._files.key(video.id, video.attempt)

        def write(part: Path) -> MadeFile:
            about = encode.describe(video.spec, generative_ai=video.spec.engine in self._generative)
            source = video.spec.extends
            if source is not None and base is not None:
                footage = joining.join(base, source.num_frames, source.fps, clip)
                encode.encode(footage, part, metadata=about, cancelled=stop.is_set)
                return measure(part, key)
            if clip.path:
                clip.path.replace(part)
            else:
                encode.encode_mp4(clip, part, metadata=about, cancelled=stop.is_set)
            return measure(part, key, clip)

        # From frames in memory a poster costs 2 ms. For a file it would have to be decoded, and that of an extended
        # video shows its beginning, which is in another file: both are made at the first request (`variants.py`).
        if clip.frames and base is None:
            poster = self._files.derived_key(key, "jpg")
            self._files.publish(poster, lambda part: stills.poster(clip, part), "image/jpeg", last=False, until=stop)
        file = self._files.publish(key, write, "video/mp4", safe=clip.sha256 is not None and base is None, until=stop)
        self._files.discard_scratch(video.id, video.attempt)  # from now on a next attempt adopts the stored file
        return file


def measure(path: Path, key: str, clip: Clip | None = None) -> MadeFile:
    """The facts of the file at `path`, which is stored under `key`.

    Probe and SHA-256 are taken from `clip` where its engine's process has made them already. Raises `EngineError` when
    the file is not a whole video.
    """
    seen = (clip and clip.probe) or probe.probe(path)
    return MadeFile(
        key=key,
        size=seen.size,
        sha256=(clip and clip.sha256) or sha256_of(path),
        width=seen.width,
        height=seen.height,
        num_frames=seen.num_frames,
        fps=seen.fps,
        codec=seen.codec,
    )
