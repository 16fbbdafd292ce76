"""Running the stages of one or a few compatible requests: text → image, image → latents, latents → frames."""

from __future__ import annotations

import hashlib
import inspect
import logging
import operator
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import numpy as np
import PIL.Image
import torch

from reelwright.engines.engine import Made
from reelwright.engines.local import decoding, generic, lora, memory, sampling, speed, svd, weights
from reelwright.engines.local.denoising import Denoising, Keeping, Previews
from reelwright.engines.local.interruption import between_blocks
from reelwright.engines.local.memory import Device
from reelwright.engines.local.options import Options
from reelwright.engines.local.pipeline import Loaded
from reelwright.engines.local.pipeline_cache import PipelineCache
from reelwright.engines.local.plan import Plan
from reelwright.engines.local.recipe import LatentAxes, Tier
from reelwright.engines.local.render_task import RenderTask, stage
from reelwright.engines.local.scheduler import watched
from reelwright.errors import Cancelled, Code, EngineError, EngineLost
from reelwright.media import images
from reelwright.media.clip import Clip
from reelwright.media.sound import Sound

_log = logging.getLogger(__name__)


class OutOfMemory(Exception):
    """Memory ran out in a run; what the run held has been let go."""


class Renderer:
    """Everything that touches the device, used by one thread."""

    def __init__(self, pipelines: PipelineCache, device: Device, options: Options, environment: str) -> None:
        self._pipelines = pipelines
        self._device = device
        self._options = options
        self._environment = environment
        self._mode = options.mode(accelerator=device.accelerator)
        # From which size on a model's jobs start leaner, because one of that size ran out of memory.
        self._too_large: dict[str, tuple[int, Tier]] = {}
        self._saver = ThreadPoolExecutor(1, "checkpoints")

    def render(self, tasks: list[RenderTask]) -> None:
        """Bring each task to its end: finished, failed or cancelled."""
        try:
            tier = self._tier(tasks[0].plan)
        except EngineError as error:
            _fail_all(tasks, error)
            return
        try:
            self._attempt(tasks, tier)
        except OutOfMemory:
            self._retry([task for task in tasks if task.alive], tier)

    def _tier(self, plan: Plan) -> Tier:
        volume, leaner = self._too_large.get(plan.model.name, (0, None))
        return leaner if leaner is not None and plan.volume >= volume else self._pipelines.tier(plan)

    def _retry(self, tasks: list[RenderTask], tier: Tier) -> None:
        """After running out of memory: those of a batch one by one, a single one in the next leaner placement."""
        if len(tasks) > 1:
            for task in tasks:
                self.render([task])
            return
        for task in tasks:
            leaner = tier
            while following := self._pipelines.leaner(task.plan, leaner):
                leaner = following
                try:
                    self._attempt([task], leaner)
                    self._too_large[task.plan.model.name] = (task.plan.volume, leaner)
                    return
                except OutOfMemory:
                    continue
            task.fail(_too_large(task.plan))

    def _attempt(self, tasks: list[RenderTask], tier: Tier) -> None:
        """One run of the tasks. Raises OutOfMemory with the pipelines emptied; other failures end the tasks."""
        ran_out = False
        try:
            with torch.no_grad():
                self._run(tasks, tier)
        except EngineError as error:
            _fail_all(tasks, error)
        except Exception as error:  # noqa: BLE001 - the edge of the engine: whatever a pipeline raises ends here
            ran_out = memory.ran_out(error)
            if memory.is_lost(error):
                _log.exception("The device failed under %s", tasks[0].plan.model.name)
                _fail_all(tasks, _lost(tasks[0].plan))
            elif not ran_out:
                _log.exception("The pipeline of %s failed", tasks[0].plan.model.name)
                _fail_all(tasks, _failed(tasks[0].plan, error))
            # The traceback holds the frames that hold the tensors.
            traceback.clear_frames(error.__traceback__)
        if ran_out:
            self._pipelines.clear()
            raise OutOfMemory

    def _run(self, tasks: list[RenderTask], tier: Tier) -> None:
        plan = tasks[0].plan
        for task in tasks:
            self._take_up(task)
            with stage("image", [task]), suppress(Cancelled):  # of this one alone
                self._imagine(task, tier)
        tasks = [task for task in tasks if task.alive]
        if not tasks:
            return
        with stage("weights", tasks), self._told("loading the weights", tasks):
            loaded = self._pipelines.video(plan, tier)
        scheduler = sampling.scheduler(loaded.pipe, plan)
        for task in tasks:
            task.facts |= self._facts(task, loaded, scheduler, tier, len(tasks))
        with stage("denoise", tasks):
            output = self._denoise(tasks, loaded, scheduler, tier)
        for task in tasks:
            task.facts |= loaded.speedup.facts(self._mode)
        for number, task in enumerate(tasks):
            if task.alive:
                with stage("decode", [task]), suppress(Cancelled), self._interruptible(loaded, [task]):
                    frames = self._decode(output, number, task, loaded, tier)
                # Only now: whoever waits for the task finds every stage ended.
                if task.alive:
                    self._deliver(task, frames, _sound(output, number, task, loaded))
        loaded.pipe.maybe_free_model_hooks()

    def _facts(self, task: RenderTask, loaded: Loaded, scheduler: Any, tier: Tier, batched: int) -> dict[str, Any]:
        plan = task.plan
        snapshot = task.snapshot
        facts: dict[str, Any] = {
            "recipe": plan.model.recipe.name,
            "source": loaded.source,
            "revision": loaded.weights.revision,
            "pipeline": type(loaded.pipe).__name__,
            "scheduler": type(scheduler).__name__,
            "steps": plan.steps,
            **plan.facts,
            "dtype": _dtype(loaded.pipe),
            "placement": tier.placement.value,
            "generated_frames": plan.frames,
            "batched_with": batched - 1,
            "resumed_from_step": snapshot.step if snapshot else 0,
        }
        if task.job.checkpoint is not None and snapshot is None:
            facts["restarted"] = "the checkpoint could not be used"
        if snapshot is not None:
            facts["resumed_exactly"] = snapshot.environment == self._surroundings(loaded, tier)
        if tier.decode_chunk is not None:
            facts["decode_chunk"] = tier.decode_chunk
        if tier.tiled_decode:
            facts["tiled_decode"] = True
        if self._options.quantization:
            facts["quantization"] = self._options.quantization
        if self._options.attention:
            facts["attention"] = self._options.attention
        if (shift := sampling.flow_shift(scheduler)) is not None:
            facts["flow_shift"] = shift
        if used := [one.fact for one in (*lora.always(plan.model), *plan.loras)]:
            facts["loras"] = used
        return facts

    @contextmanager
    def _told(self, what: str, tasks: list[RenderTask]) -> Iterator[None]:
        """Whoever waits for one of them is told what is done, if it takes long enough to be read."""
        for task in tasks:
            task.tell(lambda t=task: t.report.stage(what))  # type: ignore[misc]
        yield
        for task in tasks:
            task.tell(lambda t=task: t.report.stage(None))  # type: ignore[misc]
        if not any(task.alive for task in tasks):
            raise Cancelled("Cancelled.")

    def _expect_compiling(self, tasks: list[RenderTask], loaded: Loaded) -> None:
        """The first step at a size compiles: that is what is done until it has ended."""
        spec = tasks[0].plan.spec
        size = (len(tasks), tasks[0].plan.frames, spec.height, spec.width)
        compiler = loaded.speedup.compiler
        if compiler.parts and compiler.broken is None and size not in loaded.compiled_for:
            loaded.compiled_for.add(size)
            for task in tasks:
                task.tell(lambda t=task: t.report.stage("compiling"))  # type: ignore[misc]

    def _interruptible(self, loaded: Loaded, tasks: list[RenderTask]) -> AbstractContextManager[None]:
        # Several GPUs wait for each other within a network: one that leaves there would be waited for, for ever.
        together = speed.denoisers(loaded.pipe).values() if self._options.gpus_per_video > 1 else ()
        return between_blocks(loaded.pipe, tasks, [*loaded.speedup.compiler.parts, *together])

    def _surroundings(self, loaded: Loaded, tier: Tier) -> str:
        """A digest of what decides about bits here, beside the work itself: where it is another one than that of a
        checkpoint, the job goes on, but not exactly."""
        parts = (part for part in loaded.pipe.components.values() if isinstance(part, torch.nn.Module))
        dtypes = sorted({str(weight.dtype) for part in parts for weight in part.parameters()})
        decoding = f"decode_chunk={tier.decode_chunk} tiled={tier.tiled_decode}"
        words = [self._environment, decoding, *loaded.speedup.names, *dtypes]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]

    def _take_up(self, task: RenderTask) -> None:
        """Let go of a snapshot that was taken of other work: other weights, another request, another speed mode."""
        if task.snapshot is None:
            return
        model = task.plan.model
        half = self._device.dtype(model.recipe.dtype) is torch.float16
        revision = weights.pipeline_weights(model.name, model.source, model.revision, half=half).revision
        if task.snapshot.work != task.plan.work(revision, self._mode):
            task.snapshot = None

    # --- text → image -------------------------------------------------------------------------------------------------

    def _imagine(self, task: RenderTask, tier: Tier) -> None:
        """Give the task the image that its video starts from, where it starts from one."""
        plan = task.plan
        size = (plan.spec.width, plan.spec.height)
        if task.snapshot is not None and task.snapshot.image is not None:
            task.image = PIL.Image.fromarray(task.snapshot.image.numpy())
        elif plan.paints:
            self._paint(task, size, tier)
        elif task.job.image_path is not None and "image" in plan.variant.arguments:
            task.image = images.fit(images.decode_image(task.job.image_path), size)
        if task.job.last_image_path is not None and "last_image" in plan.variant.arguments:
            task.last_image = images.fit(images.decode_image(task.job.last_image_path), size)

    def _paint(self, task: RenderTask, size: tuple[int, int], tier: Tier) -> None:
        plan = task.plan
        recipe = plan.model.image
        if recipe is None:
            message = f"Model {plan.model.name!r} has no text-to-image stage configured; send an image."
            raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
        with self._told("loading the weights", [task]):
            loaded = self._pipelines.image(plan, tier)
        watcher = Denoising(
            [task],
            first=0,
            units=plan.painting_units,
            generators=[],
            device=self._device.torch_device,
        )
        arguments: dict[str, Any] = {
            "prompt": plan.spec.prompt,
            "width": size[0],
            "height": size[1],
            "num_inference_steps": recipe.steps,
            "guidance_scale": recipe.guidance,
            "generator": task.image_generator(),
        }
        if recipe.honours_negative_prompt and plan.spec.negative_prompt:
            arguments["negative_prompt"] = plan.spec.negative_prompt
        torch.manual_seed(plan.spec.seed)
        with (
            lora.applied(loaded.pipe, plan.loras),
            _watching(loaded.pipe, loaded.pipe.scheduler, watcher),
            self._interruptible(loaded, [task]),
        ):
            image = loaded.pipe(**arguments).images[0]
        task.image = image.convert("RGB")
        task.facts["image_stage"] = {
            "recipe": recipe.name,
            "source": loaded.source,
            "revision": loaded.weights.revision,
            "steps": recipe.steps,
        }

    # --- denoising ----------------------------------------------------------------------------------------------------

    def _denoise(self, tasks: list[RenderTask], loaded: Loaded, scheduler: Any, tier: Tier) -> Any:
        plan = tasks[0].plan
        generators = [task.generator() for task in tasks]
        watcher = Denoising(
            tasks,
            first=plan.painting_units,
            units=plan.steps,
            generators=generators,
            device=self._device.torch_device,
            previews=self._previews(loaded, plan),
            keeping=self._keeping(tasks, loaded, tier),
        )
        arguments = self._arguments(tasks, loaded.pipe, generators)
        if "decode_chunk_size" in arguments:
            arguments["decode_chunk_size"] = tier.decode_chunk
        settings = {name: arguments.pop(name) for name in list(arguments) if "." in name}
        if tasks[0].snapshot is not None:
            arguments["latents"] = tasks[0].snapshot.latents.clone()
        if plan.model.recipe.resumes:
            arguments["callback_on_step_end"] = watcher.step_ended
        torch.manual_seed(plan.spec.seed)
        adapters = () if plan.paints else plan.loras
        self._expect_compiling(tasks, loaded)
        together = svd.per_sample_ids(loaded.pipe) if len(tasks) > 1 else nullcontext()
        try:
            with (
                lora.applied(loaded.pipe, adapters, lora.always(plan.model)),
                sampling.components(loaded.pipe, settings),
                sampling.size_of_the_image(loaded.pipe),
                _watching(loaded.pipe, scheduler, watcher),
                self._interruptible(loaded, tasks),
                loaded.speedup.around(loaded.pipe, plan.steps, plan.guidance),
                together,
                self._tiles_when_short(tasks, loaded),
            ):
                return loaded.pipe(**arguments)
        finally:
            watcher.settle()
            if "steps" in plan.model.recipe.left_out:
                tasks[0].facts["steps"] = watcher.calls

    def _tiles_when_short(self, tasks: list[RenderTask], loaded: Loaded) -> AbstractContextManager[None]:
        if not any(tier.tiled_decode for tier in tasks[0].plan.model.recipe.tiers):
            return nullcontext()

        def told() -> None:
            for task in tasks:
                task.facts["tiled_decode"] = True

        return decoding.tiles_when_short(loaded.pipe.vae, self._device.torch_device, told)

    def _previews(self, loaded: Loaded, plan: Plan) -> Previews | None:
        axes = plan.model.recipe.latent_axes
        if loaded.factors is None or axes is None:
            return None
        scale = loaded.pipe.vae_spatial_compression_ratio if axes is LatentAxes.PACKED else 1
        return Previews(seconds=self._options.preview_seconds, factors=loaded.factors, axes=axes, spatial_scale=scale)

    def _keeping(self, tasks: list[RenderTask], loaded: Loaded, tier: Tier) -> Keeping | None:
        if not self._options.resumes(tasks[0].plan.model.recipe):
            return None
        return Keeping(
            steps=self._options.checkpoint_steps,
            seconds=self._options.checkpoint_seconds,
            environment=self._surroundings(loaded, tier),
            works={t.job.video_id: t.plan.work(loaded.weights.revision, self._mode) for t in tasks},
            every=speed.checkpoint_every(tasks[0].plan.model.recipe, self._options),
            saver=self._saver,
        )

    def _arguments(self, tasks: list[RenderTask], pipe: Any, generators: list[torch.Generator]) -> dict[str, Any]:
        plan = tasks[0].plan
        recipe = plan.model.recipe
        arguments = dict(plan.arguments)
        if tasks[0].image is not None:
            arguments["image"] = tasks[0].image
        if tasks[0].last_image is not None:
            arguments[plan.variant.arguments["last_image"]] = tasks[0].last_image
        arguments["generator"] = generators[0]
        if len(tasks) > 1:
            arguments |= svd.per_sample([task.plan.arguments for task in tasks])
            arguments |= {"image": [task.image for task in tasks], "generator": generators}
        if plan.variant.closes:
            arguments.setdefault("last_image", arguments["image"])
        if plan.variant.keyframes:
            ends = arguments.pop("image", None), arguments.pop("last_image", None)
            arguments |= sampling.keyframes(*ends, plan.frames)
        arguments["output_type"] = "latent" if recipe.decodes_apart else "pt"
        known = inspect.signature(pipe.__call__).parameters
        if unknown := sorted(plan.variant.fixed.keys() - known.keys()):
            names = ", ".join(known)
            message = (
                f"Local engine option models[{plan.model.name}].arguments: {unknown[0]!r} is no argument of "
                f"{type(pipe).__name__}; it takes {names}."
            )
            raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
        if not plan.variant.pipeline:
            arguments, ignored = generic.arguments(plan, pipe, arguments)
            tasks[0].facts |= {"generated_frames": generic.frames(plan, pipe)} | (
                {"ignored": ignored} if ignored else {}
            )
        return arguments

    # --- latents → frames ---------------------------------------------------------------------------------------------

    def _decode(self, output: Any, number: int, task: RenderTask, loaded: Loaded, tier: Tier) -> torch.Tensor:
        """The frames (count, height, width, 3), 0 … 1, of one request, where they were decoded.

        Nobody else's latents are in its decoding.
        """
        if not task.plan.model.recipe.decodes_apart:
            made = output.frames[number]
            return made.permute(0, 2, 3, 1) if isinstance(made, torch.Tensor) else torch.from_numpy(np.asarray(made))
        latents = output.frames[number : number + 1]
        chunk = tier.decode_chunk or task.plan.frames
        pixels = loaded.pipe.decode_latents(latents, task.plan.frames, chunk)
        decoded: torch.Tensor = loaded.pipe.video_processor.postprocess_video(pixels, output_type="pt")[0]
        return decoded.permute(0, 2, 3, 1)

    def _deliver(self, task: RenderTask, frames: torch.Tensor, sound: Sound | None) -> None:
        plan = task.plan
        spec = plan.spec
        buffer = task.job.frames
        wanted = (spec.num_frames, spec.height, spec.width, 3)
        if frames.shape[0] < wanted[0] or frames.shape[1:] != wanted[1:]:
            made = f"{frames.shape[0]} frames of {frames.shape[2]}x{frames.shape[1]}"
            task.fail(EngineError(f"The pipeline made {made}, not what was asked for.", code=Code.BAD_OUTPUT))
            return
        kept = frames[: wanted[0]]
        if not decoding.finite(kept):
            message = "The pipeline made frames that are no numbers; another dtype may help."
            task.fail(EngineError(message, code=Code.BAD_OUTPUT))
            return
        decoding.to_bytes(kept, buffer.array())
        task.tell(lambda: task.report.progress(plan.units, plan.units))
        if task.alive:
            clip = Clip(fps=spec.fps, num_frames=spec.num_frames, frames=buffer, sound=sound)
            task.finish(Made(clip=clip, facts=task.facts))


