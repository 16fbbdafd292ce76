"""Tiny pipelines of the Wan family, each laid out as its real repository is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLWan,
    SkyReelsV2ImageToVideoPipeline,
    SkyReelsV2Pipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
    UMT5Config,
    UMT5EncoderModel,
)

from tests.engines.local.tiny import t5_tokenizer

_WIDTH = 24


def transformer(kind: Any = WanTransformer3DModel, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "patch_size": (1, 2, 2),
        "num_attention_heads": 2,
        "attention_head_dim": _WIDTH // 2,
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": 32,
        "freq_dim": 256,
        "ffn_dim": 32,
        "num_layers": 2,
        "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads",
        "rope_max_seq_len": 32,
    }
    return kind(**(settings | changes)).eval()


def _components(**more: Any) -> dict[str, Any]:
    config = UMT5Config(vocab_size=100, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4)
    return {
        "tokenizer": t5_tokenizer(),
        "text_encoder": UMT5EncoderModel(config).eval(),
        "vae": AutoencoderKLWan(
            base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
        ).eval(),
        "scheduler": UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True),
    } | more


def _vision(kind: Any) -> Any:
    config = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=28,
        patch_size=14,
        projection_dim=32,
    )
    return kind(config).eval()


def _seeing(kind: Any = CLIPVisionModel) -> dict[str, Any]:
    processor = CLIPImageProcessorPil(crop_size=28, size={"shortest_edge": 28})
    return {"image_encoder": _vision(kind), "image_processor": processor}


_SEES = {"in_channels": 36, "image_dim": 32, "added_kv_proj_dim": _WIDTH}


def text(folder: Path) -> None:
    torch.manual_seed(1)
    WanPipeline(**_components(transformer=transformer())).save_pretrained(folder)


def text_two_experts(folder: Path) -> None:
    torch.manual_seed(2)
    parts = _components(transformer=transformer(), transformer_2=transformer(), boundary_ratio=0.875)
    WanPipeline(**parts).save_pretrained(folder)


def image(folder: Path) -> None:
    torch.manual_seed(3)
    WanImageToVideoPipeline(**_components(transformer=transformer(**_SEES), **_seeing())).save_pretrained(folder)


def first_last(folder: Path) -> None:
    torch.manual_seed(4)
    # Two images of (28 / 14)² + 1 tokens each.
    parts = _components(transformer=transformer(**_SEES, pos_embed_seq_len=10), **_seeing())
    WanImageToVideoPipeline(**parts).save_pretrained(folder)


def image_two_experts(folder: Path) -> None:
    torch.manual_seed(5)
    parts = _components(
        transformer=transformer(in_channels=36), transformer_2=transformer(in_channels=36), boundary_ratio=0.9
    )
    WanImageToVideoPipeline(**parts, image_encoder=None, image_processor=None).save_pretrained(folder)


def vace(folder: Path) -> None:
    torch.manual_seed(6)
    model = transformer(WanVACETransformer3DModel, vace_layers=[0], vace_in_channels=96)
    WanVACEPipeline(**_components(transformer=model)).save_pretrained(folder)


def skyreels(folder: Path) -> None:
    torch.manual_seed(7)
    SkyReelsV2Pipeline(**_components(transformer=transformer(SkyReelsV2Transformer3DModel))).save_pretrained(folder)


def skyreels_image(folder: Path) -> None:
    torch.manual_seed(8)
    parts = _components(transformer=transformer(SkyReelsV2Transformer3DModel, **_SEES))
    SkyReelsV2ImageToVideoPipeline(**parts, **_seeing(CLIPVisionModelWithProjection)).save_pretrained(folder)
