"""The engine `local`: diffusers pipelines on this machine, warm between jobs, taken up again where they were killed."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reelwright.engines.engine import Made, RenderJob, Report
from reelwright.engines.local.options import Model, Options
from reelwright.engines.local.plan import default_request, make_plan
from reelwright.errors import Code, ConfigurationError, EngineError

if TYPE_CHECKING:
    from reelwright.engines.local.batcher import Batcher
    from reelwright.engines.local.memory import Device
    from reelwright.engines.local.pipeline_cache import PipelineCache
    from reelwright.engines.local.ranks import Ranks
    from reelwright.engines.local.render_task import RenderTask

_log = logging.getLogger(__name__)

_INSTALL = "The local engine needs PyTorch and diffusers; install them with: pip install 'reelwright[local]'"


class LocalEngine:
    """See `options.Options` for the options. Jobs may come from several threads; one thread owns the device."""

    def __init__(self, **options: Any) -> None:
        self._given = options
        self._options = Options.parse(options)
        self._batcher: Batcher | None = None
        self._pipelines: PipelineCache | None = None
        self._facts: dict[str, Any] = {}
        self._state: dict[str, Any] = {}

    def load(self) -> Mapping[str, Any]:
        """Import the libraries, find the device. Pipelines are loaded by the first job that needs them, but for the one
        that is to be there from the start.

        Raises EngineError (`engine_not_configured`) when the libraries are not installed or the device is not there.
        """
        try:
            import diffusers
            import torch
            import transformers
        except ImportError as error:
            raise EngineError(_INSTALL, code=Code.ENGINE_NOT_CONFIGURED) from error
        from reelwright.engines.local import devices, memory, pipeline, torch_view
        from reelwright.engines.local.batcher import Batcher, BatchTiming
        from reelwright.engines.local.pipeline_cache import PipelineCache
        from reelwright.engines.local.render import Renderer, environment

        pipeline.quiet()
        memory.let_segments_grow()
        trouble = devices.trouble(devices.look(), torch_view.view(), os.environ)
        device = _find_device(self._options, trouble)
        versions = {
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
        }
        self._facts = {"device": device.describe(), **versions}
        self._state = {"device": device.describe()}
        if trouble and self._options.device == "auto":
            self._state["warning"] = f"Videos are made on the CPU, which is very slow. {trouble}"
        ranks = self._start_ranks(device)
        if ranks is not None:
            self._facts["gpus"] = ranks.count
            versions["gpus"] = str(ranks.count)  # for the bits of a result
        self._pipelines = pipelines = PipelineCache(device, self._options, ranks)
        if self._options.preload:
            self._preload(pipelines, self._options.models[self._options.preload])
        renderer = Renderer(pipelines, device, self._options, environment(device, versions))
        timing = BatchTiming(window=self._options.batch_window, idle=self._options.idle_seconds)
        self._batcher = Batcher(renderer.render, pipelines.clear, self._batch_size, timing)
        self._batcher.start()
        return self._facts

    def _start_ranks(self, device: Device) -> Ranks | None:
        from reelwright.engines.local.ranks import Ranks

        if self._options.gpus_per_video == 1:
            return None
        if not device.accelerator and self._options.device == "auto":
            message = f"Local engine option gpus_per_video: {self._options.gpus_per_video}, but torch has no GPU here."
            raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
        ranks = Ranks(self._options.gpus_per_video, device, self._given)
        ranks.start()
        return ranks

    def _preload(self, pipelines: PipelineCache, model: Model) -> None:
        """Load a model as its default request needs it. What is in the way is told with the first job, and here."""
        plan = make_plan(model, default_request(model), self._options)
        try:
            tier = pipelines.tier(plan)
            if plan.paints:
                pipelines.image(plan, tier)
            pipelines.video(plan, tier)
        except EngineError as error:
            _log.warning("%s is not loaded at the start: %s", model.name, error.message)

    def _batch_size(self, task: RenderTask) -> int:
        return self._options.batch_of(task.plan.model.recipe)

    def state(self) -> Mapping[str, Any]:
        """For `/health`: the `device`, what is warm there, and a `warning` where torch cannot use the machine's GPU."""
        return {**self._state, **(self._pipelines.state() if self._pipelines else {})}

    def generate(self, job: RenderJob, report: Report) -> Made:
        """Raises EngineError with a clear message, Cancelled when the job was cancelled."""
        from reelwright.engines.local import checkpoint
        from reelwright.engines.local.render_task import RenderTask

        if self._batcher is None:
            raise EngineError("The local engine is not loaded.", code=Code.ENGINE_NOT_CONFIGURED)
        model = self._options.models.get(job.spec.model)
        if model is None:
            known = ", ".join(self._options.models)
            message = f"The local engine has no model {job.spec.model!r}; it has {known}."
            raise EngineError(message, code=Code.MODEL_NOT_FOUND)
        task = RenderTask(make_plan(model, job.spec, self._options), job, report)
        task.facts |= self._facts
        if job.checkpoint is not None and self._options.resumes(model.recipe):
            task.snapshot = checkpoint.load(job.checkpoint, job.scratch)
        self._batcher.complete(task)
        if task.error is not None:
            raise task.error
        assert task.result is not None
        return task.result


def _find_device(options: Options, trouble: str | None) -> Device:
    """`trouble`: why torch finds no GPU where there is one."""
    from reelwright.engines.local import memory

    try:
        return memory.find_device(options.device, options.memory, options.share)
    except ConfigurationError as error:
        message = f"{error.message} {trouble or 'Set it to auto, or to a device that torch has here.'}"
        raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED) from error