def _sound(output: Any, number: int, task: RenderTask, loaded: Loaded) -> Sound | None:
    """The sound that a pipeline made along with the frames, unless none was wanted."""
    place, wanted = task.plan.model.recipe.sound_rate, task.plan.spec.generate_audio
    if place is None or wanted is False or output.audio is None:
        return None
    wave = torch.as_tensor(output.audio[number]).float().cpu()
    rate = int(operator.attrgetter(place)(loaded.pipe))
    return Sound.write(task.job.sound, (wave[None] if wave.ndim == 1 else wave).numpy(), rate)


@contextmanager
def _watching(pipe: Any, scheduler: Any, watcher: Denoising) -> Iterator[None]:
    """The pipeline runs with `scheduler`, watched. Its hooks are always freed: a run that was broken off would
    otherwise leave its caches to the next one.
    """
    original = pipe.scheduler
    # Past the pipeline's own __setattr__, which would write the class into its configuration.
    vars(pipe)["scheduler"] = watched(scheduler, watcher)
    try:
        yield
    except BaseException:
        pipe.maybe_free_model_hooks()
        raise
    finally:
        vars(pipe)["scheduler"] = original


def _dtype(pipe: Any) -> str:
    """Of most of the numbers: some models keep a few in float32."""
    counts: Counter[str] = Counter()
    for part in speed.denoisers(pipe).values():
        for weight in part.parameters():
            counts[str(weight.dtype).removeprefix("torch.")] += weight.numel()
    return counts.most_common(1)[0][0]


def _fail_all(tasks: list[RenderTask], error: EngineError) -> None:
    for task in tasks:
        if task.alive:
            task.fail(error)


def _failed(plan: Plan, error: BaseException) -> EngineError:
    return EngineError(f"Model {plan.model.name!r} failed: {type(error).__name__}.", code=Code.ENGINE_FAILED)


def _lost(plan: Plan) -> EngineLost:
    return EngineLost(
        f"The device failed while it made a video with model {plan.model.name!r}; a new engine process is started for "
        "the next job. If it happens again, look for GPU errors in the system's log (dmesg)."
    )


def _too_large(plan: Plan) -> EngineError:
    spec = plan.spec
    size = f"{spec.num_frames} frames of {spec.width}x{spec.height}"
    message = f"Not enough memory for {size}; ask for fewer or smaller frames."
    return EngineError(message, code=Code.OUT_OF_MEMORY)


def environment(device: Device, versions: dict[str, str]) -> str:
    """A digest of what decides about bits: the device, its library versions, the threads."""
    words = [device.describe(), *(f"{name}={version}" for name, version in sorted(versions.items()))]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
