"""The colours of a decoded picture → 8-bit sRGB on white paper, whatever they were encoded as."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from reelwright.media.image_headers import Header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_SRGB_GAMMA = 1 / 2.2
_DIFFUSE_WHITE_NITS = 203.0
"""ITU-R BT.2408: how bright white paper is in HDR; brighter lights are clipped."""
_STRIP_ROWS = 256

# Linear light of other primaries (ITU-T H.273, table 2) → that of sRGB.
_TO_SRGB_PRIMARIES = {
    9: ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    12: ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
}
_PLAIN_TRANSFERS = (1, 6, 13, 14, 15)
"""Shown alike: sRGB's own curve and the cameras' of BT.601, 709 and 2020."""


def scale_samples(image: Image, depth: int) -> Image:
    """The picture with 8 bits a sample in one of the modes L, RGB, RGBA and CMYK; colour keys become transparency.

    `depth`: the bits a sample of the file.
    """
    from PIL import Image as Images

    if image.mode.startswith("I"):
        key = image.info.get("transparency")
        # 16 bits a pixel: a plain conversion would clip at 255.
        grey = image.convert("I").point(lambda level: level / 257 + 0.5).convert("L")
        if key is None:
            return grey
        return Images.merge("RGBA", (grey, grey, grey, _unlike(image, key)))
    key = image.info.get("transparency")
    if isinstance(key, tuple) and depth == 16:
        image.info["transparency"] = tuple(level >> 8 for level in key)
    elif isinstance(key, int) and image.mode == "L" and depth < 8:
        image.info["transparency"] = key * 255 // ((1 << depth) - 1)
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def to_srgb(image: Image, header: Header, info: dict[Any, Any]) -> Image:
    """An 8-bit picture (`scale_samples`) as RGB in sRGB, what is transparent shown on white.

    `info` is what Pillow found in the file. As browsers do it: cICP counts before an ICC profile, that before sRGB
    and gAMA; a profile that cannot be used is ignored, and CMYK without a profile is converted by its arithmetic.
    """
    from PIL import Image as Images

    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha else image
    shown = _converted(colours, header, info).convert("RGB")
    if alpha is None:
        return shown
    paper = Images.new("RGB", shown.size, "white")
    paper.paste(shown, mask=alpha)
    return paper


def _converted(image: Image, header: Header, info: dict[Any, Any]) -> Image:
    if len(header.cicp) == 4:
        return _by_code(image.convert("RGB"), *header.cicp)
    if profile := info.get("icc_profile"):
        return _by_profile(image, profile)
    gamma = info.get("gamma")
    if gamma and "srgb" not in info and image.mode != "CMYK":
        return _by_gamma(image, gamma)
    return image


def _by_profile(image: Image, profile: bytes) -> Image:
    """Through an ICC profile; as it is where the profile is damaged, is another colour model's, or lcms is missing."""
    from PIL import ImageCms, features

    if not features.check("littlecms2"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        converted = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return image
    return converted or image


def _by_gamma(image: Image, gamma: float) -> Image:
    """By a gAMA chunk: samples are light to the power of `gamma`."""
    if not 0.01 <= gamma <= 10 or math.isclose(gamma, _SRGB_GAMMA, rel_tol=0.03):
        return image
    exponent = _SRGB_GAMMA / gamma
    table = [round(255 * (level / 255) ** exponent) for level in range(256)]
    return image.point(table * len(image.getbands()))


def _by_code(image: Image, primaries: int, transfer: int, matrix: int, full_range: int) -> Image:
    """By coding-independent code points (ITU-T H.273). Those that no PNG should have are ignored."""
    import numpy as np
    from PIL import Image as Images

    mixing = _TO_SRGB_PRIMARIES.get(primaries)
    if matrix != 0 or (mixing is None and transfer in _PLAIN_TRANSFERS and full_range):
        return image
    light = _light(transfer, full_range)
    rows = np.array(mixing if mixing else np.eye(3), np.float32)
    codes = np.asarray(image)
    shown = np.empty_like(codes)
    for top in range(0, len(codes), _STRIP_ROWS):
        strip = light[codes[top : top + _STRIP_ROWS]] @ rows.T
        shown[top : top + _STRIP_ROWS] = _encoded(strip)
    return Images.fromarray(shown)


def _light(transfer: int, full_range: int) -> NDArray[np.float32]:
    """Light (1: white paper) by the sample's code 0 … 255 (ITU-T H.273, table 3)."""
    import numpy as np

    level = np.arange(256, dtype=np.float64) / 255
    if not full_range:
        level = np.clip((level * 255 - 16) / 219, 0, 1)
    match transfer:
        case 4:
            light = level**2.2
        case 5:
            light = level**2.8
        case 8:
            light = level
        case 16:  # SMPTE ST 2084
            root = level ** (1 / 78.84375)
            nits = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
            light = nits / _DIFFUSE_WHITE_NITS
        case 18:  # ARIB STD-B67 (HLG): white paper is at three quarters of the signal
            scene = np.where(level <= 0.5, level**2 / 3, (np.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12)
            light = (scene / 0.26496256) ** 1.2
        case _:
            light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def _encoded(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Linear light as 8-bit sRGB (IEC 61966-2-1)."""
    import numpy as np

    clipped = np.clip(light, 0, 1)
    curve = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return (curve * 255 + 0.5).astype(np.uint8)


def _unlike(image: Image, key: int) -> Image:
    """The transparency of a 16-bit grey picture in which the level `key` is transparent."""
    import numpy as np
    from PIL import Image as Images

    return Images.fromarray((np.asarray(image) != key).astype(np.uint8) * 255)
