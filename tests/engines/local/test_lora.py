"""LoRAs: which a request may name, and that they act on that request only."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.local import lora
from reelwright.engines.local.engine import LocalEngine
from reelwright.engines.local.options import Options
from reelwright.errors import Code, EngineError
from reelwright.testing import run_here
from reelwright.video import Task
from tests.engines.local.conftest import REASON, TinyFolder, TinyHub
from tests.engines.local.studio import Stopping, a_request
from tests.engines.local.test_weights import Canary


def parse(value: object, model: str = "wan", **options: Any) -> tuple[lora.Lora, ...]:
    parsed = Options.parse({"models": [model], **options})
    found = parsed.models[model]
    variant = found.recipe.variant(found.tasks[0])
    assert variant is not None
    return lora.parse(value, found, variant, parsed)


def refusal(value: object, **more: Any) -> str:
    with pytest.raises(EngineError) as caught:
        parse(value, **more)
    assert caught.value.code == Code.INVALID_FIELD
    return caught.value.message


def test_a_file_in_the_folder_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "snow.safetensors").write_bytes(b"x")
    (found,) = parse([{"source": "snow.safetensors", "weight": 0.5}], lora_folder=str(tmp_path))
    assert found.file == tmp_path / "snow.safetensors"
    assert found.weight == 0.5
    assert parse(["snow.safetensors"], lora_folder=str(tmp_path))[0].weight == 1.0
    assert parse(None) == parse([]) == ()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["../snow.safetensors"], "neither the name"),
        (["/etc/snow.safetensors"], "neither the name"),
        (["snow.bin"], "neither the name"),
        (["gone.safetensors"], "not in the server's LoRA folder"),
        (["someone/snow"], "takes none from the Hugging Face Hub"),
        (["snow.safetensors"] * 5, "at most 4"),
        ("snow.safetensors", "takes a list"),
        ([{"source": "snow.safetensors", "weight": 3}], "between -2 and 2"),
        ([{"source": "snow.safetensors", "weight": float("nan")}], "between -2 and 2"),
        ([{"source": "snow.safetensors", "scale": 1}], "each is a name"),
        ([7], "each is a name"),
    ],
)
def test_anything_else_is_refused_with_the_reason(value: object, why: str, tmp_path: Path) -> None:
    (tmp_path / "snow.safetensors").write_bytes(b"x")
    assert why in refusal(value, lora_folder=str(tmp_path))


def test_a_pair_is_for_a_model_with_two_experts(tmp_path: Path) -> None:
    for name in ("high.safetensors", "low.safetensors"):
        (tmp_path / name).write_bytes(b"x")
    pair = [{"high": "high.safetensors", "low": "low.safetensors", "weight": 0.5}]
    found = parse(pair, model="wan-14b", lora_folder=str(tmp_path))
    assert [one.fact for one in found] == [
        {"source": "high.safetensors", "weight": 0.5, "expert": "high"},
        {"source": "low.safetensors", "weight": 0.5, "expert": "low"},
    ]
    assert "only a model with two experts takes a pair" in refusal(pair, lora_folder=str(tmp_path))


def test_a_model_that_takes_none_says_so(tmp_path: Path) -> None:
    options = Options.parse({"models": ["svd"]})
    model = options.models["svd"]
    variant = model.recipe.variant(Task.IMAGE_TO_VIDEO)
    assert variant is not None
    with pytest.raises(EngineError, match="takes none for image-to-video"):
        lora.parse(["x.safetensors"], model, variant, options)


def a_lora(path: Path, width: int, seed: int = 1) -> None:
    """Rank 4 on the first attention of the tiny Wan."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    tensors = {
        f"transformer.blocks.0.attn1.to_{name}.{side}.weight": torch.randn(*shape)
        for name in "qkv"
        for side, shape in (("lora_A", (4, width)), ("lora_B", (width, 4)))
    }
    save_file(tensors, path)


