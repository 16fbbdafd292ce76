"""A cancel within a step, and a device that is lost."""

from __future__ import annotations

import asyncio
import functools
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reelwright.engines.child import EngineChild, Spec
from reelwright.engines.engine import RenderJob
from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import Cancelled, Code, EngineError
from reelwright.testing import Recorder, job_for, run_here
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import Stopping, a_request

pytest.importorskip("torch", reason=REASON)

import torch
from torch import nn

from reelwright.engines.local.interruption import between_blocks

STEPS = 2


@pytest.mark.parametrize("model", ["wan", "ltx", "animatediff"])
def test_a_cancel_within_a_step_or_a_decoding_ends_the_run_there(
    model: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    engine = LocalEngine(models={model: str(tiny_folder(model))}, preview_seconds=0)
    engine.load()
    request = a_request(model, num_inference_steps=STEPS)
    whole = Stopping()
    before = run_here(engine, request, tmp_path / "whole", whole)
    assert whole.progressed[-2:] == [(STEPS, STEPS + 1), (STEPS + 1, STEPS + 1)]

    in_text, in_decoding = Stopping(cancel_at_look=1), Stopping(cancel_at_look=whole.looks)
    for report in (in_text, in_decoding):
        with pytest.raises(Cancelled):
            run_here(engine, request, tmp_path / "cancelled", report)

    assert in_text.progressed == []
    assert in_decoding.progressed[-1] == (STEPS, STEPS + 1)
    assert whole.looks > 2 * STEPS + 2
    assert run_here(engine, request, tmp_path / "after").sha256 == before.sha256


class Row(nn.Module):
    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(blocks))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x


@torch.no_grad()
def test_what_is_compiled_is_looked_at_from_outside_and_never_compiled_anew() -> None:
    """As `Compiler` does it, with a backend that counts."""
    torch._dynamo.reset()
    graphs: Counter[str] = Counter()

    def backend(graph: Any, _inputs: Any) -> Any:
        graphs["compiled"] += 1
        return graph.forward

    row = Row(3)
    compiled = torch.compile(nn.Sequential.forward, backend=backend)
    for block in row.blocks:
        block.forward = functools.partial(compiled, block)
    x = torch.ones(2, 4)
    plain = row(x)
    before = graphs["compiled"]
    report = Stopping()
    task: Any = SimpleNamespace(tell=lambda say: say(), report=report, alive=True)

    for _ in range(2):
        with between_blocks(SimpleNamespace(components={"transformer": row}), [task], [*row.blocks]):
            assert torch.equal(row(x), plain)

    assert report.looks == 2 * 3
    assert torch.equal(row(x), plain)
    assert report.looks == 2 * 3
    assert graphs["compiled"] == before


async def test_after_an_error_of_the_device_the_process_ends_and_the_next_job_has_a_new_one(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    options = {"models": {"wan": str(tiny_folder("wan"))}, "device": "cpu", "preview_seconds": 0}
    spec = Spec(engine="tests.engines.local.failing:FailingEngine", options=options)
    child = await EngineChild.start(spec, dict(os.environ), print)
    listener = Recorder().listener()

    def job(prompt: str) -> RenderJob:
        request = a_request("wan", prompt=prompt, num_inference_steps=1, num_frames=5)
        return job_for(request, tmp_path)

    with pytest.raises(EngineError, match="failed: AcceleratorError"):
        await child.render(job("CUDA error: no kernel image is available for execution on the device"), listener)
    assert child.alive
    with pytest.raises(EngineError, match="The device failed while it made a video with model 'wan'") as caught:
        await child.render(job("CUDA error: an illegal memory access was encountered"), listener)
    assert caught.value.code == Code.ENGINE_CRASHED
    assert not child.alive
    await asyncio.wait_for(child.gone(), 10)
