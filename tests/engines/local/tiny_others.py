"""Tiny pipelines of the other families, each laid out as its real repository is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    AutoencoderKLMochi,
    AutoencoderTiny,
    CogVideoXDDIMScheduler,
    CogVideoXImageToVideoPipeline,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15ImageToVideoPipeline,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
    LTX2Pipeline,
    LTX2VideoTransformer3DModel,
    MochiPipeline,
    MochiTransformer3DModel,
    MotionAdapter,
    PNDMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.guiders import ClassifierFreeGuidance
from diffusers.pipelines.ltx2 import LTX2TextConnectors, LTX2Vocoder
from transformers import (
    ByT5Tokenizer,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    GemmaTokenizer,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    Qwen2Tokenizer,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
    T5Config,
    T5EncoderModel,
)

from tests.engines.local import tiny

# --- HunyuanVideo 1.5 -------------------------------------------------------------------------------------------------

_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _qwen_tokenizer() -> Qwen2Tokenizer:
    """One token a byte, in the way of byte-level BPE: printable bytes as they are, the others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    pieces = [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(others))]
    pieces += ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2Tokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[])
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


def _hunyuan(task: str, *, meanflow: bool = False) -> dict[str, Any]:
    text = Qwen2_5_VLTextConfig(
        vocab_size=300,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=2,
        rope_parameters={"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
    )
    return {
        "transformer": HunyuanVideo15Transformer3DModel(
            in_channels=9,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_refiner_layers=1,
            mlp_ratio=2.0,
            text_embed_dim=16,
            text_embed_2_dim=32,
            image_embed_dim=12,
            rope_axes_dim=(2, 2, 4),
            target_size=64,
            task_type=task,
            use_meanflow=meanflow,
        ).eval(),
        "vae": AutoencoderKLHunyuanVideo15(
            latent_channels=4,
            block_out_channels=(16, 16, 16, 16, 16),
            layers_per_block=1,
            downsample_match_channel=False,
            upsample_match_channel=False,
        ).eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "text_encoder": Qwen2_5_VLTextModel(text).eval(),
        "tokenizer": _qwen_tokenizer(),
        "text_encoder_2": T5EncoderModel(
            T5Config(vocab_size=400, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4)
        ).eval(),
        "tokenizer_2": ByT5Tokenizer(),
        "guider": ClassifierFreeGuidance(guidance_scale=3.0),
    }


def hunyuan(folder: Path) -> None:
    torch.manual_seed(11)
    HunyuanVideo15Pipeline(**_hunyuan("t2v")).save_pretrained(folder)


def hunyuan_image(folder: Path) -> None:
    torch.manual_seed(12)
    config = SiglipVisionConfig(
        hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=54, patch_size=2
    )
    HunyuanVideo15ImageToVideoPipeline(
        **_hunyuan("i2v"),
        image_encoder=SiglipVisionModel(config).eval(),
        feature_extractor=SiglipImageProcessorPil(size={"height": 54, "width": 54}),
    ).save_pretrained(folder)


# --- LTX-2 ------------------------------------------------------------------------------------------------------------


def _gemma() -> Gemma3ForConditionalGeneration:
    config = Gemma3Config(
        text_config={
            "vocab_size": 400,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "sliding_window": 32,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
        },
        mm_tokens_per_image=4,
        image_token_index=399,
    )
    return Gemma3ForConditionalGeneration(config).eval()


def _gemma_tokenizer() -> GemmaTokenizer:
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    return GemmaTokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=[],
        model_max_length=64,
        padding_side="left",
    )


