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
from dataclasses import dataclass, field
from typing import Any

import torch

from reelwright.engines.local import deep_reuse, layout, quantization
from reelwright.engines.local.block_cache import BlockCache
from reelwright.engines.local.compiling import Compiler
from reelwright.engines.local.deep_reuse import DeepMemory
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Options
from reelwright.engines.local.recipe import Placement, Recipe
from reelwright.errors import Code, EngineError

EXACT = (
    "single_key_attention",
    "time_convolutions",
    "channels_last",
    "attention_priority",
    "compile",
    "compiled_decoder",
)
DENOISERS = ("transformer", "transformer_2", "unet")
"""The models that are called at each step, as pipelines name them: one, or two experts."""

APART = frozenset({"compile", "compiled_decoder", "first_block_cache"})
"""What several GPUs of one video do without. A cache would choose on each by the tokens that it has; compiled graphs
have not been seen to exchange them."""

APPROXIMATE = ("fp8", "first_block_cache", "deep_reuse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speedup:
    """The levers that are on, and what they keep between the steps of a run."""

    names: tuple[str, ...] = ()
    memory: DeepMemory | None = None
    cache: BlockCache | None = None
    compiler: Compiler = field(default_factory=Compiler)

    @contextmanager
    def around(self, pipe: Any, steps: int, guidance: float) -> Iterator[None]:
        """One run of the pipeline: begins with an empty memory."""
        if self.memory is not None:
            self.memory.forget()
        if self.cache is not None:
            self.cache.begin(pipe, steps, guidance)
        with _attention_priority("attention_priority" in self.names):
            yield

    def facts(self, mode: str) -> Mapping[str, Any]:
        """What the record says of speed after a run."""
        names = [name for name in self.names if "compile" not in name or self.compiler.broken is None]
        told: dict[str, Any] = {"speed": mode} | ({"levers": names} if names else {})
        return told | ({"not_compiled": self.compiler.broken} if self.compiler.broken else {})


def names(recipe: Recipe, options: Options, device: Device, placement: Placement) -> tuple[str, ...]:
    """The levers that the options' mode brings for this recipe on this device."""
    mode = options.mode(accelerator=device.accelerator)
    wanted = {"plain": (), "exact": EXACT, "fast": (*EXACT, *APPROXIMATE)}[mode]
    return tuple(name for name in wanted if name in recipe.levers and _possible(name, options, device, placement))


def _possible(name: str, options: Options, device: Device, placement: Placement) -> bool:
    if options.gpus_per_video > 1 and name in APART:
        return False
    cuda = device.torch_device.type == "cuda"
    if name in ("compile", "compiled_decoder"):
        compiled = cuda if options.compile is None else options.compile
        return compiled and placement is not Placement.GROUPED
    if name == "fp8":
        return cuda and options.quantization is None and quantization.multiplies_float8()
    if name in ("channels_last", "attention_priority"):
        return cuda
    return True


def checkpoint_every(recipe: Recipe, options: Options) -> int:
    """Deep reuse is taken up only where it computes afresh."""
    return deep_reuse.INTERVAL if options.speed == "fast" and "deep_reuse" in recipe.levers else 1


def switch_on(pipe: Any, chosen: tuple[str, ...], attention: str | None = None) -> Speedup:
    """Apply the levers to a pipeline, once, before it is brought to its place.

    `attention`: diffusers' name of a backend. Raises EngineError when that backend cannot be had here.
    """
    parts = list(denoisers(pipe).values())
    if attention is not None:
        _switch_attention(parts, attention)
    if "single_key_attention" in chosen:
        _shorten_single_key_attention(parts[0])
    if "time_convolutions" in chosen:
        for part in (*parts, pipe.vae):
            layout.flatten_time_convolutions(part)
    if "channels_last" in chosen:
        for part in (*parts, pipe.vae):
            layout.channels_last(part)
    if "fp8" in chosen:
        for part in parts:
            quantization.to_dynamic_float8(part)
    compiler = Compiler()
    deep = "deep_reuse" in chosen
    if "compile" in chosen:
        compiler.take(deep_reuse.compiled_parts(parts[0]) if deep else _repeated_blocks(parts))
        if "compiled_decoder" in chosen:
            compiler.take([pipe.vae.decoder])
    cache = BlockCache(parts) if "first_block_cache" in chosen else None
    return Speedup(names=chosen, memory=DeepMemory(parts[0]) if deep else None, cache=cache, compiler=compiler)


def denoisers(pipe: Any) -> dict[str, Any]:
    """Those of `DENOISERS` that the pipeline has."""
    found = {name: pipe.components.get(name) for name in DENOISERS}
    return {name: part for name, part in found.items() if part is not None}


def _repeated_blocks(parts: list[Any]) -> list[Any]:
    """The blocks that a model repeats: compiled once for all of them. A model that names none is compiled whole."""
    found: list[Any] = []
    for part in parts:
        repeated = set(part._repeated_blocks or ())
        found += [block for block in part.modules() if type(block).__name__ in repeated] or [part]
    return found


def _switch_attention(parts: list[Any], name: str) -> None:
    try:
        for part in parts:
            part.set_attention_backend(name)
    except (ValueError, RuntimeError, ImportError, OSError) as error:
        why = str(error).splitlines()[0][:200]
        message = f"Local engine option attention: {name!r} cannot be used here: {why}"
        raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED) from error


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
