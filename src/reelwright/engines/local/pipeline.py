"""Loading a diffusers pipeline from a checked folder and placing it on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import diffusers
import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from reelwright.engines.local import lora, preview, quantization, weights
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Model, Options
from reelwright.engines.local.recipe import ImageRecipe, LatentSpace, Placement, Recipe, Tier
from reelwright.engines.local.speed import Speedup
from reelwright.engines.local.weights import Weights
from reelwright.errors import Code, EngineError


@dataclass(slots=True, kw_only=True)
class Loaded:
    """A pipeline with its weights. `factors` are its preview matrix, None when previews are off; `compiled_for` the
    shapes (batch, frames, height, width) that have been asked of it, where it is compiled.
    """

    pipe: Any
    weights: Weights
    factors: torch.Tensor | None = None
    speedup: Speedup = field(default_factory=Speedup)
    compiled_for: set[tuple[int, ...]] = field(default_factory=set)

    @property
    def source(self) -> str:
        """The Hub id, or `folder` for a local one: a path is nobody's business."""
        return "folder" if weights.is_folder(self.weights.source) else self.weights.source


def quiet() -> None:
    """Progress bars and advice of the libraries do not belong into a server's log."""
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def load_video(
    model: Model, class_name: str, device: Device, tier: Tier, options: Options, shared: Mapping[str, Any]
) -> Loaded:
    """The video pipeline of `model`; `place` brings it to its place. `shared`: components that are loaded already.

    Raises EngineError when weights are missing or refused; what torch raises when memory runs out passes through.
    """
    recipe = model.recipe
    half = device.dtype(recipe.dtype) is torch.float16
    found = weights.pipeline_weights(model.name, model.source, model.revision, half=half)
    index = weights.read_index(model.name, found.folder)
    kind = _pipeline_class(model.name, class_name or index["_class_name"])
    parts = {
        part.name: _load_part(model, part.model, part.repo, device)
        for part in recipe.parts
        if (part.instead or not (found.folder / part.name).is_dir()) and part.name not in shared
    }
    expected, _ = kind._get_signature_keys(kind)
    known = {name: part for name, part in shared.items() if name in expected}
    how: dict[str, Any] = {"device_map": _at_once(device, tier)}
    if options.quantization in quantization.WEIGHT_ONLY:
        how["quantization_config"] = quantization.pipeline_config(options.quantization, index)
    pipe = _from_folder(model.name, kind, found, _dtypes(recipe, device), parts | known, how)
    if not shared:
        # The denoiser with its adapters is one of the components that pipelines share.
        lora.put_on(pipe, lora.always(model))
    if options.quantization == "layerwise" and recipe.adapters:
        message = f"Model {model.name!r} has a LoRA, which quantization 'layerwise' does not take; int8 and float8 do."
        raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
    seen = options.preview_seconds > 0 and recipe.latent_axes is not None
    factors = _factors(pipe, recipe.latent_space, device) if seen else None
    return Loaded(pipe=pipe, weights=found, factors=factors)


def load_image(name: str, recipe: ImageRecipe, device: Device, tier: Tier) -> Loaded:
    """The text → image pipeline that stands before model `name`."""
    dtype = device.dtype(recipe.dtype)
    found = weights.pipeline_weights(name, recipe.repo, None, half=dtype is torch.float16)
    kind = _pipeline_class(name, recipe.pipeline)
    pipe = _from_folder(name, kind, found, {"default": dtype}, {}, {"device_map": _at_once(device, tier)})
    return Loaded(pipe=pipe, weights=found)


def place(pipe: Any, device: Device, tier: Tier) -> None:
    """Bring the components to where the tier wants them, from wherever they are but from `GROUPED`."""
    vae = pipe.components.get("vae")
    if tier.tiled_decode:
        vae.enable_tiling()
    elif vae is not None and vars(vae).get("use_tiling"):
        vae.disable_tiling()
    if tier.placement is Placement.MODEL:
        pipe.enable_model_cpu_offload(device=device.torch_device)
        return
    pipe.remove_all_hooks()
    if tier.placement is Placement.GROUPED:
        pipe.to("cpu")
        streams = device.torch_device.type in ("cuda", "xpu")
        pipe.enable_group_offload(
            onload_device=device.torch_device,
            offload_device=torch.device("cpu"),
            offload_type="leaf_level",
            use_stream=streams,
            # Pinned as it goes: pinning all of it first takes main memory twice.
            low_cpu_mem_usage=streams,
        )
    else:
        pipe.to(device.torch_device)


def park(pipe: Any) -> None:
    """Into main memory, off the device, ready to be placed again."""
    pipe.remove_all_hooks()
    pipe.to("cpu")


def modules(pipe: Any) -> dict[str, Any]:
    """What another pipeline of the same model can share: everything but the scheduler, which has a state."""
    return {name: part for name, part in pipe.components.items() if part is not None and name != "scheduler"}


def _at_once(device: Device, tier: Tier) -> str | None:
    """Where weights may be read right onto the device, component by component: main memory need not hold all."""
    straight = tier.placement is Placement.RESIDENT and device.torch_device.index in (None, 0)
    return device.torch_device.type if straight and device.torch_device.type in ("cuda", "xpu") else None


_WHOLE = "name a repository with a model_index.json of a whole pipeline (often its name ends in -Diffusers)"


def _pipeline_class(name: str, class_name: str) -> Any:
    kind = getattr(diffusers, class_name, None)
    if class_name.endswith("ModularPipeline"):
        raise weights.refused(name, f"{class_name} is made of blocks, which this engine does not run; {_WHOLE}")
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise weights.refused(name, f"{class_name} is no pipeline of diffusers {diffusers.__version__}")
    return kind


def _dtypes(recipe: Recipe, device: Device) -> dict[str, torch.dtype]:
    named = {name: device.dtype(dtype) for name, dtype in recipe.component_dtypes.items()}
    return {"default": device.dtype(recipe.dtype), **named}


def _load_part(model: Model, class_name: str, repo: str, device: Device) -> Any:
    dtype = device.dtype(model.recipe.dtype)
    found = weights.part_weights(model.name, repo, half=dtype is torch.float16)
    kind = getattr(diffusers, class_name)
    return kind.from_pretrained(
        found.folder, dtype=dtype, variant=found.variant, use_safetensors=True, local_files_only=True
    )


def _from_folder(
    name: str,
    kind: Any,
    found: Weights,
    dtypes: Mapping[str, torch.dtype],
    parts: Mapping[str, Any],
    how: Mapping[str, Any],
) -> Any:
    try:
        pipe = kind.from_pretrained(
            found.folder,
            dtype=dict(dtypes),
            variant=found.variant,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            **how,
            **parts,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"Model {name!r} cannot be loaded: its files do not make a {kind.__name__}."
        raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED) from error
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _factors(pipe: Any, space: LatentSpace, device: Device) -> torch.Tensor:
    """Fitted while the VAE is alone on the device, before anything manages where it is."""
    before = next(pipe.vae.parameters()).device
    pipe.vae.to(device.torch_device)
    factors = preview.fit_factors(pipe.vae, space)
    pipe.vae.to(before)
    return factors
