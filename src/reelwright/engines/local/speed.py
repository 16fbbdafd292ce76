"""Speed modes, named by what they cost, and the levers behind them. A lever is offered only where it acts.

`plain`: the pipeline as diffusers runs it. `exact`: the same arithmetic in another order or on better kernels; results
agree within rounding. `fast`: approximations on top; results differ visibly or not, and the record says which lever.

Levers that do nothing for a pipeline are not in its recipe: on Stable Video Diffusion's UNet diffusers' own caches and
attention switches are silent no-ops, on transformers without one-token contexts the single-key shortcut has nothing to
shorten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from reelwright.engines.local import deep_reuse, fp8, layout
from reelwright.engines.local.deep_reuse import DeepMemory
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Options
from reelwright.engines.local.recipe import Placement, Recipe

EXACT = ("single_key_attention", "time_convolutions", "channels_last", "attention_priority", "compile")
APPROXIMATE = ("fp8", "first_block_cache", "deep_reuse")

CACHE_THRESHOLD = 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class Speedup:
    """The levers that are on, and what they keep between the steps of a run."""

    names: tuple[str, ...] = ()
    memory: DeepMemory | None = None

    @contextmanager
    def around(self) -> Iterator[None]:
        """One run of the pipeline: begins with an empty memory."""
        if self.memory is not None:
            self.memory.forget()
        with _attention_priority("attention_priority" in self.names):
            yield


def names(recipe: Recipe, options: Options, device: Device, placement: Placement) -> tuple[str, ...]:
    """The levers that the options' mode brings for this recipe on this device."""
    wanted = {"plain": (), "exact": EXACT, "fast": (*EXACT, *APPROXIMATE)}[options.speed]
    return tuple(name for name in wanted if name in recipe.levers and _possible(name, options, device, placement))


def _possible(name: str, options: Options, device: Device, placement: Placement) -> bool:
    cuda = device.torch_device.type == "cuda"
    still = placement is Placement.RESIDENT
    if name == "compile":
        return still and (cuda if options.compile is None else options.compile)
    if name == "fp8":
        return still and cuda and torch.cuda.get_device_capability(device.torch_device) >= (8, 9)
    if name in ("time_convolutions", "channels_last") and placement is Placement.GROUPED:
        return False  # each layer's weights come and go by hooks on the layer itself
    if name in ("channels_last", "attention_priority"):
        return cuda
    return True


def checkpoint_every(recipe: Recipe, options: Options) -> int:
    """Deep reuse is taken up only where it computes afresh."""
    return deep_reuse.INTERVAL if options.speed == "fast" and "deep_reuse" in recipe.levers else 1


def switch_on(pipe: Any, chosen: tuple[str, ...]) -> Speedup:
    """Apply the levers to a pipeline that is in its place. Once for each loaded pipeline."""
    denoiser = pipe.components.get("transformer") or pipe.components["unet"]
    if "single_key_attention" in chosen:
        _shorten_single_key_attention(denoiser)
    if "time_convolutions" in chosen:
        for part in (denoiser, pipe.vae):
            layout.flatten_time_convolutions(part)
    if "channels_last" in chosen:
        for part in (denoiser, pipe.vae):
            layout.channels_last(part)
    if "fp8" in chosen:
        fp8.convert(denoiser)
    if "first_block_cache" in chosen:
        from diffusers import FirstBlockCacheConfig

        denoiser.enable_cache(FirstBlockCacheConfig(threshold=CACHE_THRESHOLD))  # type: ignore[no-untyped-call]
    deep = "deep_reuse" in chosen
    if "compile" in chosen:
        _compile(pipe, denoiser, in_parts=deep)
    return Speedup(names=chosen, memory=DeepMemory(denoiser) if deep else None)


def _compile(pipe: Any, denoiser: Any, *, in_parts: bool) -> None:
    """Shapes are fixed for a size: each new size compiles anew, once."""
    if in_parts:
        for part in deep_reuse.compiled_parts(denoiser):
            part.forward = torch.compile(part.forward, dynamic=False)
    elif "_repeated_blocks" in dir(denoiser) and denoiser._repeated_blocks:
        denoiser.compile_repeated_blocks(dynamic=False)
    else:
        denoiser.compile(dynamic=False)
    pipe.vae.decoder.compile(dynamic=False)


@contextmanager
def _attention_priority(on: bool) -> Iterator[None]:
    """cuDNN's fused attention first: the fastest on Hopper; the others take what it cannot."""
    if not on:
        yield
        return
    from torch.nn.attention import SDPBackend, sdpa_kernel

    order = [
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.MATH,
    ]
    with sdpa_kernel(order, set_priority=True):
        yield


class SingleKeyAttention:
    """Cross-attention to one token: the softmax over a single key is 1, so the result is that token's value.

    Queries, keys and scores need not be computed. A context of more tokens goes to the processor that was there before.
    """

    def __init__(self, otherwise: Any) -> None:
        self._otherwise = otherwise

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **more: Any,
    ) -> torch.Tensor:
        if encoder_hidden_states is None or encoder_hidden_states.shape[1] != 1 or attention_mask is not None:
            other: torch.Tensor = self._otherwise(attn, hidden_states, encoder_hidden_states, attention_mask, **more)
            return other
        value: torch.Tensor = attn.to_out[0](attn.to_v(encoder_hidden_states)) / attn.rescale_output_factor
        return value.expand(-1, hidden_states.shape[1], -1)


def _shorten_single_key_attention(unet: Any) -> None:
    modules = dict(unet.named_modules())
    processors = {}
    for name, processor in unet.attn_processors.items():
        attention = modules[name.removesuffix(".processor")]
        processors[name] = SingleKeyAttention(processor) if _is_plain_cross_attention(name, attention) else processor
    unet.set_attn_processor(processors)


def _is_plain_cross_attention(name: str, attention: Any) -> bool:
    extras = (attention.group_norm, attention.spatial_norm, attention.norm_cross, attention.norm_q, attention.norm_k)
    return ".attn2." in name and not attention.residual_connection and not any(extras)


def facts(options: Options, speedup: Speedup) -> Mapping[str, Any]:
    """What the record says of speed."""
    return {"speed": options.speed, "levers": list(speedup.names)} if speedup.names else {"speed": options.speed}
