"""Every recipe, loaded from a cache under its real name with its real scheduler file: the same bits as diffusers' own
call with what the model's makers name, resumed to the same bits where the recipe says so, and told in the record.

What is expected stands here once more, in diffusers' words, so that a recipe cannot agree with itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from reelwright.engines.local.engine import LocalEngine
from reelwright.engines.local.recipes import RECIPES
from reelwright.errors import EngineError
from reelwright.media import images
from reelwright.testing import run_here
from reelwright.video import VideoSpec
from tests.engines.local.conftest import REASON, TinyHub
from tests.engines.local.studio import Stopping, a_request, an_image_request

pytest.importorskip("torch", reason=REASON)

import diffusers
import torch
from transformers.initialization import no_init_weights

from tests.engines.local import configurations

CHINESE = "色调艳丽，过曝，静态，细节模糊不清"
ENGLISH = "Bright tones, overexposed, static"
LTX = "worst quality, inconsistent motion, blurry, jittery, distorted"
EVEN = {"flow_shift": 5.0, "solver_order": 1, "disable_corrector": list(range(16))}
DISTILLED = {
    "sigmas": [1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875],
    "num_inference_steps": 8,
    "guidance_scale": 1.0,
    "stg_scale": 0.0,
    "modality_scale": 1.0,
    "guidance_rescale": 0.0,
    "audio_guidance_scale": 1.0,
    "audio_stg_scale": 0.0,
    "audio_modality_scale": 1.0,
    "audio_guidance_rescale": 0.0,
}
TWO_ZERO = {"spatio_temporal_guidance_blocks": [29], "use_cross_timestep": False, "frame_rate": 12}
LTX_CALL = {"guidance_scale": 5.0, "decode_timestep": 0.05, "decode_noise_scale": 0.025, "frame_rate": 12}
T2V_PAIR = "Wan2.2-T2V-A14B-4steps-lora-rank64-Seko-V1.1"
I2V_PAIR = "Wan2.2-I2V-A14B-4steps-lora-rank64-Seko-V1"


@dataclass(frozen=True, kw_only=True)
class Case:
    """`call` goes to the pipeline beside the request's own; `scheduler` are the changes of the repository's file,
    `kind` is another class. `negative` is how the default negative prompt begins. `lora`: repository, file, weight;
    `pair`: one file an expert.
    """

    pipeline: str
    call: Mapping[str, Any] = field(default_factory=dict)
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    kind: str | None = None
    shift: float | None = None
    negative: str | None = None
    image: bool = False
    closes: bool = False
    lora: tuple[str, str, float] | None = None
    pair: tuple[str, str] | None = None
    frames: int = 9
    steps: int = 4
    guider: float | None = None
    parts: Mapping[str, tuple[str, str]] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "wan": Case(pipeline="WanPipeline", call={"guidance_scale": 5.0}, shift=3.0, negative=CHINESE),
    "wan-2.1-14b": Case(pipeline="WanPipeline", call={"guidance_scale": 5.0}, shift=3.0, negative=CHINESE),
    "wan-i2v": Case(
        pipeline="WanImageToVideoPipeline", call={"guidance_scale": 5.0}, shift=3.0, negative=CHINESE, image=True
    ),
    "wan-flf2v": Case(
        pipeline="WanImageToVideoPipeline",
        call={"guidance_scale": 5.5},
        shift=16.0,
        negative=CHINESE,
        image=True,
        closes=True,
    ),
    "wan-vace": Case(pipeline="WanVACEPipeline", call={"guidance_scale": 5.0}, shift=3.0, negative=CHINESE),
    "wan-vace-14b": Case(
        pipeline="WanVACEPipeline", call={"guidance_scale": 5.0}, shift=3.0, negative=CHINESE, image=True
    ),
    "wan-5b": Case(pipeline="WanPipeline", call={"guidance_scale": 5.0}, shift=5.0, negative=CHINESE),
    "wan-14b": Case(
        pipeline="WanPipeline",
        call={"guidance_scale": 4.0, "guidance_scale_2": 3.0},
        scheduler={"flow_shift": 12.0},
        shift=12.0,
        negative=CHINESE,
    ),
    "wan-14b-i2v": Case(
        pipeline="WanImageToVideoPipeline",
        call={"guidance_scale": 3.5, "guidance_scale_2": 3.5},
        scheduler={"flow_shift": 5.0},
        shift=5.0,
        negative=CHINESE,
        image=True,
    ),
    "wan-2.1-14b-4step": Case(
        pipeline="WanPipeline",
        call={"guidance_scale": 1.0},
        scheduler=EVEN,
        shift=5.0,
        lora=("lightx2v/Wan2.1-Distill-Loras", "wan2.1_t2v_14b_lora_rank64_lightx2v_4step.safetensors", 1.0),
    ),
    "wan-i2v-4step": Case(
        pipeline="WanImageToVideoPipeline",
        call={"guidance_scale": 1.0},
        scheduler=EVEN,
        shift=5.0,
        image=True,
        lora=("lightx2v/Wan2.1-Distill-Loras", "wan2.1_i2v_lora_rank64_lightx2v_4step.safetensors", 1.0),
    ),
    "wan-14b-4step": Case(
        pipeline="WanPipeline",
        call={"guidance_scale": 1.0},
        scheduler=EVEN,
        shift=5.0,
        pair=(f"{T2V_PAIR}/high_noise_model.safetensors", f"{T2V_PAIR}/low_noise_model.safetensors"),
    ),
    "wan-14b-i2v-4step": Case(
        pipeline="WanImageToVideoPipeline",
        call={"guidance_scale": 1.0},
        scheduler=EVEN,
        shift=5.0,
        image=True,
        pair=(f"{I2V_PAIR}/high_noise_model.safetensors", f"{I2V_PAIR}/low_noise_model.safetensors"),
    ),
    "skyreels": Case(
        pipeline="SkyReelsV2Pipeline",
        call={"guidance_scale": 6.0},
        scheduler={"flow_shift": 8.0},
        shift=8.0,
        negative=ENGLISH,
    ),
    "skyreels-i2v": Case(
        pipeline="SkyReelsV2ImageToVideoPipeline",
        call={"guidance_scale": 5.0},
        shift=5.0,
        negative=ENGLISH,
        image=True,
    ),
    "ltx": Case(pipeline="LTXPipeline", call=LTX_CALL, negative=LTX),
    "ltx-2": Case(pipeline="LTX2Pipeline", call={"guidance_scale": 4.0, **TWO_ZERO}, negative=LTX, steps=2),
    "ltx-2.3-8step": Case(
        pipeline="LTX2ImageToVideoPipeline",
        call={**DISTILLED, "frame_rate": 12},
        scheduler={"use_dynamic_shifting": False, "shift_terminal": None},
        shift=1.0,
        image=True,
        steps=8,
    ),
    "hunyuan": Case(pipeline="HunyuanVideo15Pipeline", shift=5.0, guider=6.0, steps=2),
    "hunyuan-i2v": Case(pipeline="HunyuanVideo15ImageToVideoPipeline", shift=5.0, guider=6.0, image=True, steps=2),
    "hunyuan-i2v-8step": Case(
        pipeline="HunyuanVideo15ImageToVideoPipeline", shift=7.0, guider=1.0, image=True, steps=2
    ),
    "mochi": Case(pipeline="MochiPipeline", call={"guidance_scale": 4.5}, shift=1.0, frames=7),
    "cogvideox": Case(
        pipeline="CogVideoXPipeline", call={"guidance_scale": 6.0}, scheduler={"timestep_spacing": "trailing"}
    ),
    "cogvideox-i2v": Case(
        pipeline="CogVideoXImageToVideoPipeline",
        call={"guidance_scale": 6.0, "use_dynamic_cfg": True},
        kind="CogVideoXDPMScheduler",
        scheduler={"timestep_spacing": "trailing"},
        image=True,
    ),
    "animatediff": Case(
        pipeline="AnimateDiffPipeline",
        call={"guidance_scale": 7.5, "decode_chunk_size": 16},
        kind="DDIMScheduler",
        scheduler={
            "beta_schedule": "linear",
            "clip_sample": False,
            "timestep_spacing": "linspace",
            "steps_offset": 1,
        },
        negative="bad quality, worse quality",
        frames=8,
        parts={"motion_adapter": ("MotionAdapter", "guoyww/animatediff-motion-adapter-v1-5-2")},
    ),
    "animatelcm": Case(
        pipeline="AnimateDiffPipeline",
        call={"guidance_scale": 1.0, "decode_chunk_size": 16},
        kind="LCMScheduler",
        scheduler={"beta_schedule": "linear"},
        frames=8,
        lora=("wangfuyun/AnimateLCM", "AnimateLCM_sd15_t2v_lora.safetensors", 0.8),
        parts={
            "motion_adapter": ("MotionAdapter", "wangfuyun/AnimateLCM"),
            "vae": ("AutoencoderTiny", "madebyollin/taesd"),
        },
    ),
}


def test_every_recipe_has_a_case_but_those_that_other_tests_cover() -> None:
    assert CASES.keys() == RECIPES.keys() - {"svd", "generic"}


def a_request_for(name: str, case: Case) -> VideoSpec:
    ask: Callable[..., VideoSpec] = an_image_request if case.image else a_request
    own_steps = {"num_inference_steps": None} if "sigmas" in case.call else {"num_inference_steps": case.steps}
    return ask(name, num_frames=case.frames, **own_steps)


# Mochi asks for an autocast to float32, which the CPU has not and does not need.
@pytest.mark.filterwarnings("ignore:In CPU autocast, but the target dtype is not supported:UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_a_recipe_makes_what_diffusers_makes_and_says_how(
    name: str, tiny_hub: TinyHub, tmp_path: Path, fox: Path
) -> None:
    case, recipe = CASES[name], RECIPES[name]
    repos = [recipe.repo, *(repo for _, repo in case.parts.values())]
    repos += [adapter.repo for adapter in recipe.adapters]
    folders = {repo: tiny_hub(repo) for repo in repos}
    spec = a_request_for(name, case)
    image = fox if case.image else None
    engine = LocalEngine(models=name, preview_seconds=0, checkpoint_steps=2)
    engine.load()

    made = run_here(engine, spec, tmp_path / "whole", image_path=image)

    expected = by_diffusers(case, folders, recipe.repo, spec, made.facts, image)
    assert np.abs(made.frames.astype(int) - expected.astype(int)).max() == 0
    told(case, made.facts)
    if not recipe.resumes:
        return
    report = Stopping(break_at=3)
    with pytest.raises(EngineError):
        run_here(engine, spec, tmp_path / "broken", report, image_path=image)
    again = run_here(engine, spec, tmp_path / "broken", checkpoint=report.checkpoints[-1], image_path=image)
    assert again.facts["resumed_from_step"] == 2
    assert again.sha256 == made.sha256


def by_diffusers(
    case: Case, folders: Mapping[str, Path], repo: str, spec: VideoSpec, facts: Mapping[str, Any], fox: Path | None
) -> np.ndarray[Any, Any]:
    """The frames of diffusers' own call, 8 bits."""
    parts = {
        name: getattr(diffusers, kind).from_pretrained(folders[where]) for name, (kind, where) in case.parts.items()
    }
    pipe = getattr(diffusers, case.pipeline).from_pretrained(folders[repo], dtype=torch.float32, **parts)
    pipe.set_progress_bar_config(disable=True)
    kind = getattr(diffusers, case.kind) if case.kind else type(pipe.scheduler)
    pipe.scheduler = kind.from_config(pipe.scheduler.config, **case.scheduler)
    if case.guider is not None:
        pipe.guider = pipe.guider.new(guidance_scale=case.guider)
    put_loras_on(pipe, case, folders)
    arguments: dict[str, Any] = {
        "prompt": spec.prompt,
        "num_frames": case.frames,
        "num_inference_steps": case.steps,
        "generator": torch.Generator().manual_seed(spec.seed),
        "output_type": "np",
        **case.call,
    }
    if case.negative:
        assert facts["negative_prompt"].startswith(case.negative)
        arguments["negative_prompt"] = facts["negative_prompt"]
    if case.pipeline != "HunyuanVideo15ImageToVideoPipeline":
        arguments |= {"width": spec.width, "height": spec.height}
    if fox is not None:
        arguments |= image_arguments(case, images.fit(images.decode_image(fox), (64, 64)))
    torch.manual_seed(spec.seed)
    with torch.no_grad():
        frames = pipe(**arguments).frames[0]
    return (torch.from_numpy(np.asarray(frames)) * 255).round().to(torch.uint8).numpy()


