"""From a clip to the finished file in its place: encode, probe, poster, rename."""

from __future__ import annotations

import threading
from pathlib import Path

from reelwright.media import encode, joining, probe, stills
from reelwright.media.clip import Clip
from reelwright.store.files import Files, sha256_of
from reelwright.video import MadeFile, Video


class Finishing:
    """Blocking work, for a thread."""

    def __init__(self, files: Files, generative: frozenset[str]) -> None:
        """`generative`: the engines that are generative AI; their files say so."""
        self._files = files
        self._generative = generative

    def put_in_place(self, video: Video, clip: Clip, stop: threading.Event, base: Path | None = None) -> MadeFile:
        """Write the poster; then the file beside its place, probe it, store it; then clear up.

        `base` is the file that the video goes on from. An encode ends at its next frame once `stop` is set, and a
        bucket that is away is waited for no longer. Raises `Cancelled` then, `BadVideo`, `Busy`, OSError.
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

        # From the frames a poster costs 2 ms. A file would be decoded once more: its poster waits until it is wanted.
        # That of a joined video comes from its beginning.
        if clip.frames and base is None:
            poster = self._files.beside(key, "jpg")
            self._files.publish(poster, lambda part: stills.poster(clip, part), "image/jpeg", last=False, until=stop)
        file = self._files.publish(key, write, "video/mp4", safe=clip.sha256 is not None and base is None, until=stop)
        self._files.discard_scratch(video.id, video.attempt)  # after a crash from now on the file is adopted
        return file


def measure(path: Path, key: str, clip: Clip | None = None) -> MadeFile:
    """The file's facts; what an engine's process has found out already is not done again.

    `key`: its name in the store. Raises `EngineError` when it is not a whole video.
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
