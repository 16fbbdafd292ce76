"""Stable Video Diffusion XT at its real size with random weights: plain diffusers against `exact` and `fast`.

    python -m benchmarks.local.svd_gpu [--toy] [--rounds 3] [--modes plain,exact,fast] [--sizes 512x512,1024x576]

Random weights have the real arithmetic, so nothing is downloaded. Each mode is the pipeline as the engine's own loader
and speed levers make it, asked for 24 frames of 512x512 and 25 frames of 1024x576, 25 steps. Prints a row of a Markdown
table as soon as it is measured: seconds (median), the memory peak, SSIM and PSNR of the frames against the plain one.
A mode that fails is told in its row, and the others go on. Random weights make noise: agreement on noise says that the
arithmetic is the same; what an approximation costs in looks needs the trained weights (`--weights`).

`--toy` runs the same path with a tiny configuration, on a machine without a GPU too.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import traceback
from collections.abc import Iterator
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
TOY = (Job(frames=8, width=64, height=64, steps=25),)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`seconds`: the median, `first`: the run before those, with all compiling; `peak`: GiB of GPU memory, if any."""

    seconds: float
    first: float
    peak: float | None
    frames: NDArray[np.float32]


class Stage:
    """One mode's pipeline, ready to be measured."""

    def __init__(self, mode: str, folder: Path, device: Device, compiles: bool | None) -> None:
        models = {"svd": {"source": str(folder), "image": None}}
        options = Options.parse({"models": models, "speed": mode, "compile": compiles})
        model = options.models["svd"]
        tier = Tier(placement=Placement.RESIDENT, memory=0, decode_chunk=CHUNK)
        self._device = device.torch_device
        self._pipe = pipeline.load_video(model, "StableVideoDiffusionPipeline", device, tier, previews=False).pipe
        self._speedup = speed.switch_on(self._pipe, speed.names(model.recipe, options, device, tier.placement))

    @property
    def levers(self) -> str:
        return ", ".join(self._speedup.names) or "none"

    def measure(self, job: Job, rounds: int) -> Measured:
        first, _ = self._timed(job)
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        runs = [self._timed(job) for _ in range(rounds)]
        peak = torch.cuda.max_memory_allocated(self._device) / 2**30 if self._device.type == "cuda" else None
        return Measured(
            seconds=statistics.median(seconds for seconds, _ in runs), first=first, peak=peak, frames=runs[-1][1]
        )

    def _timed(self, job: Job) -> tuple[float, NDArray[np.float32]]:
        begin = time.perf_counter()
        frames = run(self._pipe, self._speedup, job)
        return time.perf_counter() - begin, frames


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
    parser.add_argument("--modes", default="plain,exact,fast")
    parser.add_argument("--sizes", default=",".join(map(_size, REAL)), help="which of the sizes")
    parser.add_argument("--compile", action="store_true", help="compile without a GPU too (needs a C++ compiler)")
    parser.add_argument("--weights", type=Path, help="a folder of trained weights instead of random ones")
    chosen = parser.parse_args()
    pipeline.quiet()
    device = memory.find_device("auto", None)
    if not chosen.toy and not device.accelerator:
        parser.error("the real size needs a GPU; try --toy")
    jobs = TOY if chosen.toy else tuple(job for job in REAL if _size(job) in chosen.sizes.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.weights or (tiny.svd if chosen.toy else real_configuration)(Path(temporary) / "svd")
        compare(folder, device, jobs, chosen)


def _size(job: Job) -> str:
    return f"{job.width}x{job.height}"


def compare(folder: Path, device: Device, jobs: tuple[Job, ...], chosen: argparse.Namespace) -> None:
    print(f"{device.describe()}, torch {torch.__version__}, medians of {chosen.rounds}\n")
    print("| clip | mode | seconds | speed-up | first run | peak GiB | SSIM | PSNR dB |")
    print("|---|---|---|---|---|---|---|---|")
    plain: dict[Job, Measured] = {}
    levers: dict[str, str] = {}
    for mode in chosen.modes.split(","):
        for job, measured in attempts(mode, folder, device, jobs, chosen, levers):
            if isinstance(measured, str):
                print(f"| {job} | {mode} | {measured} | | | | | |", flush=True)
                continue
            if mode == "plain":
                plain[job] = measured
            print(f"| {job} | {mode} | {_cells(measured, plain.get(job))} |", flush=True)
        memory.give_back(device.torch_device)
        torch.compiler.reset()
    print()
    for mode, names in levers.items():
        print(f"- {mode}: {names}")


def attempts(
    mode: str,
    folder: Path,
    device: Device,
    jobs: tuple[Job, ...],
    chosen: argparse.Namespace,
    levers: dict[str, str],
) -> Iterator[tuple[Job, Measured | str]]:
    """Each job's figures in one mode, or why there are none: no failure may cost the figures of the others."""
    stage: Stage | None = None
    for job in jobs:
        try:
            stage = stage or Stage(mode, folder, device, True if chosen.compile and mode != "plain" else None)
            levers[mode] = stage.levers
            yield job, stage.measure(job, chosen.rounds)
        except Exception as error:  # noqa: BLE001 - told in the table, with its traceback below it
            traceback.print_exc()
            yield job, f"failed: {type(error).__name__}"


def _cells(measured: Measured, plain: Measured | None) -> str:
    cells = [f"{measured.seconds:.2f}", "", f"{measured.first:.1f}"]
    cells += ["" if measured.peak is None else f"{measured.peak:.1f}", "", ""]
    if plain is not None:
        cells[1] = f"{plain.seconds / measured.seconds:.2f}"
        cells[4:] = [f"{ssim(plain.frames, measured.frames):.4f}", f"{psnr(plain.frames, measured.frames):.1f}"]
    return " | ".join(cells)


if __name__ == "__main__":
    main()
