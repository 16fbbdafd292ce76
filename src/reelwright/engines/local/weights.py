"""Where a model's files are on this machine, and whether they may be loaded. Nothing here imports torch.

Weights are safetensors only. A pickle runs code when it is loaded, so a component whose weights come as one is
refused; a pickle that lies beside safetensors is never opened. Code in a model folder is never run either.

The engine itself downloads nothing: it reads folders and the Hub's cache, which `pulling.py` fills. What is checked
here before a model is loaded is also what decides whether it is offered (`inventory.py`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reelwright.engines.local import tensors
from reelwright.engines.local.hub_cache import HUB_ID, Repository
from reelwright.errors import Code, EngineError

INDEX = "model_index.json"
_MODULAR_INDEX = "modular_model_index.json"
HALF = "fp16"
"""The file-name variant of half precision."""
PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})

_SAMPLE = 1 << 20
_SHARD = re.compile(r"-\d+-of-\d+")
_SPARED = frozenset({"safety_checker"})
"""Components that an index may name and a folder may lack: no video pipeline takes them."""


class DamagedWeights(EngineError):
    """A file is there, but it is not whole."""

    code = Code.MODEL_NOT_READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A checked model folder. `revision` names its content, `files` are those that are loaded of it.

    `variant` is the file-name variant (`fp16`) to load, None for the plain files.
    """

    folder: Path
    source: str
    revision: str
    variant: str | None
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of a folder that a loader would read; all of them are there and whole. `size` is in bytes."""

    folder: Path
    commit: str | None
    variant: str | None
    files: tuple[Path, ...]
    size: int


def pipeline_weights(name: str, source: str, revision: str | None, *, half: bool) -> Weights:
    """The folder of a whole pipeline, checked. `half` prefers the files of half precision where there are both.

    Raises EngineError: `model_not_ready` when files are missing or damaged, `refused` when they are not safe to load.
    """
    return _named(find_pipeline(name, source, revision, half=half), source)


def part_weights(name: str, source: str, *, half: bool) -> Weights:
    """The folder of a single model, checked."""
    return _named(find_part(name, source, half=half), source)


def find_pipeline(name: str, source: str, revision: str | None, *, half: bool = True) -> Found:
    """As `pipeline_weights`, without working out a local folder's revision, for which its files are read."""
    folder, commit = _locate(name, source, revision)
    try:
        index = _index(name, folder)
    except _Absent as error:
        raise error.of(name, source) from None
    components = [part for part, wanted in index.items() if is_component(wanted)]
    for part in components:
        if not any((folder / part).glob("*config.json")) and part not in _SPARED:
            raise _Absent(f"its {part} is missing").of(name, source)
    return _checked(name, source, folder, commit, [folder / part for part in components], half=half)


def find_part(name: str, source: str, *, half: bool = True) -> Found:
    folder, commit = _locate(name, source, None)
    return _checked(name, source, folder, commit, [folder], half=half)


def find_adapter(name: str, source: str, file: str) -> Found:
    """One file, a LoRA, of a repository or a folder."""
    folder, commit = _locate(name, source, None)
    try:
        if not (folder / file).is_file():
            raise _Absent(f"its LoRA {file} is missing")
        size = _whole(folder / file, folder)
    except (_Absent, _Broken) as error:
        raise error.of(name, source) from None
    return Found(folder=folder, commit=commit, variant=None, files=(folder / file,), size=size)


def read_index(name: str, folder: Path) -> dict[str, Any]:
    """The index of a folder that `pipeline_weights` has found."""
    return _index(name, folder)


