"""Model folders with random weights: Stable Video Diffusion XT and Wan 2.1 1.3B at their published configurations.

    python -m benchmarks.local.configurations {svd|wan} FOLDER [--toy]

Random weights have the real arithmetic and the real bytes, so nothing is downloaded. They are made and saved in half
precision (Wan's VAE in float32), on the GPU where there is one: filling seven billion numbers takes a CPU a minute.
`--toy` saves the tests' tiny pipelines instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    AutoencoderKLWan,
    EulerDiscreteScheduler,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    UMT5Config,
    UMT5EncoderModel,
)

from reelwright.engines.local import pipeline
from tests.engines.local import tiny

Parts = Mapping[str, Callable[[], torch.nn.Module]]

SVD: Parts = {
    "unet": lambda: UNetSpatioTemporalConditionModel(
        sample_size=96, num_frames=25, num_attention_heads=(5, 10, 20, 20), addition_time_embed_dim=256
    ),
    "vae": lambda: AutoencoderKLTemporalDecoder(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=768,
        scaling_factor=0.18215,
    ),
    "image_encoder": lambda: CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=1280,
            intermediate_size=5120,
            num_hidden_layers=32,
            num_attention_heads=16,
            patch_size=14,
            projection_dim=1024,
        )
    ),
}

WAN: Parts = {
    "transformer": lambda: WanTransformer3DModel(
        num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=30
    ),
    "text_encoder": lambda: UMT5EncoderModel(
        UMT5Config(
            vocab_size=256384,
            d_model=4096,
            d_ff=10240,
            num_layers=24,
            num_heads=64,
            d_kv=64,
            feed_forward_proj="gated-gelu",
        )
    ),
    "vae": AutoencoderKLWan,
}


def svd(folder: Path) -> Path:
    made = {name: _made(make, torch.float16) for name, make in SVD.items()}
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
    processor = CLIPImageProcessorPil(crop_size=224, size={"shortest_edge": 224})
    StableVideoDiffusionPipeline(scheduler=scheduler, feature_extractor=processor, **made).save_pretrained(folder)
    return folder


def wan(folder: Path) -> Path:
    widths = {"vae": torch.float32}
    made = {name: _made(make, widths.get(name, torch.bfloat16)) for name, make in WAN.items()}
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    WanPipeline(scheduler=scheduler, tokenizer=tiny.t5_tokenizer(), **made).save_pretrained(folder)
    return folder


def _made(make: Callable[[], torch.nn.Module], dtype: torch.dtype) -> torch.nn.Module:
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"), _numbers(dtype):
        return make().to(dtype).eval()


@contextmanager
def _numbers(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=("svd", "wan"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--toy", action="store_true", help="a tiny configuration")
    chosen = parser.parse_args()
    pipeline.quiet()
    makers = {"svd": tiny.svd, "wan": tiny.wan} if chosen.toy else {"svd": svd, "wan": wan}
    makers[chosen.model](chosen.folder)


if __name__ == "__main__":
    main()
