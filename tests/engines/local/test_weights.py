"""Model folders: what is found, what is refused, what is fetched. No torch needed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.local import weights
from reelwright.engines.local.pulling import wanted_files
from reelwright.errors import Code, EngineError
from tests.engines.local.shelves import a_folder, tensors


class Canary:
    """Sings when it is unpickled."""

    def __init__(self, song: Path) -> None:
        self.song = song

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.song,))


def find(folder: Path, *, half: bool = False) -> weights.Weights:
    return weights.pipeline_weights("wan", str(folder), None, half=half)


def test_a_folder_is_named_by_its_content(tmp_path: Path) -> None:
    one = a_folder(tmp_path / "one", vae=["m.safetensors"])
    two = a_folder(tmp_path / "two", vae=["m.safetensors"])
    assert find(one).revision == find(two).revision
    (two / "vae" / "m.safetensors").write_bytes(tensors(b"other weights"))
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
    with pytest.raises(EngineError, match=r"weights of its vae are missing\. Copy the whole folder again"):
        find(folder)


SHARDS = ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors", "m.safetensors.index.json"]
HALVES = ["m.fp16-00001-of-00002.safetensors", "m.fp16-00002-of-00002.safetensors", "m.safetensors.index.fp16.json"]


def test_what_lies_in_both_precisions_is_read_by_the_index_of_its_own(tmp_path: Path) -> None:
    """Both indices and the shards of one precision, as an older `pull` left them: those are read that are there."""
    both = a_folder(tmp_path / "both", vae=SHARDS + HALVES, unet=["m.safetensors"])
    for half, files in ((True, HALVES), (False, SHARDS)):
        found = weights.find_pipeline("wan", str(both), None, half=half)
        assert {file.name for file in found.files} == {*files[:2], "m.safetensors"}
    for shard in SHARDS[:2]:
        (both / "vae" / shard).unlink()
    assert find(both, half=False).variant == find(both, half=True).variant == "fp16"
    (both / "vae" / HALVES[1]).unlink()
    with pytest.raises(EngineError, match="a file of its vae is missing"):
        find(both)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", r"vae/m.safetensors is cut: it has 0 bytes\. Copy that file again"),
        (tensors()[:30], r"vae/m.safetensors is cut: it has 30 bytes, and its header alone"),
        (tensors()[:-1], r"vae/m.safetensors is cut: it has \d+ bytes instead of \d+\. Copy that file again"),
        (tensors() + b"!", "is too long"),
        (b"<!DOCTYPE html><html>", "vae/m.safetensors is no safetensors file"),
        (b"\x04" + b"\0" * 7 + b"oops", "has a header that cannot be read"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
            r"Git LFS pointer.*Run `git lfs pull`",
        ),
    ],
)
def test_a_file_that_is_not_whole_is_named_with_the_remedy(data: bytes, told: str, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "model", vae=["m.safetensors"])
    (folder / "vae" / "m.safetensors").write_bytes(data)
    with pytest.raises(weights.DamagedWeights, match=told):
        find(folder)


@pytest.mark.parametrize(("part", "spared"), [("vae", False), ("tokenizer", False), ("safety_checker", True)])
def test_a_component_that_the_index_names_must_be_there(part: str, spared: bool, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "model", unet=["m.safetensors"], **{part: []})
    (folder / part / "config.json").unlink()
    if spared:
        assert find(folder).files
        return
    with pytest.raises(EngineError, match=f"not ready: its {part} is missing"):
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
    assert caught.value.code == Code.MODEL_NOT_READY
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
        "text_encoder/config.json",
        "text_encoder/model-00001-of-00001.safetensors",
        "text_encoder/model.safetensors.index.json",
        "text_encoder/model.fp16-00001-of-00001.safetensors",
        "text_encoder/model.safetensors.index.fp16.json",
        "text_encoder/pytorch_model.bin.index.json",
        "safety/model.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    ]
    index = {"_class_name": "X", "unet": ["a", "b"], "vae": ["a", "b"], "tokenizer": ["a", "b"], "safety": [None, None]}
    index["text_encoder"] = ["a", "b"]
    assert wanted_files(files, index, half=True) == [
        "model_index.json",
        "text_encoder/config.json",
        "text_encoder/model.fp16-00001-of-00001.safetensors",
        "text_encoder/model.safetensors.index.fp16.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ]
