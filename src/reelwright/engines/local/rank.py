"""One of the other ranks of several GPUs for one video: `python -m reelwright.engines.local.rank` (see ranks.py).

Reads lines of JSON from its standard input: `begin`, then `take`, `run` and `drop`. It holds the denoising networks of
one model and computes its part of them; it never sees a prompt, and makes no frames. It ends with its standard input,
in the middle of a call, too.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed

from reelwright.engines.local import memory, pipeline, ranks, speed, weights
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Options
from reelwright.engines.local.pipeline import Loaded
from reelwright.engines.local.recipe import Placement, Tier

Word = Mapping[str, Mapping[str, Any]]


class Rank:
    """Does what it is told, in turn."""

    def __init__(self, begin: Mapping[str, Any]) -> None:
        pipeline.quiet()
        memory.let_segments_grow()
        options = Options.parse(begin["options"])
        # Previews are made of what only rank 0 has.
        self._options = replace(options, preview_seconds=0.0)
        self._device = _device(begin["device"], options)
        self._count = begin["count"]
        self._loaded: Loaded | None = None
        ranks.meet(self._device, rank=begin["rank"], count=self._count, meeting=Path(begin["meeting"]))

    def do(self, word: Word) -> None:
        match word:
            case {"take": {"model": str(model), "pipeline": str(class_name)}}:
                self._take(model, class_name)
            case {"run": {"part": str(part), "tensors": tensors, "others": others}}:
                self._run(part, tensors, others)
            case {"drop": _}:
                self._drop()
            case _:
                raise ValueError(f"unexpected word {list(word)}")

    def _take(self, name: str, class_name: str) -> None:
        """Read the networks as rank 0 does, and nothing else of the pipeline."""
        self._drop()
        model = self._options.models[name]
        tier = Tier(placement=Placement.RESIDENT)
        half = self._device.dtype(model.recipe.dtype) is torch.float16
        folder = weights.pipeline_weights(name, model.source, model.revision, half=half).folder
        index = weights.read_index(name, folder)
        absent = {
            part: None
            for part, kind in index.items()
            if isinstance(kind, list) and part not in (*speed.DENOISERS, "scheduler")
        }
        loaded = pipeline.load_video(model, class_name, self._device, tier, self._options, absent)
        chosen = speed.names(model.recipe, self._options, self._device, tier.placement)
        loaded.speedup = speed.switch_on(loaded.pipe, chosen, self._options.attention)
        pipeline.place(loaded.pipe, self._device, tier)
        for part in speed.denoisers(loaded.pipe).values():
            ranks.split(part, self._count, self._device)
        self._loaded = loaded

    def _run(self, part: str, tensors: Mapping[str, Any], others: Mapping[str, Any]) -> None:
        assert self._loaded is not None
        where = self._device.torch_device
        inputs = {
            name: torch.empty(shape, dtype=getattr(torch, dtype), device=where)
            for name, (shape, dtype) in tensors.items()
        }
        for tensor in inputs.values():
            torch.distributed.broadcast(tensor, 0)
        with self._loaded.speedup.around(self._loaded.pipe, 1, 1.0):
            speed.denoisers(self._loaded.pipe)[part](**others, **inputs)

    def _drop(self) -> None:
        self._loaded = None
        memory.give_back(self._device.torch_device)


def _device(name: str, options: Options) -> Device:
    return memory.find_device(name, options.memory, options.share)


def _words(read: queue.SimpleQueue[Word]) -> None:
    """Read on while something is computed: the end of the input is the end of this process."""
    for line in sys.stdin:
        read.put(json.loads(line))
    os._exit(0)


def main() -> None:
    read: queue.SimpleQueue[Word] = queue.SimpleQueue()
    threading.Thread(target=_words, args=(read,), daemon=True).start()
    with torch.no_grad():
        rank = Rank(read.get()["begin"])
        while True:
            rank.do(read.get())


if __name__ == "__main__":
    main()
