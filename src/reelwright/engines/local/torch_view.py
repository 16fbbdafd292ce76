"""What torch says of the GPUs here: `python -m reelwright.engines.local.torch_view` prints it as one line of JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings

import torch

from reelwright.engines.local.devices import Gpu, View, build_name


def view(*, memory: bool = False) -> View:
    """`memory`: also how much each GPU has, which takes some of it on each of them for as long as the process lives."""
    gpus: tuple[Gpu, ...] = ()
    words = ""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            gpus = tuple(_gpu(number, memory=memory) for number in range(torch.cuda.device_count()))
            if not gpus and (torch.version.cuda or torch.version.hip):
                torch.cuda.init()  # type: ignore[no-untyped-call]
        except (RuntimeError, AssertionError) as error:
            gpus, words = (), str(error)
    if not gpus and torch.backends.mps.is_available():
        gpus = (Gpu(name="Apple GPU"),)
    told = words or " ".join(str(one.message) for one in said)
    return View(
        torch=torch.__version__,
        build=build_name(torch.version.cuda, torch.version.hip),
        gpus=gpus,
        words="" if gpus else " ".join(told.split())[:400],
    )


def _gpu(number: int, *, memory: bool) -> Gpu:
    free, total = torch.cuda.mem_get_info(number) if memory else (None, None)
    return Gpu(name=torch.cuda.get_device_name(number), total=total, free=free)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dataclasses.asdict(view(memory=True))) + "\n")
