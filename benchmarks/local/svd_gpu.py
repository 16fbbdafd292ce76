"""Stable Video Diffusion XT at its real size with random weights: plain diffusers against `exact` and `fast`.

    python -m benchmarks.local.svd_gpu [--toy] [--rounds 3] [--compile]

Random weights have the real arithmetic, so nothing is downloaded. Each mode is the pipeline as the engine's own loader
and speed levers make it, asked for 24 frames of 512x512 and 25 frames of 576x1024, 25 steps. Prints seconds (median),
the memory peak, and SSIM and PSNR of the frames against the plain result. Random weights make noise: agreement on noise
says that the arithmetic is the same; what an approximation costs in looks needs the trained weights (`--weights`).

`--toy` runs the same path with a tiny configuration, on a machine without a GPU too.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
)
from numpy.typing import NDArray
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

from reelwright.engines.local import memory, pipeline, speed
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Options
from reelwright.engines.local.recipe import Placement, Tier
from tests.engines.local import tiny

# The engine's recipe fixes this for a resident pipeline.
CHUNK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    frames: int
    width: int
    height: int
    steps: int

    def __str__(self) -> str:
        return f"{self.frames} frames of {self.width}x{self.height}, {self.steps} steps"


REAL = (
    Job(frames=24, width=512, height=512, steps=25),
    Job(frames=25, width=1024, height=576, steps=25),
)
TOY = (Job(frames=8, width=64, height=64, steps=7),)


def real_configuration(folder: Path) -> Path:
    """The published configuration: a UNet of 1.525 billion parameters, ViT-H, the temporal VAE. In half precision."""
    torch.manual_seed(0)
    unet = UNetSpatioTemporalConditionModel(
        sample_size=96, num_frames=25, num_attention_heads=(5, 10, 20, 20), addition_time_embed_dim=256
    )
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=768,
        scaling_factor=0.18215,
    )
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=1280,
            intermediate_size=5120,
            num_hidden_layers=32,
            num_attention_heads=16,
            patch_size=14,
            projection_dim=1024,
        )
    )
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        interpolation_type="linear",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=700.0,
        timestep_spacing="leading",
        timestep_type="continuous",
        steps_offset=1,
    )
    pipe = StableVideoDiffusionPipeline(
        vae=vae.half(),
        image_encoder=encoder.half(),
        unet=unet.half(),
        scheduler=scheduler,
        feature_extractor=CLIPImageProcessorPil(crop_size=224, size={"shortest_edge": 224}),
    )
    pipe.save_pretrained(folder)
    return folder


def run(pipe: Any, speedup: speed.Speedup, job: Job) -> NDArray[np.float32]:
    picture = PIL.Image.radial_gradient("L").resize((job.width, job.height)).convert("RGB")
    with torch.no_grad(), speedup.around():
        latents = pipe(
            picture,
            width=job.width,
            height=job.height,
            num_frames=job.frames,
            num_inference_steps=job.steps,
            fps=12,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="latent",
        ).frames
        pixels = pipe.decode_latents(latents, job.frames, CHUNK)
        frames: NDArray[np.float32] = pipe.video_processor.postprocess_video(pixels, output_type="np")[0]
    return frames


def measure(
    mode: str, folder: Path, device: Device, jobs: tuple[Job, ...], rounds: int, compiles: bool
) -> dict[Job, tuple[float, float, NDArray[np.float32]]]:
    """Median seconds, peak GiB of GPU memory and the frames of each job in one mode. The first run is not counted."""
    options = Options.parse({"models": {"svd": {"source": str(folder), "image": None}}, "speed": mode})
    if compiles:
        options = Options.parse({"models": {"svd": str(folder)}, "speed": mode, "compile": True})
    model = options.models["svd"]
    tier = Tier(placement=Placement.RESIDENT, memory=0, decode_chunk=CHUNK)
    loaded = pipeline.load_video(model, "StableVideoDiffusionPipeline", device, tier, previews=False)
    speedup = speed.switch_on(loaded.pipe, speed.names(model.recipe, options, device, tier.placement))
    print(f"{mode}: {', '.join(speedup.names) or 'no levers'}")
    results = {}
    for job in jobs:
        begin = time.perf_counter()
        frames = run(loaded.pipe, speedup, job)
        print(f"  first run of {job}: {time.perf_counter() - begin:.1f} s", flush=True)
        if device.torch_device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        seconds = []
        for _ in range(rounds):
            begin = time.perf_counter()
            frames = run(loaded.pipe, speedup, job)
            seconds.append(time.perf_counter() - begin)
        peak = torch.cuda.max_memory_allocated() / 2**30 if device.torch_device.type == "cuda" else float("nan")
        results[job] = (statistics.median(seconds), peak, frames)
    del loaded
    memory.give_back(device.torch_device)
    return results


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Decibels for values in 0 … 1; infinite for equal frames."""
    error = float(np.mean((a - b) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean structural similarity of the luma (Wang et al. 2004), with a uniform window of 8 × 8 pixels."""
    weights = torch.tensor([0.299, 0.587, 0.114])
    x, y = ((torch.from_numpy(frames).float() @ weights).unsqueeze(1) for frames in (a, b))

    def mean(values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(values, 8, stride=4)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return float((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true", help="a tiny configuration and clip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="compile without a GPU too (needs a C++ compiler)")
    parser.add_argument("--weights", type=Path, help="a folder of trained weights instead of random ones")
    chosen = parser.parse_args()
    pipeline.quiet()
    device = memory.find_device("auto", None)
    if not chosen.toy and not device.accelerator:
        parser.error("the real size needs a GPU; try --toy")
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.weights or (tiny.svd if chosen.toy else real_configuration)(Path(temporary) / "svd")
        compare(folder, device, TOY if chosen.toy else REAL, chosen)


def compare(folder: Path, device: Device, jobs: tuple[Job, ...], chosen: argparse.Namespace) -> None:
    print(f"{device.describe()}, torch {torch.__version__}")
    modes = {
        mode: measure(mode, folder, device, jobs, chosen.rounds, chosen.compile and mode != "plain")
        for mode in ("plain", "exact", "fast")
    }
    for job in jobs:
        base_seconds, _, base_frames = modes["plain"][job]
        print(f"\n{job}\n  mode    seconds  speed-up  peak GiB    SSIM   PSNR dB")
        for mode, results in modes.items():
            seconds, peak, frames = results[job]
            quality = f"{ssim(base_frames, frames):7.4f} {psnr(base_frames, frames):9.1f}"
            print(f"  {mode:<6} {seconds:8.2f} {base_seconds / seconds:9.2f} {peak:9.1f} {quality}")


if __name__ == "__main__":
    main()
