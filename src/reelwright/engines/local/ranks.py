"""Several GPUs for one video: each step's network is computed by all of them, each a part of the video's tokens.

This process is rank 0. It alone runs the pipeline: prompts, sampling, previews, checkpoints, decoding. The other ranks
(rank.py) are processes with a GPU and the denoising networks' weights each. At each call of such a network its inputs
go to all of them, all compute it at the same time by diffusers' context parallelism (Ulysses: DeepSpeed Ulysses,
https://arxiv.org/abs/2309.14509), and rank 0 goes on with the result. What is to be done they read as lines of JSON;
tensors and the work itself go through torch.distributed.

A call that breaks off on one rank leaves the others waiting for it for ever, and so do the libraries. So whatever
breaks one ends them all: the other ranks live as long as their standard input, and rank 0's process ends with any of
them. The job goes on from its checkpoint in new ones.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import diffusers
import torch
import torch.distributed

from reelwright.engines.local import speed, weights
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Model
from reelwright.errors import Code, EngineError, EngineLost

SPLITTABLE = frozenset({"WanTransformer3DModel"})
"""Of the models that diffusers 0.42 has a plan for, those that were seen to make the same frames split as whole.

LTX has one, too, but its attention masks are made for all heads and meet a part of them.
"""

_PATIENCE = timedelta(hours=2)
"""For the slowest rank to read its weights. A rank that has ended is noticed at once."""


class Ranks:
    """Rank 0's end, used by the engine's one thread. `start` first."""

    def __init__(self, count: int, device: Device, options: Mapping[str, Any]) -> None:
        """`options`: the engine's, as they were given."""
        self.count = count
        self._device = device
        self._options = options
        self._others: list[subprocess.Popen[str]] = []
        self._held: str | None = None

    def start(self) -> None:
        """Start the other ranks and meet them. Raises EngineError when there are too few GPUs."""
        self._enough()
        meeting = Path(tempfile.mkdtemp(prefix="reelwright-ranks-")) / "meeting"
        for rank in range(1, self.count):
            command = [sys.executable, "-P", "-m", "reelwright.engines.local.rank"]
            other = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
            self._others.append(other)
            threading.Thread(target=_end_with, args=(other, rank), daemon=True).start()
        for rank, other in enumerate(self._others, 1):
            kind = self._device.torch_device.type
            place = kind if kind == "cpu" else f"{kind}:{rank}"
            words = {"rank": rank, "count": self.count, "meeting": str(meeting), "device": place}
            self._tell_one(other, begin={**words, "options": dict(self._options)})
        meet(self._device, rank=0, count=self.count, meeting=meeting)

    def prepare(self, model: Model, class_name: str) -> None:
        """Have the other ranks read the denoising networks of that pipeline; rank 0 reads its own meanwhile.

        Raises EngineError when these cannot be split.
        """
        half = self._device.dtype(model.recipe.dtype) is torch.float16
        found = weights.pipeline_weights(model.name, model.source, model.revision, half=half)
        index = weights.read_index(model.name, found.folder)
        kinds = [index[name][1] for name in speed.DENOISERS if isinstance(index.get(name), list) and index[name][1]]
        if not set(kinds) <= SPLITTABLE:
            message = (
                f"Model {model.name!r} cannot be computed by several GPUs. Set the local engine option gpus_per_video "
                f"to 1, or choose a model with {', '.join(sorted(SPLITTABLE))}."
            )
            raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
        if self._held != model.name:
            self._tell(take={"model": model.name, "pipeline": class_name or index["_class_name"]})
            self._held = model.name

    def split(self, pipe: Any) -> None:
        """Compute the denoising networks of the pipeline together, from now on."""
        for name, part in speed.denoisers(pipe).items():
            if part._parallel_config is None:
                split(part, self.count, self._device)
                part.forward = functools.partial(self._together, name, part.forward)

    def drop(self) -> None:
        """Have the other ranks let go of what they hold."""
        if self._held is not None:
            self._tell(drop={})
            self._held = None

    def _together(self, part: str, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if args:
            raise TypeError(f"{part} is called with unnamed arguments, which the other ranks cannot tell apart")
        where = self._device.torch_device
        tensors = {
            name: value.to(where).contiguous() for name, value in kwargs.items() if isinstance(value, torch.Tensor)
        }
        shapes = {name: [list(value.shape), _name_of(value.dtype)] for name, value in tensors.items()}
        others = {name: value for name, value in kwargs.items() if name not in tensors}
        self._tell(run={"part": part, "tensors": shapes, "others": others})
        try:
            for tensor in tensors.values():
                torch.distributed.broadcast(tensor, 0)
            return forward(**others, **tensors)
        except Exception as error:
            message = f"The GPUs of one video could not go on together: {type(error).__name__}. They are started anew."
            raise EngineLost(message) from error

    def _enough(self) -> None:
        kind = self._device.torch_device.type
        here = self.count if kind == "cpu" else torch.cuda.device_count() if kind == "cuda" else 1
        if here < self.count:
            message = (
                f"Local engine option gpus_per_video: {self.count}, but torch has {here} GPU(s) here. Set it to no "
                "more than that, or give the server more GPUs."
            )
            raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)

    def _tell(self, **words: Any) -> None:
        for other in self._others:
            self._tell_one(other, **words)

    @staticmethod
    def _tell_one(other: subprocess.Popen[str], **words: Any) -> None:
        assert other.stdin is not None
        try:
            other.stdin.write(json.dumps(words) + "\n")
            other.stdin.flush()
        except BrokenPipeError as error:
            raise EngineLost("A process of a video's other GPUs has ended. They are started anew.") from error


def meet(device: Device, *, rank: int, count: int, meeting: Path) -> None:
    """Join the others. `meeting`: a file that all of them see. All of it stays on this machine."""
    for name in ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"):
        os.environ.setdefault(name, "lo")
    cuda = device.torch_device.type == "cuda"
    if cuda:
        torch.cuda.set_device(rank)
    torch.distributed.init_process_group(
        "nccl" if cuda else "gloo", init_method=meeting.as_uri(), rank=rank, world_size=count, timeout=_PATIENCE
    )


def split(part: Any, count: int, device: Device) -> None:
    """Turn a network into this rank's share of it. Raises EngineError when its attention backend cannot do that."""
    # Any number of tokens and heads: clients choose the size of a video.
    config: Any = diffusers.ContextParallelConfig(ulysses_degree=count, ulysses_anything=True)  # type: ignore[no-untyped-call]
    try:
        with _counted(device):
            part.enable_parallelism(config=config)
    except ValueError as error:
        message = (
            "Local engine option gpus_per_video: the attention backend in use cannot be split over GPUs. Set the "
            "option attention to null."
        )
        raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED) from error


@contextmanager
def _counted(device: Device) -> Iterator[None]:
    """diffusers 0.42 divides by the number of accelerators, also where there is none."""
    if device.accelerator:
        yield
        return
    count = torch.accelerator.device_count
    torch.accelerator.device_count = lambda: 1
    try:
        yield
    finally:
        torch.accelerator.device_count = count


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _end_with(other: subprocess.Popen[str], rank: int) -> None:
    """Whatever this process does now, it would wait for that rank for ever."""
    code = other.wait()
    sys.stderr.write(f"The process of rank {rank} has ended (exit code {code}); so this one ends.\n")
    sys.stderr.flush()
    os._exit(1)
