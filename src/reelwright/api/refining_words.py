"""SGLang's and vLLM-Omni's words for what is done to a finished clip: a switch for each, and a number beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reelwright.errors import invalid

SWITCHES: Mapping[str, str] = {"enable_frame_interpolation": "interpolate", "enable_upscaling": "upscale"}
"""Their names for our fields, once `numbered` has been there."""
NUMBERS = frozenset({"frame_interpolation_exp", "upscaling_scale"})
OTHERS = frozenset({"frame_interpolation_scale", "frame_interpolation_model_path", "upscaling_model_path"})
"""What belongs to their own networks. A server here never takes a path from a client."""
MOST_EXPONENT = 3
DEFAULT_SCALE = 4


def numbered(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with the factor itself under each switch that is on, and without those that are off.

    The exponent of the frame rate is 1 by default (twice as many frames), the scale 4. Raises `BadRequest`.
    """
    told = {name: value for name, value in fields.items() if name not in NUMBERS}
    if _on("enable_frame_interpolation", told):
        exponent = _whole("frame_interpolation_exp", fields.get("frame_interpolation_exp"), 1, MOST_EXPONENT)
        told["enable_frame_interpolation"] = 2**exponent
    if _on("enable_upscaling", told):
        told["enable_upscaling"] = _whole("upscaling_scale", fields.get("upscaling_scale"), DEFAULT_SCALE, 8)
    return told


def _on(name: str, fields: dict[str, Any]) -> bool:
    """Whether the switch is on; one that is not is left out."""
    value = fields.get(name)
    word = str(value).lower() if isinstance(value, bool | int | str) else value
    if word in ("true", "1", "on", "yes"):
        return True
    if name in fields:
        if word not in (None, "", "false", "0", "off", "no"):
            raise invalid(name, value, "Must be true or false.")
        del fields[name]
    return False


def _whole(name: str, value: object, default: int, most: int) -> int:
    if value is None or value == "":
        return default
    number = None if isinstance(value, bool) else re.fullmatch(r"([0-9]{1,3})(\.0)?", str(value))
    if number is None or not 1 <= int(number[1]) <= most:
        raise invalid(name, value, f"Must be a whole number from 1 to {most}.")
    return int(number[1])
