"""The picture that a video ends with, and a pipeline's sound, through the engine."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from reelwright.engines.local import options, recipes
from reelwright.engines.local.card import cards
from reelwright.engines.local.engine import LocalEngine
from reelwright.engines.local.recipe import Recipe
from reelwright.media.sound import Sound
from reelwright.testing import run_here
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import a_request, an_image_request

pytest.importorskip("torch", reason=REASON)


def _offer(monkeypatch: pytest.MonkeyPatch, recipe: Recipe) -> None:
    monkeypatch.setattr(options, "RECIPES", {**recipes.RECIPES, recipe.name: recipe})


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe for weights of Wan that take a last frame."""
    base = recipes.RECIPES["wan-i2v"]
    (variant,) = base.variants
    arguments = {**variant.arguments, "last_image": "last_image"}
    recipe = dataclasses.replace(base, name="ending", variants=(dataclasses.replace(variant, arguments=arguments),))
    _offer(monkeypatch, recipe)
    return recipe


def test_the_last_image_reaches_the_pipeline_in_the_shape_of_the_video(
    ending: Recipe, tiny_folder: TinyFolder, tmp_path: Path, fox: Path
) -> None:
    from diffusers import WanImageToVideoPipeline

    folder = str(tiny_folder("wan_image"))
    engine = LocalEngine(models={"ending": folder}, preview_seconds=0)
    engine.load()
    last = tmp_path / "last.png"
    PIL.Image.new("RGB", (300, 100), (200, 30, 60)).save(last)
    request = an_image_request("ending", num_inference_steps=2, num_frames=9)
    plain = run_here(engine, request, tmp_path / "a", image_path=fox)
    ended = run_here(engine, request, tmp_path / "b", image_path=fox, last_image_path=last)
    assert ended.sha256 != plain.sha256

    import torch

    pipe = WanImageToVideoPipeline.from_pretrained(folder)
    pictures = [PIL.Image.open(path).convert("RGB") for path in (fox, last)]
    first, final = (PIL.ImageOps.fit(one, (request.width, request.height)) for one in pictures)
    wanted = pipe(
        image=first,
        last_image=final,
        prompt=request.prompt,
        negative_prompt=ending.negative_prompt,
        width=request.width,
        height=request.height,
        num_frames=9,
        num_inference_steps=2,
        guidance_scale=ending.guidance,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        output_type="np",
    ).frames[0]
    assert np.array_equal((wanted * 255).round().astype(np.uint8), ended.frames)


def test_the_card_says_who_ends_with_a_picture(ending: Recipe) -> None:
    of = {one.model: one for one in cards({"models": "ending,wan-i2v,wan"})}
    assert "last_image" in of["ending"].honours
    assert not of["ending"].ends_alone
    assert "last_image" not in of["wan-i2v"].honours | of["wan"].honours


@pytest.mark.parametrize(("asked", "shape"), [(None, (2, 480)), (True, (2, 480)), (False, None)])
def test_a_pipelines_sound_comes_along_unless_it_is_not_wanted(
    tiny_folder: TinyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool | None, shape: Any
) -> None:
    import torch
    from diffusers import WanPipeline

    silent = WanPipeline.__call__

    def sounding(self: WanPipeline, **arguments: Any) -> Any:
        output = silent(self, **arguments)
        # As LTX-2 has it: (videos, channels, samples), in the weights' own dtype.
        output["audio"] = torch.linspace(-1, 1, 480, dtype=torch.bfloat16).repeat(1, 2, 1)
        return output

    monkeypatch.setattr(WanPipeline, "__call__", sounding)
    recipe = dataclasses.replace(recipes.RECIPES["wan"], name="sounding", sound_rate="vocoder_rate")
    _offer(monkeypatch, recipe)
    monkeypatch.setattr(WanPipeline, "vocoder_rate", 24_000, raising=False)
    assert all("generate_audio" in card.honours for card in cards({"models": "sounding"}))
    engine = LocalEngine(models={"sounding": str(tiny_folder("wan"))}, preview_seconds=0)
    engine.load()
    made = run_here(engine, a_request("sounding", num_inference_steps=1, generate_audio=asked), tmp_path / "job")
    sound = made.clip.sound
    if shape is None:
        assert sound is None
        return
    assert isinstance(sound, Sound)
    assert (sound.rate, sound.samples().shape, sound.samples().dtype) == (24_000, shape, np.float32)
