"""How large the recipes' networks are and what a run takes beside them: the figures of `Recipe`, measured.

    python -m benchmarks.local.peaks [NAME …]

The real configurations (tests/engines/local/repositories) are run on fake tensors, which have shapes and no content; a
dispatch mode follows every storage from its first use until nothing holds it. Parameters are not counted. The networks
are two blocks deep, since blocks follow one another in the same memory. Three sizes give the three terms of
`Work` by least squares. Kernels' own workspaces are not seen.

Prints for each recipe the figures, and beside them what the recipe says where that is off by more than a quarter.
"""

from __future__ import annotations

import argparse
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from reelwright.engines.local.recipe import Recipe, Work
from reelwright.engines.local.recipes import RECIPES
from tests.engines.local import configurations

MIB = 1024**2
NEAR = 1.25
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
DENOISERS = ("transformer", "unet")
DEPTHS = {"num_layers": 2, "num_refiner_layers": 1}
"""Of a transformer: deep enough that one block's results wait for the next."""

Size = tuple[int, int, int]
Call = Callable[[], object]


class Storages(TorchDispatchMode):
    """Follows what is alive. `peak`: the most bytes at a time."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.peak = self._now = 0
        self._seen: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        for one in [*network.parameters(), *network.buffers()]:
            self._seen[one.untyped_storage()] = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = _by_mask(function, args)
        if result is None:
            result = function(*args, **(kwargs or {}))
        pytree.tree_map_only(torch.Tensor, self._hold, result)
        return result

    def _hold(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        size = self._seen[storage] = storage.nbytes()
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._drop, size)

    def _drop(self, size: int) -> None:
        self._now -= size


def _by_mask(function: Any, args: tuple[Any, ...]) -> Any:
    """What depends on a mask's content, which fake tensors have not: as if every token counted. None: nothing does."""
    if function is torch.ops.aten._local_scalar_dense.default:
        return 0
    if function is torch.ops.aten.nonzero.default:
        return args[0].new_empty((args[0].numel(), args[0].ndim), dtype=torch.long)
    if function is torch.ops.aten.index.Tensor and len(args[1]) == 1 and args[1][0].dtype is torch.bool:
        mask = args[1][0]
        return args[0].new_empty((mask.numel(), *args[0].shape[mask.ndim :]))
    return None


def peak(kind: str, config: Mapping[str, Any], dtype: torch.dtype, call: Callable[[Any, torch.dtype], Call]) -> int:
    """Bytes that one call of a network takes at most, beside its parameters."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        torch.set_default_dtype(dtype)
        try:
            network = configurations.build(kind, config)
        finally:
            torch.set_default_dtype(torch.float32)
        run = call(network, dtype)
        with Storages(network) as storages:
            run()
        return storages.peak


def fit(sizes: list[Size], peaks: list[int]) -> Work:
    rows = [[1.0, width * height, width * height * frames] for width, height, frames in sizes]
    fixed, pixel, volume = np.linalg.lstsq(np.array(rows), np.array(peaks, dtype=float), rcond=None)[0]
    return Work(
        fixed=max(0, round(fixed)), pixel=max(0.0, round(float(pixel), 1)), volume=max(0.0, round(float(volume), 1))
    )


def sizes_of(recipe: Recipe) -> list[Size]:
    """The default, half of its frames, and half of its height: each one that the networks can make."""
    rule, step = recipe.frame_rule, 64
    fewer = rule.at_least(recipe.frames // 2)
    lower = max(step, recipe.height // 2 // step * step)
    width = recipe.width // step * step
    height = max(step, recipe.height // step * step)
    return [(width, height, recipe.frames), (width, height, fewer), (width, lower, recipe.frames)]


# --- one call of each denoiser ----------------------------------------------------------------------------------------


def _video(config: Any, size: Size, spatial: int, temporal: int) -> tuple[int, int, int]:
    width, height, frames = size
    return (frames - 1) // temporal + 1, height // spatial, width // spatial


def wan(network: Any, dtype: torch.dtype, size: Size, spatial: int) -> Call:
    """One branch of the guidance at a time, as Wan's pipelines run it."""
    config = network.config
    latents = torch.empty(1, config.in_channels, *_video(config, size, spatial, 4), dtype=dtype)
    inputs: dict[str, Any] = {
        "hidden_states": latents,
        "timestep": torch.empty(1, dtype=torch.long),
        "encoder_hidden_states": torch.empty(1, 512, config.text_dim, dtype=dtype),
    }
    if config.image_dim is not None:
        images = 2 if config.pos_embed_seq_len else 1
        inputs["encoder_hidden_states_image"] = torch.empty(images, 257, config.image_dim, dtype=dtype)
    if "vace_layers" in config:
        control = torch.empty(1, config.vace_in_channels, *latents.shape[2:], dtype=dtype)
        inputs |= {"control_hidden_states": control, "control_hidden_states_scale": torch.ones(len(config.vace_layers))}
    return lambda: network(**inputs)


