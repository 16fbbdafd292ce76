"""The local engine, with an eye on the blocks of Wan's network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.local.engine import LocalEngine


class Attentive(LocalEngine):
    """The facts say how many `tokens` the blocks were given. With the prompt "break" one of them fails."""

    def generate(self, job: RenderJob, report: Report) -> Made:
        from torch.nn.modules.module import register_module_forward_pre_hook

        tokens: set[int] = set()

        def look(module: Any, inputs: Any) -> None:
            if type(module).__name__ == "WanTransformerBlock":
                tokens.add(inputs[0].shape[1])
                if job.spec.prompt == "break" and len(tokens) > 1:
                    raise RuntimeError("the block broke")

        hook = register_module_forward_pre_hook(look)
        try:
            made = super().generate(job, report)
        finally:
            hook.remove()
        return replace(made, facts={**made.facts, "tokens": sorted(tokens)})