def _index(name: str, folder: Path) -> dict[str, Any]:
    """The folder's `model_index.json`. Raises `_Absent`, and EngineError when it asks for code of its own."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        if (folder / _MODULAR_INDEX).is_file():
            raise refused(
                name,
                f"it has a {_MODULAR_INDEX}, a pipeline made of blocks, which this engine does not run; name a "
                f"repository with a {INDEX} (often its name ends in -Diffusers)",
            ) from None
        raise _Absent(f"it has no readable {INDEX}") from None
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise refused(name, f"its {INDEX} names a pipeline class with code of its own, which is never run")
    return index


def is_component(wanted: object) -> bool:
    """Whether a value of the index names a class of a library; `[null, null]` stands for a component left out."""
    return isinstance(wanted, list) and len(wanted) == 2 and all(isinstance(word, str) for word in wanted)


def is_folder(source: str) -> bool:
    return Path(source).expanduser().is_dir()


def refused(name: str, why: str) -> EngineError:
    return EngineError(f"Model {name!r} is refused: {why}.", code=Code.REFUSED)


def variant_of(file: Path) -> str | None:
    """The variant in a file's name: `m.fp16.safetensors`, `m.fp16-00001-of-00002.safetensors`,
    `m.safetensors.index.fp16.json`; None: the plain one."""
    name = _SHARD.sub("", file.name)
    stem = name.removesuffix(".json").partition(".index")
    if stem[1]:
        return stem[2].removeprefix(".") or None
    return name.removesuffix(file.suffix).partition(".")[2] or None


def is_shard_index(file: Path) -> bool:
    """`m.safetensors.index.json` says which shard holds which tensor."""
    return file.suffix == ".json" and ".index" in file.name


class _Absent(Exception):
    """A file that a variant needs is not there."""

    def of(self, name: str, source: str) -> EngineError:
        remedy = f"Fetch it with: reelwright pull {name}"
        if is_folder(source):
            remedy = "Copy the whole folder again, or name another source."
        return EngineError(f"Model {name!r} is not ready: {self}. {remedy}", code=Code.MODEL_NOT_READY)


class _Broken(Exception):
    """A file that a variant needs is not whole."""

    def of(self, name: str, source: str) -> EngineError:
        remedy = f"Fetch it anew with: reelwright pull {name}"
        if is_folder(source):
            pointer = isinstance(self.__cause__, tensors.Pointer)
            remedy = "Run `git lfs pull` in its folder." if pointer else "Copy that file again."
        return DamagedWeights(f"Model {name!r} is damaged: {self}. {remedy}")


def _locate(name: str, source: str, revision: str | None) -> tuple[Path, str | None]:
    if is_folder(source):
        return Path(source).expanduser(), None
    if not HUB_ID.fullmatch(source):
        message = f"Model {name!r} is not ready: the folder configured for it does not exist. Correct its source."
        raise EngineError(message, code=Code.MODEL_NOT_READY)
    found = Repository.of(source).snapshot(revision)
    if found is None:
        raise _Absent(f"the weights of {source} are not on this machine").of(name, source)
    return found, found.name


def _checked(
    name: str, source: str, folder: Path, commit: str | None, components: Iterable[Path], *, half: bool
) -> Found:
    """The preferred variant if it is whole, else the other one; what is wrong with the preferred one when neither is.

    Half precision is a mixture: a component that does not come in it is taken as it is.
    """
    models = [part for part in components if (part / "config.json").is_file() and not _is_tokenizer(part)]
    for part in models:
        _refuse_pickles(name, part)
    variants = [None, HALF] if any(variant_of(file) == HALF for part in models for file in _tensors(part)) else [None]
    problem: EngineError | None = None
    for variant in reversed(variants) if half else variants:
        try:
            files = [file for part in models for file in _files(name, part, variant)]
            return Found(
                folder=folder,
                commit=commit,
                variant=variant,
                files=tuple(files),
                size=sum(_whole(file, folder) for file in files),
            )
        except (_Absent, _Broken) as error:
            problem = problem or error.of(name, source)
    assert problem is not None
    raise problem


def _is_tokenizer(part: Path) -> bool:
    return (part / "tokenizer_config.json").is_file()


def _tensors(part: Path) -> list[Path]:
    return sorted(part.glob("*.safetensors"))


def _refuse_pickles(name: str, part: Path) -> None:
    if not _tensors(part) and any(file.suffix in PICKLES for file in part.iterdir()):
        raise refused(name, f"the weights of its {part.name} are pickles, which can run code; it needs safetensors")


def _files(name: str, part: Path, variant: str | None) -> list[Path]:
    """The safetensors of a component that a loader reads for this variant. Raises `_Absent`, EngineError."""
    files = [file for file in _tensors(part) if variant_of(file) == variant]
    indices = [index for index in part.glob("*.safetensors.index*.json") if variant_of(index) == variant]
    if variant is not None and not files and not indices:
        return _files(name, part, None)
    if indices:
        return [part / shard for index in indices for shard in _shards(name, part, index)]
    if any(_SHARD.search(file.name) for file in files):
        raise _Absent(f"the index of its {part.name} is missing")
    if not files:
        raise _Absent(f"the weights of its {part.name} are missing")
    return files


def _shards(name: str, part: Path, index: Path) -> list[str]:
    """An index may name only safetensors files beside it, and all of them must be there."""
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise _Broken(f"the index of its {part.name} cannot be read") from None
    for shard in shards:
        if not isinstance(shard, str) or PurePosixPath(shard).name != shard or not shard.endswith(".safetensors"):
            raise refused(name, f"the index of its {part.name} names a file that is no safetensors file beside it")
        if not (part / shard).is_file():
            raise _Absent(f"a file of its {part.name} is missing")
    return sorted(shards)


def _whole(file: Path, folder: Path) -> int:
    """The file's size. Raises `_Broken`."""
    try:
        return tensors.check(file)
    except FileNotFoundError:  # a link in the Hub's cache whose content is gone
        raise _Absent(f"the file {file.relative_to(folder)} is missing") from None
    except ValueError as error:
        raise _Broken(f"its file {file.relative_to(folder)} {error}") from error


def _named(found: Found, source: str) -> Weights:
    return Weights(
        folder=found.folder,
        source=source,
        revision=found.commit or _digest(found.folder, found.files),
        variant=found.variant,
        files=found.files,
    )


def _digest(folder: Path, files: Iterable[Path]) -> str:
    """A local folder's revision: its settings, and the size, beginning and end of each weights file (all take long)."""
    digest = hashlib.sha256()
    for config in sorted(folder.rglob("*.json")):
        digest.update(config.read_bytes())
    for path in sorted(files):
        digest.update(f"{path.relative_to(folder)}:{path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLE))
            file.seek(max(0, path.stat().st_size - _SAMPLE))
            digest.update(file.read())
    return digest.hexdigest()[:16]
