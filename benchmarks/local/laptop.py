"""How long `animatelcm`, the recipe for a machine without a GPU, takes on this one: its real networks, random weights.

    python -m benchmarks.local.laptop [--side 320] [--steps 4]

The weights have the real sizes, so the work is the real one; what comes out is noise. Run it on a machine that does
nothing else. Needs 15 GB of disk in TMPDIR.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, MotionAdapter, PNDMScheduler, StableDiffusionPipeline
from diffusers import UNet2DConditionModel as UNet
from transformers import CLIPTextConfig, CLIPTextModel

from reelwright.engines.local import pipeline
from reelwright.engines.local.recipes import RECIPES
from tests.engines.local import tiny, tiny_others
from tests.engines.local.hub import COMMIT, REAL

SD, LCM, TAESD = "stable-diffusion-v1-5/stable-diffusion-v1-5", "wangfuyun/AnimateLCM", "madebyollin/taesd"


def configuration(repo: str, part: str = ".") -> dict[str, Any]:
    told: dict[str, Any] = json.loads((REAL / repo.replace("/", "--") / part / "config.json").read_text())
    return told


def snapshot(cache: Path, repo: str) -> Path:
    home = cache / f"models--{repo.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    return home / "snapshots" / COMMIT


def fill(cache: Path) -> None:
    """The three repositories, in half precision, as they are published."""
    pipe = StableDiffusionPipeline(
        vae=AutoencoderKL.from_config(configuration(SD, "vae")),
        text_encoder=CLIPTextModel(CLIPTextConfig(**configuration(SD, "text_encoder"))),
        tokenizer=tiny.clip_tokenizer(),
        unet=UNet.from_config(configuration(SD, "unet")),
        scheduler=PNDMScheduler.from_config(
            json.loads((REAL / SD.replace("/", "--") / "scheduler" / "scheduler_config.json").read_text())
        ),
        safety_checker=None,
        feature_extractor=None,  # type: ignore[arg-type]
        requires_safety_checker=False,
    )
    pipe.to(torch.float16).save_pretrained(snapshot(cache, SD))
    folder = snapshot(cache, LCM)
    MotionAdapter.from_config(configuration(LCM)).to(torch.float16).save_pretrained(folder)
    names = [f"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_{name}" for name in "qkv"]
    tiny_others.lora(folder / "AnimateLCM_sd15_t2v_lora.safetensors", names, 320)
    AutoencoderTiny.from_config(configuration(TAESD)).to(torch.float16).save_pretrained(snapshot(cache, TAESD))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--side", type=int, default=RECIPES["animatelcm"].width)
    asked.add_argument("--steps", type=int, default=RECIPES["animatelcm"].steps)
    arguments = asked.parse_args()
    pipeline.quiet()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HF_HUB_CACHE"] = folder
        fill(Path(folder))

        from reelwright.engines.local.engine import LocalEngine
        from reelwright.testing import run_here
        from tests.engines.local.studio import a_request

        engine = LocalEngine(models="animatelcm")
        engine.load()
        for number in (1, 2):
            request = a_request(
                "animatelcm",
                width=arguments.side,
                height=arguments.side,
                num_frames=16,
                fps=8,
                num_inference_steps=arguments.steps,
                seed=number,
            )
            begun, cpu = time.monotonic(), time.process_time()
            run_here(engine, request, Path(folder) / "jobs")
            wall, cpu = time.monotonic() - begun, time.process_time() - cpu
            what = "with loading" if number == 1 else "warm"
            sys.stdout.write(f"{what:<14}{wall:8.0f} s  {cpu:8.0f} s of CPU\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
