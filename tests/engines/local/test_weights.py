"""Model folders: what is found, what is refused, what is fetched. No torch needed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.local import weights
from reelwright.errors import Code, EngineError


class Canary:
    """Sings when it is unpickled."""

    def __init__(self, song: Path) -> None:
        self.song = song

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.song,))


def a_folder(path: Path, **components: list[str]) -> Path:
    """A model folder whose components hold these (empty) files."""
    path.mkdir()
    index: dict[str, Any] = {"_class_name": "WanPipeline"}
    for name, files in components.items():
        index[name] = ["diffusers", "SomeModel"]
        (path / name).mkdir()
        (path / name / "config.json").write_text("{}")
        for file in files:
            (path / name / file).touch()
    (path / "model_index.json").write_text(json.dumps(index))
    return path


def find(folder: Path, *, half: bool = False) -> weights.Weights:
    return weights.pipeline_weights("wan", str(folder), None, half=half)


def test_a_folder_is_named_by_its_content(tmp_path: Path) -> None:
    one = a_folder(tmp_path / "one", vae=["m.safetensors"])
    two = a_folder(tmp_path / "two", vae=["m.safetensors"])
    assert find(one).revision == find(two).revision
    (two / "vae" / "m.safetensors").write_bytes(b"other weights")
    assert find(one).revision != find(two).revision


def test_half_precision_files_are_taken_where_they_are_wanted_or_all_there_is(tmp_path: Path) -> None:
    both = a_folder(tmp_path / "both", vae=["m.safetensors", "m.fp16.safetensors"])
    assert find(both, half=True).variant == "fp16"
    assert find(both, half=False).variant is None
    only = a_folder(tmp_path / "only", vae=["m.fp16.safetensors"])
    assert find(only, half=False).variant == "fp16"


def test_a_component_that_comes_as_a_pickle_is_refused_unopened(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "model", vae=["m.safetensors"], unet=[])
    song = tmp_path / "song"
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps(Canary(song)))
    with pytest.raises(EngineError, match="pickles") as caught:
        find(folder)
    assert caught.value.code == Code.REFUSED
    assert not song.exists()


@pytest.mark.parametrize("shard", ["m-1.bin", "../other/m.safetensors", "/etc/passwd.safetensors"])
def test_an_index_may_name_only_safetensors_beside_it(shard: str, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "model", vae=["m.safetensors"])
    (folder / "vae" / "m.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(EngineError, match="refused"):
        find(folder)


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "model", vae=[])
    with pytest.raises(EngineError, match=r"weights of its vae are missing\. Fetch it with: reelwright pull wan"):
        find(folder)


def test_a_class_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "model", vae=["m.safetensors"])
    (folder / "model_index.json").write_text(json.dumps({"_class_name": ["my_code", "Mine"]}))
    with pytest.raises(EngineError, match="never run"):
        find(folder)


@pytest.mark.parametrize("source", ["/no/such/folder", "three/parts/here", "no-slash", ""])
def test_a_source_that_is_neither_folder_nor_repository_is_told(source: str) -> None:
    with pytest.raises(EngineError) as caught:
        weights.pipeline_weights("wan", source, None, half=False)
    assert caught.value.code == Code.ENGINE_NOT_CONFIGURED
    assert source == "" or source not in caught.value.message


def test_only_settings_and_safetensors_of_named_components_are_fetched() -> None:
    files = [
        "model_index.json",
        "README.md",
        "svd_xt.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.bin",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "vae/modeling_vae.py",
        "safety/model.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    ]
    index = {"_class_name": "X", "unet": ["a", "b"], "vae": ["a", "b"], "tokenizer": ["a", "b"], "safety": [None, None]}
    assert weights.wanted_files(files, index, half=True) == [
        "model_index.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ]