def ltx(network: Any, dtype: torch.dtype, size: Size, _spatial: int) -> Call:
    frames, height, width = _video(network.config, size, 32, 8)
    latents = torch.empty(2, frames * height * width, network.config.in_channels, dtype=dtype)
    text = torch.empty(2, 128, network.config.caption_channels, dtype=dtype)
    times, mask = torch.empty(2, dtype=torch.long), torch.empty(2, 128, dtype=torch.long)
    return lambda: network(latents, text, times, mask, frames, height, width, (1.0, 32.0, 32.0))


def ltx2(network: Any, dtype: torch.dtype, size: Size, _spatial: int) -> Call:
    config = network.config
    frames, height, width = _video(config, size, 32, 8)
    sound = round(size[2] / 24 * config.audio_sampling_rate / config.audio_hop_length / config.audio_scale_factor)
    own = config.use_prompt_embeddings
    widths = (config.caption_channels,) * 2 if own else (config.cross_attention_dim, config.audio_cross_attention_dim)
    text, heard = (torch.empty(2, 1024, one, dtype=dtype) for one in widths)
    inputs = {
        "hidden_states": torch.empty(2, frames * height * width, config.in_channels, dtype=dtype),
        "audio_hidden_states": torch.empty(2, sound, config.audio_in_channels, dtype=dtype),
        "encoder_hidden_states": text,
        "audio_encoder_hidden_states": heard,
        "timestep": torch.empty(2, dtype=torch.float32),
        "sigma": torch.empty(2, dtype=torch.float32),
        "num_frames": frames,
        "height": height,
        "width": width,
        "fps": 24.0,
        "audio_num_frames": sound,
    }
    return lambda: network(**inputs)


def hunyuan(network: Any, dtype: torch.dtype, size: Size, _spatial: int) -> Call:
    config = network.config
    latents = torch.empty(1, config.in_channels, *_video(config, size, 16, 4), dtype=dtype)
    inputs = {
        "hidden_states": latents,
        "timestep": torch.empty(1, dtype=dtype),
        "timestep_r": torch.empty(1, dtype=dtype) if config.use_meanflow else None,
        "encoder_hidden_states": torch.empty(1, 1000, config.text_embed_dim, dtype=dtype),
        "encoder_attention_mask": torch.ones(1, 1000, dtype=torch.bool),
        "encoder_hidden_states_2": torch.empty(1, 256, config.text_embed_2_dim, dtype=dtype),
        "encoder_attention_mask_2": torch.ones(1, 256, dtype=torch.bool),
        "image_embeds": torch.empty(1, 729, config.image_embed_dim, dtype=dtype),
    }
    return lambda: network(**inputs)


def mochi(network: Any, dtype: torch.dtype, size: Size, _spatial: int) -> Call:
    latents = torch.empty(2, network.config.in_channels, *_video(network.config, size, 8, 6), dtype=dtype)
    text = torch.empty(2, 256, network.config.text_embed_dim, dtype=dtype)
    times, mask = torch.empty(2, dtype=dtype), torch.ones(2, 256, dtype=torch.bool)
    return lambda: network(latents, text, times, mask)


def cogvideox(network: Any, dtype: torch.dtype, size: Size, _spatial: int) -> Call:
    config = network.config
    frames, height, width = _video(config, size, 8, 4)
    latents = torch.empty(2, frames, config.in_channels, height, width, dtype=dtype)
    text, times = torch.empty(2, 226, config.text_embed_dim, dtype=dtype), torch.empty(2, dtype=torch.long)
    return lambda: network(latents, text, times)


