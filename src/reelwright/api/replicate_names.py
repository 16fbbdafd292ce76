"""The inputs of Replicate's video models: which of our fields they mean, and in which forms their values come.

Each of its models has inputs of its own. The names here are those of the well-known ones: wan-video, lightricks/ltx,
kwaivgi/kling, minimax, google/veo, bytedance/seedance, luma, pixverse, runwayml, tencent/hunyuan-video, zeroscope,
stable-video-diffusion. An input that no model here supports is left out, and a warning of the prediction says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reelwright.api.vocabulary import Vocabulary

NAMES = Vocabulary(
    renamed={
        "duration": "seconds",
        "frames_per_second": "fps",
        "frame_rate": "fps",
        "frame_num": "num_frames",
        "video_length": "num_frames",
        "sample_steps": "num_inference_steps",
        "steps": "num_inference_steps",
        "infer_steps": "num_inference_steps",
        "sample_guide_scale": "guidance_scale",
        "guidance": "guidance_scale",
        "cfg": "guidance_scale",
        "n_prompt": "negative_prompt",
        "cond_aug": "noise_aug_strength",
        "start_image": "image",
        "start_image_url": "image",
        "first_frame_image": "image",
        "first_frame": "image",
        "input_image": "image",
        "init_image": "image",
        "image_url": "image",
        "input_reference": "image",
        "interpolate_output": "interpolate",
        "upscale_factor": "upscale",
        "last_frame": "last_image",
        "last_frame_image": "last_image",
        "end_image": "last_image",
        "end_image_url": "last_image",
        "tail_image": "last_image",
        "enable_audio": "generate_audio",
        "sound_effect_switch": "generate_audio",
    },
    tolerated=frozenset(
        # how it is computed
        {"go_fast", "fast_mode", "speed_mode", "scheduler", "sample_shift", "shift", "flow_shift", "decoding_t"}
        | {"cfg_scale", "embedded_guidance_scale", "denoise_strength", "image_noise_scale", "downscale_factor"}
        | {"final_inference_steps", "conditioning_frames", "batch_size", "max_area", "target_size", "sizing_strategy"}
        # what happens to the prompt
        | {"prompt_optimizer", "optimize_prompt", "enhance_prompt", "extend_prompt", "prompt_extend"}
        | {"enable_prompt_expansion", "multi_prompt", "concepts"}
        # other pictures, films and sound
        | {"reference_images", "reference_videos", "reference_audios", "subject_reference", "style_reference"}
        | {"video", "input_video", "init_video", "init_weight", "start_video_id", "end_video_id"}
        | {"audio", "sound_effect_content"}
        # trained weights
        | {"lora_weights", "lora_scale", "lora_url", "lora_strength", "hf_lora", "extra_lora", "extra_lora_scale"}
        | {"lora_weights_transformer", "lora_scale_transformer", "replicate_weights"}
        | {"lora_weights_transformer_2", "lora_scale_transformer_2"}
        # how it looks
        | {"mode", "quality", "motion_mode", "camera_fixed", "camera_motion", "camera_movement", "effect", "style"}
        | {"loop", "resize_mode"}
        # what comes out
        | {"output_format", "output_quality", "num_outputs", "watermark", "remove_watermark"}
        | {"disable_safety_checker", "safety_tolerance"}
    ),
    prefix="input.",
    labels={"model": "version"},
)

_SHAPES = {"portrait": "9:16", "landscape": "16:9", "square": "1:1", "keep_ratio": "auto", "match_input_image": "auto"}
_LENGTH = re.compile(r"([0-9]{1,4})_frames\w*")
_SECRET = re.compile(r".*(?:api_?key|token|secret|password)", re.IGNORECASE)
REDACTED = "[REDACTED]"

MOST_SHOWN = 64_000
"""How many characters of an input, as JSON, are kept with its video."""
MOST_NAMES = 200
LEFT_OUT = "… (too long to be kept)"
LONGEST_SHOWN = 40_000
"""How many characters of a single string are kept."""
SHOWN_OF_DATA_URI = 60


def adapted(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with values in our forms where Replicate's models use others."""
    return {name: _adapted(name, value) for name, value in fields.items()}


def _adapted(name: str, value: Any) -> Any:
    if name == "seed" and value == -1 and not isinstance(value, bool):
        return None  # the same as no seed: one is drawn
    if name == "interpolate_output" and isinstance(value, bool):
        return 2 if value else None
    if not isinstance(value, str):
        return value
    if name == "size":
        return value.replace("*", "x")
    if name == "aspect_ratio":
        return _SHAPES.get(value.strip().lower(), value)
    match = _LENGTH.fullmatch(value) if name == "video_length" else None
    return int(match[1]) if match else value


def shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The input as it is stored with the video and shown again: without the content of files, and without secrets.

    It is part of every list of predictions, so its size is bounded: the largest values are left out of one that is
    larger.
    """
    told = _told(fields)
    sizes = {name: len(json.dumps(value)) for name, value in told.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= MOST_SHOWN:
            break
        told[name], sizes[name] = LEFT_OUT, len(LEFT_OUT)
    return dict(list(told.items())[:MOST_NAMES])


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _sendable(name): REDACTED if value and _SECRET.fullmatch(name) else _shown(value)
        for name, value in fields.items()
    }


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return _told(value)
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    if not isinstance(value, str):
        return value if isinstance(value, int | float | None) else str(value)
    longest = SHOWN_OF_DATA_URI if value[:5].lower() == "data:" else LONGEST_SHOWN
    return _sendable(value if len(value) <= longest else f"{value[:longest]}…")


def _sendable(text: str) -> str:
    """The text with lone surrogates replaced, since these cannot be encoded as UTF-8."""
    return text.encode("utf-8", "replace").decode()
