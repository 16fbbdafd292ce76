"""Speed levers: each acts where it is offered, the exact ones within rounding, and resuming holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import EngineError
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import Recorder, a_request, an_image_request, take

pytest.importorskip("torch", reason=REASON)

import torch

from reelwright.engines.local import fp8, speed
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
    assert exact.facts["levers"] == ["single_key_attention"]
    assert "levers" not in plain.facts
    assert np.abs(exact.frames.astype(int) - plain.frames).max() <= 1


def test_fast_svd_differs_and_still_resumes_to_the_same_bits(
    tiny_folder: TinyFolder, tmp_path: Path, fox: Path
) -> None:
    engine = an_engine("svd", tiny_folder("svd"), "fast")
    request = an_image_request("svd", num_inference_steps=8)
    whole = take(engine, request, tmp_path / "whole", image_path=fox)
    assert whole.facts["levers"] == ["single_key_attention", "deep_reuse"]
    plain = take(an_engine("svd", tiny_folder("svd"), "plain"), request, tmp_path / "plain", image_path=fox)
    assert whole.hash != plain.hash

    report = Recorder(break_at=5)
    with pytest.raises(EngineError):
        take(engine, request, tmp_path / "broken", report, image_path=fox)
    # Deep features are taken up only where they are computed afresh, every third step.
    assert [state["step"] for state in report.checkpoints] == [3]
    resumed = take(engine, request, tmp_path / "broken", checkpoint=report.checkpoints[-1], image_path=fox)
    assert resumed.facts["resumed_from_step"] == 3
    assert resumed.hash == whole.hash


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