def test_on_two_experts_a_lora_acts_on_both_and_a_pair_on_one_each(tiny_hub: TinyHub, tmp_path: Path) -> None:
    """Over the model's own adapter, which stands before and after."""
    pytest.importorskip("torch", reason=REASON)
    from tests.engines.local.tiny_others import lora as write

    tiny_hub("Wan-AI/Wan2.2-T2V-A14B-Diffusers")
    for seed, name in enumerate(("style", "high", "low", "own")):
        write(tmp_path / f"{name}.safetensors", [f"transformer.blocks.0.attn1.to_{one}" for one in "qkv"], 24, seed)
    models = {"wan-14b": {"loras": [{"source": str(tmp_path / "own.safetensors"), "weight": 0.5}]}}
    engine = LocalEngine(models=models, lora_folder=str(tmp_path), preview_seconds=0)
    engine.load()

    def made(*loras: Any) -> tuple[str, Any]:
        clip = run_here(
            engine, a_request("wan-14b", num_inference_steps=4, params={"loras": list(loras)}), tmp_path / "s"
        )
        return clip.sha256, clip.facts["loras"]

    def pair(high: str, low: str) -> dict[str, str]:
        return {"high": f"{high}.safetensors", "low": f"{low}.safetensors"}

    own = {"source": "own.safetensors", "weight": 0.5}
    alone = made()
    assert alone[1] == [own]
    style = made("style.safetensors")
    assert style[1] == [own, {"source": "style.safetensors", "weight": 1.0}]
    # The same file for each expert is the same as the file for both; another one for either expert is not.
    assert made(pair("style", "style"))[0] == style[0]
    hashes = {style[0], alone[0], made(pair("high", "style"))[0], made(pair("style", "low"))[0]}
    assert len(hashes) == 4
    assert made() == alone


def test_a_lora_acts_on_its_request_and_is_gone_for_the_next(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=REASON)
    a_lora(tmp_path / "snow.safetensors", 24)
    (tmp_path / "wrong.safetensors").write_bytes(b"not tensors")
    song = tmp_path / "song"
    (tmp_path / "canary.safetensors").write_bytes(pickle.dumps(Canary(song)))
    engine = LocalEngine(models={"wan": str(tiny_folder("wan"))}, lora_folder=str(tmp_path), preview_seconds=0)
    engine.load()
    before = run_here(engine, a_request("wan"), tmp_path / "1")

    wished = a_request("wan", params={"loras": [{"source": "snow.safetensors", "weight": 0.8}]})
    with_lora = run_here(engine, wished, tmp_path / "2")
    assert with_lora.sha256 != before.sha256
    assert with_lora.facts["loras"] == [{"source": "snow.safetensors", "weight": 0.8}]
    assert run_here(engine, wished, tmp_path / "3").sha256 == with_lora.sha256

    for name in ("wrong.safetensors", "canary.safetensors"):
        with pytest.raises(EngineError, match=f"'{name}' does not fit WanPipeline"):
            run_here(engine, a_request("wan", params={"loras": [name]}), tmp_path / "4")
    assert not song.exists()
    assert run_here(engine, a_request("wan"), tmp_path / "5").sha256 == before.sha256


@pytest.mark.parametrize("kind", ["int8", "float8"])
def test_a_lora_acts_on_weights_in_8_bits(kind: str, tiny_folder: TinyFolder, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=REASON)
    a_lora(tmp_path / "snow.safetensors", 24)
    wan = str(tiny_folder("wan"))
    engine = LocalEngine(models={"wan": wan}, lora_folder=str(tmp_path), quantization=kind, preview_seconds=0)
    engine.load()
    before = run_here(engine, a_request("wan"), tmp_path)
    assert run_here(engine, a_request("wan", params={"loras": ["snow.safetensors"]}), tmp_path).sha256 != before.sha256
    assert run_here(engine, a_request("wan"), tmp_path).sha256 == before.sha256


def test_a_checkpoint_is_not_taken_up_with_another_file_of_that_name(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=REASON)
    a_lora(tmp_path / "snow.safetensors", 24)
    model = {"models": {"wan": str(tiny_folder("wan"))}, "lora_folder": str(tmp_path)}
    engine = LocalEngine(**model, preview_seconds=0, checkpoint_steps=2)
    engine.load()
    wished = a_request("wan", params={"loras": ["snow.safetensors"]}, num_inference_steps=4)
    report = Stopping(break_at=3)
    with pytest.raises(EngineError):
        run_here(engine, wished, tmp_path / "job", report)

    same = run_here(engine, wished, tmp_path / "job", checkpoint=report.checkpoints[-1])
    a_lora(tmp_path / "snow.safetensors", 24, seed=2)
    other = run_here(engine, wished, tmp_path / "job", checkpoint=report.checkpoints[-1])

    assert (same.facts["resumed_from_step"], same.facts["resumed_exactly"]) == (2, True)
    assert other.facts["resumed_from_step"] == 0


def test_weights_in_8_bits_layerwise_take_none(tmp_path: Path) -> None:
    (tmp_path / "snow.safetensors").write_bytes(b"x")
    why = refusal(["snow.safetensors"], lora_folder=str(tmp_path), quantization="layerwise")
    assert "kept in 8 bits layerwise, which takes none; int8 and float8 do" in why
