"""Speed levers: each acts where it is offered, the exact ones within rounding, and resuming holds."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import EngineError
from reelwright.testing import Recorder, run_here
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import Stopping, a_request, an_image_request

pytest.importorskip("torch", reason=REASON)

import torch
from diffusers import UNetSpatioTemporalConditionModel
from diffusers.models.resnet import ResnetBlock2D

from reelwright.engines.local import block_cache, layout, quantization, speed
from reelwright.engines.local.compiling import Compiler
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
        run_here(an_engine("svd", tiny_folder("svd"), mode), an_image_request("svd"), tmp_path / mode, image_path=fox)
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
    whole = run_here(engine, request, tmp_path / "whole", image_path=fox)
    assert whole.facts["levers"] == ["single_key_attention", "time_convolutions", "deep_reuse"]
    plain = run_here(an_engine("svd", tiny_folder("svd"), "plain"), request, tmp_path / "plain", image_path=fox)
    assert whole.sha256 != plain.sha256

    report = Stopping(break_at=5)
    with pytest.raises(EngineError):
        run_here(engine, request, tmp_path / "broken", report, image_path=fox)
    # Deep features are taken up only where they are computed afresh, every second step.
    assert [state["step"] for state in report.checkpoints] == [2, 4]
    resumed = run_here(engine, request, tmp_path / "broken", checkpoint=report.checkpoints[-1], image_path=fox)
    assert resumed.facts["resumed_from_step"] == 4
    assert resumed.sha256 == whole.sha256


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


@pytest.mark.parametrize("model", ["wan", "ltx", "cogvideox"])
def test_the_first_block_cache_acts_and_leaves_nothing_behind(
    model: str, tiny_folder: TinyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_cache, "THRESHOLD", 0.5)  # random weights change more from step to step than trained ones
    engine = an_engine(model, tiny_folder(model), "fast")
    request = a_request(model, num_inference_steps=12)
    plain = run_here(an_engine(model, tiny_folder(model), "plain"), request, tmp_path / "plain")
    report = Recorder()
    first = run_here(engine, request, tmp_path / "1", report)
    assert first.facts["levers"] == ["first_block_cache"]
    assert report.checkpoints == []
    assert first.sha256 != plain.sha256
    with pytest.raises(EngineError):
        run_here(engine, replace(request, seed=9), tmp_path / "2", Stopping(break_at=10))
    assert run_here(engine, request, tmp_path / "3").sha256 == first.sha256
    without = replace(request, guidance_scale=1.0, num_inference_steps=10)
    assert run_here(engine, without, tmp_path / "4").sha256 == run_here(engine, without, tmp_path / "5").sha256


@pytest.mark.parametrize("kind", ["int8", "float8", "layerwise"])
def test_weights_in_8_bits_are_close_to_the_whole_ones_and_take_less(
    kind: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    whole = run_here(an_engine("wan", tiny_folder("wan"), "plain"), a_request("wan"), tmp_path)
    engine = LocalEngine(
        models={"wan": str(tiny_folder("wan"))}, quantization=kind, preview_seconds=0, checkpoint_steps=1
    )
    engine.load()
    report = Stopping(break_at=4)
    with pytest.raises(EngineError):
        run_here(engine, a_request("wan"), tmp_path / "broken", report)
    clip = run_here(engine, a_request("wan"), tmp_path)
    assert clip.facts["quantization"] == kind
    assert 0 < np.abs(clip.frames.astype(int) - whole.frames).mean() < 3
    resumed = run_here(engine, a_request("wan"), tmp_path / "broken", checkpoint=report.checkpoints[-1])
    assert resumed.facts["resumed_from_step"] > 0
    assert resumed.sha256 == clip.sha256


def test_layerwise_takes_unets_too_after_the_levers(tiny_folder: TinyFolder, tmp_path: Path, fox: Path) -> None:
    models = {"svd": {"source": str(tiny_folder("svd")), "image": None}}
    whole, cast = (
        LocalEngine(models=models, speed="exact", quantization=kind, preview_seconds=0) for kind in (None, "layerwise")
    )
    for engine in (whole, cast):
        engine.load()
    one, other = (run_here(engine, an_image_request("svd"), tmp_path, image_path=fox) for engine in (whole, cast))
    assert other.facts["dtype"] == "float8_e4m3fn"
    assert other.facts["levers"] == one.facts["levers"] == ["single_key_attention", "time_convolutions"]
    assert 0 < np.abs(one.frames.astype(int) - other.frames).mean() < 4


def test_compiled_is_plain_within_rounding_in_every_size_and_says_so(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    """With the compiler itself (on the CPU): the second size compiles for all sizes, the third compiles nothing."""
    folder = str(tiny_folder("ltx"))
    plain, exact = (
        LocalEngine(models={"ltx": folder}, speed=mode, compile=True, preview_seconds=0) for mode in ("plain", "exact")
    )
    for engine in (plain, exact):
        engine.load()
    torch._dynamo.utils.counters.clear()
    graphs = []
    for width in (64, 96, 128):
        request = a_request("ltx", width=width, num_inference_steps=2)
        one, other = (run_here(engine, request, tmp_path) for engine in (plain, exact))
        assert other.facts["levers"] == ["compile"]
        assert np.abs(one.frames.astype(int) - other.frames).max() <= 1
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert graphs[0] < graphs[1] == graphs[2]


def test_without_a_c_compiler_it_runs_as_it_is_and_the_record_says_so(
    tiny_folder: TinyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch._dynamo.reset()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    request = a_request("ltx", width=96, num_inference_steps=2)
    plain = run_here(an_engine("ltx", tiny_folder("ltx"), "plain"), request, tmp_path)
    engine = LocalEngine(models={"ltx": str(tiny_folder("ltx"))}, speed="exact", compile=True, preview_seconds=0)
    engine.load()
    clip = run_here(engine, request, tmp_path)
    assert clip.facts["not_compiled"] == "there is no C compiler: install gcc"
    assert "levers" not in clip.facts
    assert clip.sha256 == plain.sha256


def test_a_model_that_would_be_compiled_again_and_again_is_not() -> None:
    torch._dynamo.reset()
    block = torch.nn.Linear(8, 8)
    compiler = Compiler()
    compiler.take([block])
    with torch._dynamo.config.patch(recompile_limit=1, automatic_dynamic_shapes=False), torch.no_grad():
        for rows in (2, 3):
            x = torch.ones(rows, 8)
            assert torch.allclose(block(x), x @ block.weight.T + block.bias, atol=1e-6)
            assert compiler.broken == (None if rows == 2 else "too many shapes")


def test_an_attention_backend_that_is_not_there_is_named(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    engine = LocalEngine(models={"wan": str(tiny_folder("wan"))}, attention="sage", preview_seconds=0)
    engine.load()
    with pytest.raises(EngineError, match="Local engine option attention: 'sage' cannot be used here: "):
        run_here(engine, a_request("wan"), tmp_path)
    other = LocalEngine(models={"wan": str(tiny_folder("wan"))}, attention="_native_math", preview_seconds=0)
    other.load()
    assert run_here(other, a_request("wan"), tmp_path).facts["attention"] == "_native_math"


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
    assert (run(speedup.around(pipe, 2, 3.0)) - plain).abs().max() < 1 / 255


def test_fp8_takes_the_layers_that_gain() -> None:
    large, odd, embedding = torch.nn.Linear(256, 512), torch.nn.Linear(512, 100), torch.nn.Linear(256, 256)
    assert quantization.gains(large, "blocks.0.ffn")
    assert not quantization.gains(odd, "blocks.0.ffn")
    assert not quantization.gains(embedding, "time_embedder.linear_1")
    assert not quantization.gains(torch.nn.Conv2d(256, 256, 1), "conv")
