"""Enlarging frames by a neural network: spandrel finds out from the weights which one it is, torch runs it.

Weights are safetensors only. spandrel's own loader, which also reads pickles, is never imported: its package is opened
without its first module, for that one imports the loader, and with two networks that enlarge nothing torchvision.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from reelwright.engines.local.memory import Device, find_device, give_back, ran_out
from reelwright.errors import Code, ConfigurationError, EngineError
from reelwright.store.files import sha256_of
from reelwright.video import Enlargement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NETWORKS = (
    *("Compact", "SwiftSRGAN", "HAT", "GRL", "Swin2SR", "SwinIR", "OmniSR", "RGT", "DAT", "CRAFT", "MMRealSR", "SPAN"),
    *("RealCUGAN", "SAFMN", "DCTLSA", "ATD", "IPT", "DRCT", "ESRGAN", "PLKSR", "SeemoRe", "MoSR", "MoESR", "RCAN"),
    *("FDAT", "AuraSR"),
)
"""Those of spandrel 0.4 that enlarge, in the order in which it asks them whether weights are theirs."""

TILE, TILE_ON_CPU = 512, 256
"""Pixels a side that the network is shown at once; halved for the rest of a clip whenever memory runs out. On a CPU a
large network takes minutes for 256."""
LEAST_TILE = 64
MARGIN = 32
"""Pixels around a tile that it is shown besides, so that no seams are seen."""


class Upscaling:
    """One upscaling model, loaded."""

    def __init__(self, weights: Path, wanted: Enlargement, device: str, on_tile: Callable[[], None]) -> None:
        """`on_tile` is called after each part of a frame.

        Raises `EngineError` for weights that are not `wanted`'s, and for a device that is not there.
        """
        begun = time.perf_counter()
        if sha256_of(weights) != wanted.sha256:
            raise EngineError(f"The file of the upscaling model {wanted.model} has changed. Restart the server.")
        self._wanted = wanted
        self._device = _device(device)
        self._network = _open(weights, wanted)
        self._dtype = self._best_dtype()
        self._network.to(self._device.torch_device, self._dtype).eval()
        whole = self._network.tiling.name == "INTERNAL"
        self._tile = sys.maxsize if whole else TILE if self._device.accelerator else TILE_ON_CPU
        self._on_tile = on_tile
        self._loaded_s = time.perf_counter() - begun

    @property
    def facts(self) -> Mapping[str, Any]:
        """For the record."""
        reduced = {"reduced_by": "bicubic, antialiased"} if self._wanted.factor != self._wanted.own_factor else {}
        return {
            "model": self._wanted.model,
            "sha256": self._wanted.sha256,
            "network": self._network.architecture.name,
            "factor": self._wanted.factor,
            "own_factor": self._wanted.own_factor,
            **reduced,
            "device": self._device.describe(),
            "dtype": str(self._dtype).removeprefix("torch."),
            "tile": None if self._tile == sys.maxsize else self._tile,
            "spandrel": importlib.metadata.version("spandrel"),
            "torch": torch.__version__,
            "load_s": round(self._loaded_s, 3),
        }

    def enlarge(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """sRGB, 8 bits, of shape (height, width, 3); the result has `factor` times the sides.

        Raises `EngineError` when memory runs out even for a small part of it.
        """
        while True:
            try:
                with torch.inference_mode():
                    return self._whole(picture)
            except Exception as error:
                if not ran_out(error):
                    raise
            # Outside of the handler, whose error would keep what is to be given back.
            give_back(self._device.torch_device)
            self._smaller_tile(max(picture.shape[:2]))

    def _smaller_tile(self, side: int) -> None:
        smaller = min(self._tile, side) // 2
        if smaller < LEAST_TILE or self._tile == sys.maxsize:
            raise EngineError(
                f"The upscaling model {self._wanted.model} ran out of memory on {self._device.describe()}. Ask for a "
                "smaller video, or set REELWRIGHT_UPSCALE_DEVICE=cpu.",
                code=Code.OUT_OF_MEMORY,
            )
        self._tile = smaller

    def _whole(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = picture.shape[:2]
        factor, own = self._wanted.factor, self._wanted.own_factor
        result = torch.empty((height * factor, width * factor, 3), dtype=torch.uint8)
        source = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None]
        for top, bottom in _cuts(height, self._tile):
            for left, right in _cuts(width, self._tile):
                y, x = max(0, top - MARGIN), max(0, left - MARGIN)
                part = source[:, :, y : bottom + MARGIN, x : right + MARGIN]
                made = self._network(part.to(self._device.torch_device, self._dtype) / 255).float()
                if factor != own:
                    size = (part.shape[2] * factor, part.shape[3] * factor)
                    made = torch.nn.functional.interpolate(made, size, mode="bicubic", antialias=True)
                inner = made[
                    0,
                    :,
                    (top - y) * factor : (bottom - y) * factor,
                    (left - x) * factor : (right - x) * factor,
                ]
                levels = (inner.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
                result[top * factor : bottom * factor, left * factor : right * factor] = levels.cpu()
                self._on_tile()
        return result.numpy()

    def _best_dtype(self) -> torch.dtype:
        """Half precision where it is quicker and the network bears it."""
        if not self._device.accelerator:
            return torch.float32
        if self._network.supports_half:
            return torch.float16
        wanted = self._device.dtype("bfloat16")
        return wanted if wanted is torch.bfloat16 and self._network.supports_bfloat16 else torch.float32


def _device(name: str) -> Device:
    try:
        return find_device(name, None)
    except ConfigurationError as error:
        raise EngineError(f"REELWRIGHT_UPSCALE_DEVICE={name} is not there on this machine. Use auto or cpu.") from error


def _cuts(length: int, tile: int) -> Iterator[tuple[int, int]]:
    """Where the tiles begin and end along one side."""
    for start in range(0, length, tile):
        yield start, min(length, start + tile)


def _open(weights: Path, wanted: Enlargement) -> Any:
    """The network with its weights: spandrel's `ImageModelDescriptor`."""
    _without_first_module("spandrel")
    registry = importlib.import_module("spandrel.__helpers.registry")
    networks = registry.ArchRegistry()
    for name in NETWORKS:
        network = getattr(importlib.import_module(f"spandrel.architectures.{name}"), f"{name}Arch")()
        networks.add(registry.ArchSupport.from_architecture(network))
    try:
        found = networks.load(load_file(weights))
    except (SafetensorError, OSError) as error:
        raise EngineError(f"The file of the upscaling model {wanted.model} is damaged. Fetch it again.") from error
    except registry.UnsupportedModelError as error:
        raise EngineError(f"The upscaling model {wanted.model} is of no known kind. Remove its file.") from error
    except (RuntimeError, LookupError, ValueError, AssertionError) as error:  # what spandrel and torch raise of misfits
        raise EngineError(f"The weights of the upscaling model {wanted.model} do not fit its network.") from error
    if (found.input_channels, found.output_channels) != (3, 3) or found.scale < 2:
        raise EngineError(f"The model {wanted.model} does not enlarge colour pictures. Remove its file.")
    if found.scale != wanted.own_factor:
        raise EngineError(
            f"The upscaling model {wanted.model} enlarges {found.scale} times, but its name says {wanted.own_factor}. "
            f"Rename its file, for example to {found.scale}x-{wanted.model}.safetensors."
        )
    return found


def _without_first_module(package: str) -> None:
    """Make the package's modules importable without running its `__init__`."""
    if package not in sys.modules:
        spec = importlib.util.find_spec(package)
        if spec is None:
            raise EngineError(f"Upscaling needs {package} on this server: pip install 'reelwright[upscale]'")
        sys.modules[package] = importlib.util.module_from_spec(spec)
