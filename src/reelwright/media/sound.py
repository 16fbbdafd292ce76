"""Sound: what an engine leaves beside its frames, and what a finished file has.

Samples are float32 between −1 and 1, of shape (channels, samples): one channel or two. They cross the process boundary
as a NumPy file in the job's own folder: a minute of stereo is 23 MB, a hundredth of what its frames take.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.media.probe import BadVideo, sniffed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

RATE = 48_000
"""Of every encoded track, in samples a second: what browsers play without converting it."""
RATES = range(8_000, 192_001)
CODECS = ("aac", "opus", "libopus", "vorbis", "mp3", "mp3float", "flac")
"""FFmpeg's names of the decoders that are tried."""
HEADROOM = 10 ** (-1 / 20)
"""−1 dBFS: a lossy encoder adds a little to a peak (EBU R 128, "maximum permitted true peak level")."""
_FADE_S = 0.005
"""A cut in the middle of a wave would click."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A sound in a file of its own; `rate` in samples a second."""

    path: Path
    rate: int

    @classmethod
    def write(cls, path: Path, samples: Samples, rate: int) -> Sound:
        """Keep the samples at `path`, whose folder is made. Raises `BadVideo` for what no player could play."""
        import numpy as np

        if samples.ndim != 2 or samples.shape[0] not in (1, 2) or samples.shape[1] < 1:
            raise BadVideo(f"The engine made sound of the shape {samples.shape}; one or two channels are taken.")
        if rate not in RATES:
            raise BadVideo(f"The engine made sound with {rate} samples a second, not {RATES[0]:,} to {RATES[-1]:,}.")
        if not np.isfinite(samples).all():
            raise BadVideo("The engine made sound that is no numbers; another dtype may help.")
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.ascontiguousarray(samples, np.float32), allow_pickle=False)
        return cls(path=path, rate=rate)

    def samples(self) -> Samples:
        """All of them. Raises OSError when the file is gone."""
        import numpy as np

        found: Samples = np.load(self.path, allow_pickle=False)
        return found


def fitted(samples: Samples, rate: int, seconds: float) -> Samples:
    """At `RATE`, exactly `seconds` long: what is too long is cut with a short fade, what is too short ends in silence.

    Where a peak would clip, all of it is made quieter by one factor, so the balance of loud and soft stays.
    """
    import numpy as np

    samples = resampled(samples, rate)
    length = round(seconds * RATE)
    if samples.shape[1] > length:
        samples = samples[:, :length].copy()
        fade = min(round(_FADE_S * RATE), length)
        samples[:, length - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    elif samples.shape[1] < length:
        samples = np.pad(samples, ((0, 0), (0, length - samples.shape[1])))
    peak = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(HEADROOM / peak) if peak > HEADROOM else samples


def resampled(samples: Samples, rate: int) -> Samples:
    """The same sound at `RATE`."""
    if rate == RATE:
        return samples
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler

    layout = "mono" if samples.shape[0] == 1 else "stereo"
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
    frame.sample_rate = rate
    resampler = AudioResampler(format="fltp", layout=layout, rate=RATE)
    return _joined([*resampler.resample(frame), *resampler.resample(None)], samples.shape[0])


def read_sound(path: Path, seconds: float) -> Samples | None:
    """The first `seconds` of a file's first sound track at `RATE`, from the moment of its first picture on.

    None where there is no such track, or one that is not of web video. Raises `BadVideo` where it is damaged.
    """
    import av
    from av.audio.resampler import AudioResampler

    options = {"protocol_whitelist": "file", "codec_whitelist": ",".join(CODECS)}
    try:
        with av.open(
            f"file:{path}", "r", format=sniffed(path), options=options, metadata_errors="replace"
        ) as container:
            if not container.streams.audio or container.streams.audio[0].codec_context is None:
                return None
            stream = container.streams.audio[0]
            channels = min(stream.codec_context.channels, 2)
            if stream.codec_context.name not in CODECS or channels < 1:
                return None
            resampler = AudioResampler(format="fltp", layout="mono" if channels == 1 else "stereo", rate=RATE)
            frames: list[Any] = []
            late = 0
            for frame in container.decode(stream):
                if not frames and frame.time is not None:
                    late = round(max(0.0, frame.time) * RATE)
                frames += resampler.resample(frame)
                if late + sum(one.samples for one in frames) >= seconds * RATE:
                    break
            frames += resampler.resample(None)
    except av.FFmpegError as error:
        raise BadVideo(f"The video's sound cannot be decoded: {error.strerror}.") from error
    if not frames:
        return None
    import numpy as np

    return np.pad(_joined(frames, channels), ((0, 0), (late, 0)))


def _joined(frames: list[Any], channels: int) -> Samples:
    import numpy as np

    parts = [frame.to_ndarray() for frame in frames]
    return np.concatenate(parts, axis=1) if parts else np.zeros((channels, 0), np.float32)
