"""Speed levers: each acts where it is offered, the exact ones within rounding, and resuming holds."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import EngineError
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import Recorder, a_request, an_image_request, take

pytest.importorskip("torch", reason=REASON)

import torch
from diffusers import UNetSpatioTemporalConditionModel
from diffusers.models.resnet import ResnetBlock2D

from reelwright.engines.local import fp8, layout, speed
from reelwright.engines.local.deep_reuse import DeepMemory
from reelwright.engines.local.memory import find_device
from reelwright.engines.local.options import Options
from reelwright.engines.local.recipe import Placement
from reelwright.engines.local.recipes import RECIPES


def an_engine(model: str, folder: Path, mode: str) -> LocalEngine:
    engine = LocalEngine(
        models={model: {"source": str(folder), "image": None}}, speed=mode, preview_seconds=0, checkpoint_steps=1
    )
    engine.load()
    return engine


def test_exact_svd_is_the_plain_one_within_rounding(tiny_folder: TinyFolder, tmp_path: Path, fox: Path) -> None:
    plain, exact = (
        take(an_engine("svd", tiny_folder("svd"), mode), an_image_request("svd"), tmp_path / mode, image_path=fox)
        for mode in ("plain", "exact")
    )
    assert exact.facts["levers"] == ["single_key_attention", "time_convolutions"]
    assert "levers" not in plain.facts
    assert np.abs(exact.frames.astype(int) - plain.frames).max() <= 1


def test_fast_svd_differs_and_still_resumes_to_the_same_bits(
    tiny_folder: TinyFolder, tmp_path: Path, fox: Path
) -> None:
    engine = an_engine("svd", tiny_folder("svd"), "fast")
    request = an_image_request("svd", num_inference_steps=8)
    whole = take(engine, request, tmp_path / "whole", image_path=fox)
    assert whole.facts["levers"] == ["single_key_attention", "time_convolutions", "deep_reuse"]
    plain = take(an_engine("svd", tiny_folder("svd"), "plain"), request, tmp_path / "plain", image_path=fox)
    assert whole.hash != plain.hash

    report = Recorder(break_at=5)
    with pytest.raises(EngineError):
        take(engine, request, tmp_path / "broken", report, image_path=fox)
    # Deep features are taken up only where they are computed afresh, every second step.
    assert [state["step"] for state in report.checkpoints] == [2, 4]
    resumed = take(engine, request, tmp_path / "broken", checkpoint=report.checkpoints[-1], image_path=fox)
    assert resumed.facts["resumed_from_step"] == 4
    assert resumed.hash == whole.hash


def test_a_call_between_computes_the_last_layer_only(tiny_folder: TinyFolder) -> None:
    unet = UNetSpatioTemporalConditionModel.from_pretrained(tiny_folder("svd") / "unet")
    computed: list[object] = []
    for part in unet.modules():
        if isinstance(part, ResnetBlock2D):
            part.register_forward_hook(lambda part, _inputs, _made: computed.append(part))
    DeepMemory(unet)
    random = torch.Generator().manual_seed(1)
    shapes = ((2, 4, 8, 8, 8), (2, 1, 32), (2, 3))
    sample, context, ids = (torch.randn(shape, generator=random) for shape in shapes)

    made = []
    with torch.no_grad():
        for _ in range(3):
            computed.clear()
            made.append((unet(sample, torch.tensor(1.0), context, ids).sample, list(computed)))

    (whole, all_blocks), (between, few), (again, all_again) = made
    assert few == [unet.up_blocks[-1].resnets[-1].spatial_res_block]
    assert len(all_blocks) == len(all_again) > 1
    # Asked the same again, what is reused is what would be made.
    assert torch.equal(between, whole)
    assert torch.equal(again, whole)


@pytest.mark.parametrize("model", ["wan", "ltx"])
def test_the_first_block_cache_acts_and_leaves_nothing_behind(
    model: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    engine = an_engine(model, tiny_folder(model), "fast")
    plain = take(an_engine(model, tiny_folder(model), "plain"), a_request(model), tmp_path / "plain")
    report = Recorder()
    first = take(engine, a_request(model), tmp_path / "1", report)
    assert first.facts["levers"] == ["first_block_cache"]
    assert report.checkpoints == []
    assert first.hash != plain.hash
    with pytest.raises(EngineError):
        take(engine, a_request(model, seed=9), tmp_path / "2", Recorder(break_at=3))
    assert take(engine, a_request(model), tmp_path / "3").hash == first.hash


@pytest.mark.parametrize("mode", ["plain", "exact", "fast"])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_without_a_gpu_no_lever_of_a_gpu_is_offered(recipe: object, mode: str) -> None:
    options = Options.parse({"speed": mode})
    names = speed.names(recipe, options, find_device("cpu", None), Placement.RESIDENT)  # type: ignore[arg-type]
    assert not {"fp8", "compile", "channels_last", "attention_priority"} & set(names)


def test_the_single_key_shortcut_is_the_attention_to_one_token() -> None:
    from diffusers.models.attention_processor import Attention, AttnProcessor2_0

    torch.manual_seed(0)
    attention = Attention(query_dim=32, cross_attention_dim=16, heads=4, dim_head=8).eval()
    shortcut = speed.SingleKeyAttention(AttnProcessor2_0())
    with torch.no_grad():
        for tokens in (1, 3):
            states, context = torch.randn(2, 9, 32), torch.randn(2, tokens, 16)
            expected = AttnProcessor2_0()(attention, states, context)
            assert torch.allclose(shortcut(attention, states, context), expected, atol=1e-6)


def test_a_convolution_over_time_is_the_same_as_a_2_d_one() -> None:
    torch.manual_seed(0)
    convolutions = torch.nn.Sequential(
        torch.nn.Conv3d(8, 16, (3, 1, 1), padding=(1, 0, 0)), torch.nn.SiLU(), torch.nn.Conv3d(16, 4, 1)
    ).eval()
    with torch.no_grad():
        x = torch.randn(2, 8, 5, 6, 4)
        expected = convolutions(x)
        assert layout.flatten_time_convolutions(convolutions) == 1
        assert torch.allclose(convolutions(x), expected, atol=1e-6)
        last = x.contiguous(memory_format=torch.channels_last_3d)
        assert torch.allclose(convolutions(last), expected, atol=1e-6)


def test_svd_takes_the_levers_of_a_gpu(tiny_folder: TinyFolder, fox: Path) -> None:
    """What only CUDA is offered, on the pipeline itself: a layout or a fused kernel must not be new to it there."""
    from diffusers import StableVideoDiffusionPipeline

    pipe = StableVideoDiffusionPipeline.from_pretrained(tiny_folder("svd"))
    pipe.set_progress_bar_config(disable=True)

    def run(around: AbstractContextManager[None]) -> torch.Tensor:
        with torch.no_grad(), around:
            seed = torch.Generator().manual_seed(1)
            image = PIL.Image.open(fox).resize((64, 64))
            return pipe(image, 64, 64, num_frames=4, num_inference_steps=2, generator=seed, output_type="pt").frames

    plain = run(nullcontext())
    speedup = speed.switch_on(pipe, ("time_convolutions", "channels_last", "attention_priority"))
    assert pipe.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert (run(speedup.around()) - plain).abs().max() < 1 / 255


def test_an_fp8_layer_is_within_a_few_per_cent_of_the_full_one() -> None:
    torch.manual_seed(0)
    full = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.GELU(), torch.nn.Linear(512, 100))
    x = torch.randn(2, 5, 256)
    expected = full[0](x)
    assert fp8.convert(full) == 1
    assert isinstance(full[0], fp8.Fp8Linear)
    assert isinstance(full[2], torch.nn.Linear)
    error = (full[0](x) - expected).norm() / expected.norm()
    assert error < 0.05
