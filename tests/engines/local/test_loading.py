"""The production loader, a repository's cache and a canary in a model folder."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import EngineError
from reelwright.testing import run_here
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.shelves import cached
from tests.engines.local.studio import a_request
from tests.engines.local.test_weights import Canary
from tests.fakes.hub import COMMIT

pytest.importorskip("torch", reason=REASON)

import torch


def render(source: str, tmp_path: Path) -> str:
    engine = LocalEngine(models={"wan": source}, preview_seconds=0)
    engine.load()
    return run_here(engine, a_request("wan", num_inference_steps=2), tmp_path / "scratch").sha256


def test_a_pickle_beside_safetensors_is_never_opened(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder("wan"), tmp_path / "wan")
    song = tmp_path / "song"
    for name in ("transformer/diffusion_pytorch_model.bin", "text_encoder/pytorch_model.bin", "vae/x.pt", "x.ckpt"):
        (folder / name).write_bytes(pickle.dumps(Canary(song)))
    assert render(str(folder), tmp_path) == render(str(tiny_folder("wan")), tmp_path)
    assert not song.exists()


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder"])
def test_a_model_whose_weights_are_pickles_is_refused_unopened(
    part: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder("wan"), tmp_path / "wan")
    song = tmp_path / "song"
    for file in (folder / part).glob("*.safetensors"):
        file.unlink()
    for name in ("diffusion_pytorch_model.bin", "pytorch_model.bin"):
        (folder / part / name).write_bytes(pickle.dumps(Canary(song)))
    with pytest.raises(EngineError, match=f"the weights of its {part} are pickles"):
        render(str(folder), tmp_path)
    assert not song.exists()


def test_a_tokenizer_with_code_of_its_own_is_not_run(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder("wan"), tmp_path / "wan")
    song = tmp_path / "song"
    code = f"import pathlib; pathlib.Path({str(song)!r}).touch()"
    (folder / "tokenizer" / "code.py").write_text(code)
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace('"transformers",\n    "T5Tokenizer"', '"code",\n    "T5Tokenizer"'))
    assert '"code"' in index.read_text()
    with pytest.raises(EngineError, match="do not make a WanPipeline"):
        render(str(folder), tmp_path)
    assert not song.exists()


def test_shards_of_two_precisions_are_loaded_by_their_own_index(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    """Also where both indices were fetched and the shards of one precision only."""
    from diffusers import WanPipeline

    pipe = WanPipeline.from_pretrained(tiny_folder("wan"))
    both = tmp_path / "both"
    pipe.save_pretrained(both, max_shard_size="60KB")
    plain = set(both.rglob("*-of-*.safetensors"))
    pipe.to(torch.float16).save_pretrained(both, variant="fp16", max_shard_size="30KB")
    assert plain
    assert len(set(both.rglob("*-of-*.safetensors"))) > len(plain)
    assert render(str(both), tmp_path) == render(str(tiny_folder("wan")), tmp_path)
    for file in plain:
        file.unlink()
    assert render(str(both), tmp_path) != render(str(tiny_folder("wan")), tmp_path), "in half precision"


def test_a_repository_is_read_from_the_local_cache_without_the_network(
    tiny_folder: TinyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(tiny_folder("wan"), tmp_path / "hub", "someone/tiny-wan")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    engine = LocalEngine(models={"wan": "someone/tiny-wan"}, preview_seconds=0)
    engine.load()
    clip = run_here(engine, a_request("wan", num_inference_steps=2), tmp_path / "scratch")
    assert clip.facts["source"] == "someone/tiny-wan"
    assert clip.facts["revision"] == COMMIT