def ltx2(folder: Path) -> None:
    torch.manual_seed(13)
    vae = AutoencoderKLLTX2Video(
        latent_channels=4,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1),
        decoder_inject_noise=(False, False, False, False),
        decoder_causal=False,
        upsample_residual=(False, False, False),
        upsample_factor=(1, 1, 1),
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )
    transformer = LTX2VideoTransformer3DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        audio_in_channels=4,
        audio_out_channels=4,
        audio_num_attention_heads=2,
        audio_attention_head_dim=4,
        audio_cross_attention_dim=8,
        num_layers=30,
        caption_channels=16,
        rope_double_precision=False,
        rope_type="split",
    )
    connectors = LTX2TextConnectors(
        caption_channels=16,
        text_proj_in_factor=3,
        video_connector_num_attention_heads=2,
        video_connector_attention_head_dim=8,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=8,
        audio_connector_num_attention_heads=2,
        audio_connector_attention_head_dim=8,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=8,
        connector_rope_base_seq_len=32,
        rope_double_precision=False,
        rope_type="split",
    )
    audio_vae = AutoencoderKLLTX2Audio(
        base_channels=4, ch_mult=(1, 1, 1), num_res_blocks=1, resolution=32, latent_channels=2, mel_bins=8
    )
    vocoder = LTX2Vocoder(
        in_channels=16,
        hidden_channels=32,
        upsample_kernel_sizes=[4, 4],
        upsample_factors=[2, 2],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]],
        output_sampling_rate=16_000,
    )
    LTX2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae.eval(),
        audio_vae=audio_vae.eval(),
        text_encoder=_gemma(),
        tokenizer=_gemma_tokenizer(),
        connectors=connectors.eval(),
        transformer=transformer.eval(),
        vocoder=vocoder.eval(),
    ).save_pretrained(folder)


# --- Mochi, CogVideoX -------------------------------------------------------------------------------------------------


def mochi(folder: Path) -> None:
    torch.manual_seed(14)
    transformer = MochiTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        pooled_projection_dim=16,
        text_embed_dim=32,
        time_embed_dim=4,
        max_sequence_length=256,
    )
    torch.nn.init.normal_(transformer.pos_frequencies)
    vae = AutoencoderKLMochi(
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        layers_per_block=(1, 1, 1, 1, 1),
    )
    MochiPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae.eval(),
        text_encoder=tiny.t5(),
        tokenizer=tiny.t5_tokenizer(),
        transformer=transformer.eval(),
    ).save_pretrained(folder)


def cogvideox_image(folder: Path) -> None:
    torch.manual_seed(15)
    CogVideoXImageToVideoPipeline(
        tokenizer=tiny.t5_tokenizer(),
        text_encoder=tiny.t5(),
        vae=tiny.cogvideox_vae(),
        transformer=tiny.cogvideox_transformer(
            in_channels=8, attention_head_dim=16, use_rotary_positional_embeddings=True
        ),
        scheduler=CogVideoXDDIMScheduler(),
    ).save_pretrained(folder)


# --- Stable Diffusion 1.5 and what AnimateDiff adds -------------------------------------------------------------------


def stable_diffusion(folder: Path) -> None:
    torch.manual_seed(16)
    unet = UNet2DConditionModel(
        block_out_channels=(32, 32),
        layers_per_block=1,
        sample_size=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
    )
    StableDiffusionPipeline(
        vae=tiny.image_vae(),
        text_encoder=tiny.clip_text(32).eval(),
        tokenizer=tiny.clip_tokenizer(),
        unet=unet.eval(),
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def motion_adapter(folder: Path) -> None:
    torch.manual_seed(17)
    adapter = MotionAdapter(block_out_channels=(32, 32), motion_layers_per_block=1, motion_num_attention_heads=4)
    adapter.save_pretrained(folder)


def animatelcm(folder: Path) -> None:
    motion_adapter(folder)
    names = [f"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_{name}" for name in "qkv"]
    lora(folder / "AnimateLCM_sd15_t2v_lora.safetensors", names, 32)


def taesd(folder: Path) -> None:
    torch.manual_seed(18)
    AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4).save_pretrained(folder)


def lora(file: Path, names: list[str], width: int, seed: int = 1) -> None:
    """Rank 4 on linear layers of that width."""
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    sides = (("lora_A", (4, width)), ("lora_B", (width, 4)))
    tensors = {f"{name}.{side}.weight": torch.randn(*shape) / math.sqrt(4) for name in names for side, shape in sides}
    save_file(tensors, file)