def put_loras_on(pipe: Any, case: Case, folders: Mapping[str, Path]) -> None:
    if case.lora:
        repo, file, weight = case.lora
        pipe.load_lora_weights(folders[repo], weight_name=file, adapter_name="one")
        pipe.set_adapters(["one"], [weight])
    if case.pair:
        folder = folders["lightx2v/Wan2.2-Lightning"]
        pipe.load_lora_weights(folder, weight_name=case.pair[0], adapter_name="high")
        pipe.load_lora_weights(folder, weight_name=case.pair[1], adapter_name="low", load_into_transformer_2=True)
        pipe.set_adapters(["high", "low"], [1.0, 1.0])


def image_arguments(case: Case, image: PIL.Image.Image) -> dict[str, Any]:
    if case.closes:
        return {"image": image, "last_image": image}
    if case.pipeline != "WanVACEPipeline":
        return {"image": image}
    grey = [PIL.Image.new("RGB", image.size, (128, 128, 128))] * (case.frames - 1)
    white = [PIL.Image.new("L", image.size, 255)] * (case.frames - 1)
    return {"video": [image, *grey], "mask": [PIL.Image.new("L", image.size, 0), *white]}


def told(case: Case, facts: Mapping[str, Any]) -> None:
    assert facts["pipeline"] == case.pipeline
    assert facts.get("flow_shift") == case.shift
    assert ("negative_prompt" in facts) == bool(case.negative)
    assert facts["guidance_scale"] == case.call.get("guidance_scale", case.guider)
    assert facts.get("guidance_scale_2") == case.call.get("guidance_scale_2")
    if case.kind:
        assert facts["scheduler"] == case.kind
    if case.lora:
        assert facts["loras"] == [{"source": "/".join(case.lora[:2]), "weight": case.lora[2]}]
    if case.pair:
        assert [one["expert"] for one in facts["loras"]] == ["high", "low"]


def test_recipes_know_how_large_the_real_networks_are() -> None:
    """Counted on the real configurations, without memory: the placements are computed from it."""
    counts: dict[str, float] = {}
    for recipe in RECIPES.values():
        if not recipe.parameters:
            continue
        found = {}
        for name, kind, config in configurations.networks(recipe):
            key = json.dumps([kind, config], sort_keys=True)
            if key not in counts:
                with torch.device("meta"), no_init_weights():
                    counts[key] = configurations.millions(configurations.build(kind, config))
            found[name] = counts[key]
        assert found == pytest.approx(dict(recipe.parameters), rel=0.005), recipe.name
