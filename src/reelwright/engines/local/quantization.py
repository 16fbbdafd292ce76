"""Weights in 8 bits, by torchao: they take half the memory (`int8`, `float8`), or are multiplied faster (`fast`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

QUANTISED = ("transformer", "transformer_2", "text_encoder", "text_encoder_2")
"""The components that a quantisation takes, where a pipeline has them: those of many linear layers."""


WEIGHT_ONLY = ("int8", "float8")
"""Those that torchao does. `layerwise` is diffusers' own: networks of convolutions, too, but no text encoders."""

LAYERWISE = ("transformer", "transformer_2", "unet")


def quantised(kind: str | None) -> tuple[str, ...]:
    """The components that are in 8 bits with that choice."""
    return QUANTISED if kind in WEIGHT_ONLY else LAYERWISE if kind else ()


def cast_layerwise(pipe: Any, dtype: torch.dtype) -> None:
    """Keep the denoising networks' weights in float8 and widen each layer's to `dtype` while it works."""
    for name in LAYERWISE:
        if (part := pipe.components.get(name)) is not None:
            part.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)


def pipeline_config(kind: str, index: Mapping[str, Any]) -> Any:
    """diffusers' configuration for loading a pipeline with weights in `int8` or `float8`.

    `index`: the pipeline's model_index.json.
    """
    import diffusers
    import transformers
    from diffusers.quantizers.pipe_quant_config import PipelineQuantizationConfig
    from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig

    chosen = {"int8": Int8WeightOnlyConfig, "float8": Float8WeightOnlyConfig}[kind]
    libraries = {"diffusers": diffusers.TorchAoConfig, "transformers": transformers.TorchAoConfig}
    mapping = {
        name: libraries[index[name][0]](chosen())
        for name in QUANTISED
        if isinstance(index.get(name), list) and index[name][0] in libraries
    }
    return PipelineQuantizationConfig(quant_mapping=mapping)


def multiplies_float8() -> bool:
    """Whether this card multiplies 8-bit floating point: compute capability 8.9 and up, or AMD's MI300 and up."""
    from torchao.utils import is_MI300, is_sm_at_least_89

    return bool(is_sm_at_least_89() or is_MI300())


def to_dynamic_float8(module: Any) -> None:
    """Weights in e4m3 with one scale an output; inputs quantised on the fly with one scale a row."""
    from torchao.quantization import Float8DynamicActivationFloat8WeightConfig, PerRow, quantize_

    quantize_(module, Float8DynamicActivationFloat8WeightConfig(granularity=PerRow()), filter_fn=gains)


def gains(part: torch.nn.Module, name: str) -> bool:
    """Whether a layer is worth it: large enough, and of sides that the hardware takes (multiples of 16).

    Those of time and other embeddings stay whole: they have a row or two, and all layers hang on them.
    """
    if not isinstance(part, torch.nn.Linear) or "emb" in name:
        return False
    sides = (part.in_features, part.out_features)
    return all(side % 16 == 0 for side in sides) and min(sides) >= 256
