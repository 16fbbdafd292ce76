"""The device and its memory: which one, how much, whether an error means that it ran out, and giving it back."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from dataclasses import dataclass

import psutil
import torch

from reelwright.engines.local.footprint import Kind, Room, usable
from reelwright.engines.local.main_memory import main_memory
from reelwright.errors import ConfigurationError

_RAN_OUT = (
    "DefaultCPUAllocator",
    "not enough memory",
    "out of memory",  # the allocators of CUDA, HIP, MPS and XPU, and "CUDA (driver) error: …"
    "CUDA_ERROR_OUT_OF_MEMORY",
    "cudaErrorMemoryAllocation",
    "hipErrorOutOfMemory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_INITIALIZED",  # as of a handle: the first thing that it does is to allocate
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "HIPBLAS_STATUS_ALLOC_FAILED",
    "HIPBLAS_STATUS_NOT_INITIALIZED",
    "miopenStatusAllocFailed",
    "rocblas_status_memory_error",
)
"""What torch's RuntimeErrors say where memory ran out, by the library that says it. Only some are OutOfMemoryErrors."""

_RAN_OUT_ONEDNN = frozenset({"could not create a primitive", "could not create a memory object"})
"""All that oneDNN says on the CPU when it cannot allocate what a primitive needs. Where it has no implementation, it
says "could not create a primitive descriptor …" instead."""

_LOST = (
    "CUDA error",
    "CUDA driver error",
    "HIP error",
    "illegal memory access",
    "device-side assert",
    "unspecified launch failure",
    "uncorrectable ECC error",
    "CUDNN_STATUS_EXECUTION_FAILED",
    "CUBLAS_STATUS_EXECUTION_FAILED",
    "HIPBLAS_STATUS_EXECUTION_FAILED",
    "miopenStatusInternalError",
)
"""Errors of a device's context. CUDA's documentation of them: the process must be ended and started again
(https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html)."""

_REFUSED = (
    "no kernel image is available",
    "invalid device function",
    "invalid device ordinal",
    "invalid argument",
    "invalid configuration argument",
    "operation not supported",
)
"""Errors of a single call: the context lives on, and in a new process the same call fails again."""

_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where pipelines run. `memory`: at most so many bytes of it, if the operator says so."""

    torch_device: torch.device
    memory: int | None = None

    @property
    def accelerator(self) -> bool:
        return self.torch_device.type != "cpu"

    @property
    def kind(self) -> Kind:
        return {"cpu": Kind.CPU, "mps": Kind.UNIFIED}.get(self.torch_device.type, Kind.CARD)

    def room(self, held: int) -> Room:
        """What could be taken if all that this process holds were let go: `held` bytes of it are in main memory."""
        main = main_memory() + held
        if self.kind is Kind.CARD:
            device = torch.accelerator.get_memory_info(self.torch_device)[0] + self._reserved()
        elif self.kind is Kind.UNIFIED:
            device = main = min(main, torch.mps.recommended_max_memory())
        else:
            device = main
        device = usable(device if self.memory is None else min(device, self.memory))
        return Room(kind=self.kind, device=device, main=main if self.kind is Kind.CARD else device)

    def _reserved(self) -> int:
        return int(torch.accelerator.memory_reserved(self.torch_device))

    def dtype(self, name: str) -> torch.dtype:
        """The dtype for a recipe's name of one: float32 without a GPU, float16 where bfloat16 is slow or missing."""
        if not self.accelerator:
            return torch.float32
        return torch.float16 if name == "bfloat16" and not self._has_bfloat16() else _DTYPES[name]

    def _has_bfloat16(self) -> bool:
        match self.torch_device.type:
            case "cuda":
                return bool(torch.cuda.is_bf16_supported(including_emulation=False))
            case "mps":
                return torch.backends.mps.is_macos_or_newer(14, 0)
            case _:
                return True

    def describe(self) -> str:
        """A name for the record, such as `cuda (NVIDIA H100)` or `cpu, 2 threads`."""
        if self.torch_device.type == "cuda":
            return f"cuda ({torch.cuda.get_device_name(self.torch_device)})"
        if self.torch_device.type == "cpu":
            return f"cpu, {torch.get_num_threads()} threads"
        return self.torch_device.type


def let_segments_grow() -> None:
    """Have CUDA's allocator grow its segments: sizes that change from job to job would leave gaps that nothing fits.

    To be called before the device is first used. The operator's own settings are left alone.
    """
    if torch.version.cuda and not os.environ.keys() & {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"}:
        os.environ["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"


def find_device(wanted: str, memory: int | None, share: float = 1.0) -> Device:
    """`wanted`: auto, cpu, cuda, cuda:1, mps. `share`: how much of its memory is this process's.

    Raises ConfigurationError when it is not there.
    """
    name = _best() if wanted == "auto" else wanted
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigurationError(f"Local engine option device: {wanted!r} is not available here.") from error
    if share < 1:
        memory = memory or int(_total(device) * share)
        if device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(share, device)
    return Device(torch_device=device, memory=memory)


def _total(device: torch.device) -> int:
    if device.type == "cpu":
        return int(psutil.virtual_memory().total)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return int(torch.accelerator.get_memory_info(device)[1])


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def ran_out(error: BaseException) -> bool:
    """True when `error` says that memory ran out, on the GPU or in the process."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (text in _RAN_OUT_ONEDNN or any(words in text for words in _RAN_OUT))


def is_lost(error: BaseException) -> bool:
    """True when the device answers this process with that error from now on: only a new process can use it again."""
    text = str(error)
    told = isinstance(error, RuntimeError) and any(words in text for words in _LOST)
    if ran_out(error) or not (told or isinstance(error, torch.AcceleratorError)):
        return False
    return not any(words in text for words in _REFUSED)


def give_back(device: torch.device) -> None:
    """Return what nothing refers to any more to the device and to the system."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
