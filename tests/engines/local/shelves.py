"""Model folders and a Hub's cache as they lie on a disk: small, but whole. No torch needed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.fakes.hub import COMMIT


def tensors(words: bytes = b"weights!") -> bytes:
    """A whole safetensors file with one tensor that holds these bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(words)], "data_offsets": [0, len(words)]}}).encode()
    return len(header).to_bytes(8, "little") + header + words


def a_folder(path: Path, **components: list[str]) -> Path:
    """A model folder whose components hold these files; safetensors are whole, an index names the shards beside it."""
    path.mkdir(parents=True)
    index: dict[str, Any] = {"_class_name": "WanPipeline"}
    for name, files in components.items():
        index[name] = ["diffusers", "SomeModel"]
        (path / name).mkdir()
        (path / name / "config.json").write_text("{}")
        for file in files:
            (path / name / file).write_bytes(tensors() if file.endswith(".safetensors") else b"")
        for file in files:
            if ".index" in file:
                half = ".fp16" in file
                shards = [one for one in files if "-of-" in one and (".fp16" in one) is half]
                (path / name / file).write_text(json.dumps({"weight_map": {one: one for one in shards}}))
    (path / "model_index.json").write_text(json.dumps(index))
    return path


def cached(folder: Path, cache: Path, repository: str) -> Path:
    """Put a folder into a Hub's cache as that repository; returns the snapshot."""
    home = cache / f"models--{repository.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    shutil.copytree(folder, snapshot)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    return snapshot
