"""The local engine with a device that fails: what the prompt names is raised in the middle of a network.

For a real child process: `Spec(engine="tests.engines.local.failing:FailingEngine")`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.local.engine import LocalEngine


class FailingEngine(LocalEngine):
    """`CUDA error: …` as a prompt is raised by the first network, as torch raises it."""

    def generate(self, job: RenderJob, report: Report) -> Made:
        prompt = job.spec.prompt

        def fail(_module: torch.nn.Module, _inputs: Any) -> None:
            raise torch.AcceleratorError(f"{prompt}\nCUDA kernel errors might be asynchronously reported")

        if not prompt.startswith("CUDA error"):
            return super().generate(job, report)
        hook = register_module_forward_pre_hook(fail)
        try:
            return super().generate(job, report)
        finally:
            hook.remove()