def svd(network: Any, dtype: torch.dtype, size: Size, _spatial: int) -> Call:
    width, height, frames = size
    latents = torch.empty(2, frames, network.config.in_channels, height // 8, width // 8, dtype=dtype)
    context, ids = torch.empty(2, 1, network.config.cross_attention_dim, dtype=dtype), torch.empty(2, 3, dtype=dtype)
    return lambda: network(latents, torch.empty(()), context, ids)


CALLS: Mapping[str, Callable[[Any, torch.dtype, Size, int], Call]] = {
    "WanTransformer3DModel": wan,
    "WanVACETransformer3DModel": wan,
    "SkyReelsV2Transformer3DModel": wan,
    "LTXVideoTransformer3DModel": ltx,
    "LTX2VideoTransformer3DModel": ltx2,
    "HunyuanVideo15Transformer3DModel": hunyuan,
    "MochiTransformer3DModel": mochi,
    "CogVideoXTransformer3DModel": cogvideox,
    "UNetSpatioTemporalConditionModel": svd,
}


def shallow(config: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """Two blocks of the same width. CogVideoX has the size in its configuration."""
    changed = dict(config) | {name: depth for name, depth in DEPTHS.items() if config.get(name, 0) > depth}
    if "vace_layers" in config:
        changed["vace_layers"] = [0]
    if "sample_frames" in config:
        changed |= {"sample_width": size[0] // 8, "sample_height": size[1] // 8, "sample_frames": size[2]}
    return changed


def denoise(recipe: Recipe, kind: str, config: Mapping[str, Any], spatial: int) -> Work:
    call, dtype, sizes = CALLS[kind], DTYPES[recipe.dtype], sizes_of(recipe)
    peaks = [
        peak(kind, shallow(config, size), dtype, lambda net, of, size=size: call(net, of, size, spatial))  # type: ignore[misc]
        for size in sizes
    ]
    return fit(sizes, peaks)


# --- decoding ---------------------------------------------------------------------------------------------------------


def ratios(kind: str, config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Of a VAE: the channels of its latents, pixels a side and frames that one of them stands for."""
    channels = config.get("z_dim") or config["latent_channels"]
    named = {
        "AutoencoderKLWan": (config.get("scale_factor_spatial", 8), 4),
        "AutoencoderKLLTXVideo": (32, 8),
        "AutoencoderKLLTX2Video": (32, 8),
        "AutoencoderKLHunyuanVideo15": (16, 4),
        "AutoencoderKLMochi": (8, 6),
        "AutoencoderKLCogVideoX": (8, 4),
    }
    return (channels, *named[kind])


def decode(recipe: Recipe, kind: str, config: Mapping[str, Any]) -> Work:
    channels, spatial, temporal = ratios(kind, config)
    dtype, sizes = DTYPES[recipe.component_dtypes.get("vae", recipe.dtype)], sizes_of(recipe)

    def call(size: Size) -> Callable[[Any, torch.dtype], Call]:
        def prepare(network: Any, dtype: torch.dtype) -> Call:
            latents = torch.empty(1, channels, *_video(None, size, spatial, temporal), dtype=dtype)
            return lambda: network.decode(latents)

        return prepare

    return fit(sizes, [peak(kind, config, dtype, call(size)) for size in sizes])


# --- the report -------------------------------------------------------------------------------------------------------


def figures(recipe: Recipe) -> Iterator[tuple[str, Any, Any, bool]]:
    """What is measured, what the recipe says, and whether they agree."""
    networks = {name: (kind, config) for name, kind, config in configurations.networks(recipe)}
    with torch.device("meta"):
        counts = {name: configurations.millions(configurations.build(*network)) for name, network in networks.items()}
    for name, count in counts.items():
        said = recipe.parameters.get(name, 0.0)
        yield f"parameters of {name}", count, said, abs(count - said) <= 0.01 * count
    kind, config = networks["vae"]
    if kind == "AutoencoderKLTemporalDecoder" or recipe.parts:
        return  # decoded some frames at a time, at volume × chunk: measured on the way to the recipe by hand
    default = (recipe.width * recipe.height, recipe.frames)
    spatial = ratios(kind, config)[1]
    denoiser = next(name for name in DENOISERS if name in networks)
    claims: tuple[tuple[str, Work, Work], ...] = (
        ("denoise", denoise(recipe, *networks[denoiser], spatial), recipe.denoise),
        ("decode", decode(recipe, kind, config), recipe.decode),
    )
    for what, work, promised in claims:
        measured, claimed = work.at(*default), promised.at(*default)
        near = max(measured, claimed) <= NEAR * min(measured, claimed)
        yield f"{what} ({measured / MIB:.0f} MiB)", work, f"{promised} ({claimed / MIB:.0f} MiB)", near


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the recipes' parameters and what their runs take.")
    parser.add_argument("names", nargs="*", default=[name for name in RECIPES if name != "generic"])
    for name in parser.parse_args().names:
        print(name, flush=True)
        for what, measured, said, agrees in figures(RECIPES[name]):
            print(f"  {what}: {measured}" + ("" if agrees else f"  THE RECIPE SAYS {said}"), flush=True)


if __name__ == "__main__":
    main()
