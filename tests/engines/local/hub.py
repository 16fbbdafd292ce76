"""A cache of the Hub with tiny models under the real names: a recipe is loaded from it as a user's machine loads it.

The weights are random and small; the scheduler's file (and the guider's) of each repository is the real one, as it lies
in `repositories/`, so that what a recipe changes in it shows.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.engines.local import tiny, tiny_others, tiny_wan

REAL = Path(__file__).parent / "repositories"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

_WAN_LORA = [f"diffusion_model.blocks.0.self_attn.{name}" for name in "qkv"]


def _distilled(*files: str) -> Callable[[Path], None]:
    """A repository of LoRAs in the form that LightX2V's have, which diffusers converts."""

    def write(folder: Path) -> None:
        for seed, file in enumerate(files):
            tiny_others.lora(folder / file, _WAN_LORA, 24, seed)

    return write


BUILDERS: Mapping[str, Callable[[Path], object]] = {
    "stabilityai/stable-video-diffusion-img2vid-xt": tiny.svd,
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": tiny_wan.text,
    "Wan-AI/Wan2.1-T2V-14B-Diffusers": tiny_wan.text,
    "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers": tiny_wan.image,
    "Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers": tiny_wan.first_last,
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers": tiny_wan.vace,
    "Wan-AI/Wan2.1-VACE-14B-diffusers": tiny_wan.vace,
    "Wan-AI/Wan2.2-T2V-A14B-Diffusers": tiny_wan.text_two_experts,
    "Wan-AI/Wan2.2-I2V-A14B-Diffusers": tiny_wan.image_two_experts,
    "Wan-AI/Wan2.2-TI2V-5B-Diffusers": tiny_wan.text,
    "Skywork/SkyReels-V2-T2V-14B-540P-Diffusers": tiny_wan.skyreels,
    "Skywork/SkyReels-V2-I2V-1.3B-540P-Diffusers": tiny_wan.skyreels_image,
    "Lightricks/LTX-Video": tiny.ltx,
    "Lightricks/LTX-2": tiny_others.ltx2,
    "diffusers/LTX-2.3-Distilled-Diffusers": tiny_others.ltx2,
    "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v": tiny_others.hunyuan,
    "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_i2v": tiny_others.hunyuan_image,
    "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_i2v_step_distilled": tiny_others.hunyuan_image,
    "genmo/mochi-1-preview": tiny_others.mochi,
    "THUDM/CogVideoX-2b": tiny.cogvideox,
    "THUDM/CogVideoX-5b-I2V": tiny_others.cogvideox_image,
    "stable-diffusion-v1-5/stable-diffusion-v1-5": tiny_others.stable_diffusion,
    "guoyww/animatediff-motion-adapter-v1-5-2": tiny_others.motion_adapter,
    "wangfuyun/AnimateLCM": tiny_others.animatelcm,
    "madebyollin/taesd": tiny_others.taesd,
    "lightx2v/Wan2.1-Distill-Loras": _distilled(
        "wan2.1_t2v_14b_lora_rank64_lightx2v_4step.safetensors",
        "wan2.1_i2v_lora_rank64_lightx2v_4step.safetensors",
    ),
    "lightx2v/Wan2.2-Lightning": _distilled(
        *(
            f"{folder}/{noise}_noise_model.safetensors"
            for folder in (
                "Wan2.2-T2V-A14B-4steps-lora-rank64-Seko-V1.1",
                "Wan2.2-I2V-A14B-4steps-lora-rank64-Seko-V1",
            )
            for noise in ("high", "low")
        )
    ),
}


def put(cache: Path, repo: str) -> Path:
    """The folder of `repo` in the cache, made if it is not there."""
    home = cache / f"models--{repo.replace('/', '--')}"
    folder = home / "snapshots" / COMMIT
    if not folder.is_dir():
        BUILDERS[repo](folder)
        _dress(folder, REAL / repo.replace("/", "--"))
        (home / "refs").mkdir(parents=True)
        (home / "refs" / "main").write_text(COMMIT)
    return folder


def _dress(folder: Path, real: Path) -> None:
    """The real scheduler and guider: their files, and their classes in the index."""
    if not (real / "model_index.json").is_file():
        return
    index_file = folder / "model_index.json"
    index = json.loads(index_file.read_text())
    theirs = json.loads((real / "model_index.json").read_text())
    for part, file in (("scheduler", "scheduler_config.json"), ("guider", "guider_config.json")):
        if (real / part / file).is_file():
            shutil.copy(real / part / file, folder / part / file)
            index[part] = theirs[part]
    for name in ("boundary_ratio", "expand_timesteps", "force_zeros_for_empty_prompt"):
        if name in theirs:
            index[name] = theirs[name]
    index_file.write_text(json.dumps(index, indent=2))
