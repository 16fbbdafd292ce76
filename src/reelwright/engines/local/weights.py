"""Where a model's files are, whether they may be loaded, and how they are fetched. Nothing here imports torch.

Weights are safetensors only. A pickle runs code when it is loaded, so a component whose weights come as one is
refused; a pickle that lies beside safetensors is never opened. Code in a model folder is never run either.

The engine itself downloads nothing: it reads folders and the Hub's local cache. `pull` fills that cache.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reelwright.engines.local import hub
from reelwright.engines.local.options import Model
from reelwright.errors import Code, EngineError

_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})
_SETTINGS = frozenset({".json", ".txt", ".model"})
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_INDEX = "model_index.json"
_SAMPLE = 1 << 20


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


def pipeline_weights(name: str, source: str, revision: str | None, *, half: bool) -> Weights:
    """The folder of a whole pipeline, checked. `half` prefers the files of half precision where there are both.

    Raises EngineError: `engine_not_configured` when files are missing, `refused` when they are not safe to load.
    """
    folder, commit = _locate(name, source, revision)
    index = read_index(name, folder)
    components = [folder / part for part, wanted in index.items() if _is_component(wanted)]
    return _checked(name, source, folder, commit, [part for part in components if part.is_dir()], half=half)


def part_weights(name: str, source: str, *, half: bool) -> Weights:
    """The folder of a single model, checked."""
    folder, commit = _locate(name, source, None)
    return _checked(name, source, folder, commit, [folder], half=half)


def read_index(name: str, folder: Path) -> dict[str, Any]:
    """The folder's `model_index.json`. Raises EngineError when there is none or it asks for code of its own."""
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise _missing(name, f"it has no readable {_INDEX}") from None
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise refused(name, f"its {_INDEX} names a pipeline class with code of its own, which is never run")
    return index


def is_folder(source: str) -> bool:
    return Path(source).expanduser().is_dir()


def refused(name: str, why: str) -> EngineError:
    return EngineError(f"Model {name!r} is refused: {why}.", code=Code.REFUSED)


def _missing(name: str, why: str) -> EngineError:
    message = f"Model {name!r} is not ready: {why}. Fetch it with: reelwright pull {name}"
    return EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)


def _is_component(wanted: object) -> bool:
    return isinstance(wanted, list) and len(wanted) == 2 and all(isinstance(word, str) for word in wanted)


def _locate(name: str, source: str, revision: str | None) -> tuple[Path, str | None]:
    if is_folder(source):
        return Path(source).expanduser(), None
    if not _HUB_ID.fullmatch(source):
        message = f"Model {name!r} is not ready: the folder configured for it does not exist. Correct its source."
        raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(source, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        raise _missing(name, f"the weights of {source} are not on this machine") from None
    return found, found.name


def _checked(
    name: str, source: str, folder: Path, commit: str | None, components: Iterable[Path], *, half: bool
) -> Weights:
    models = [part for part in components if (part / "config.json").is_file() and not _is_tokenizer(part)]
    files = [_safe_files(name, part) for part in models]
    variant = _variant(files, half=half)
    chosen = [file for part in files for file in _of_variant(part, variant)]
    return Weights(
        folder=folder,
        source=source,
        revision=commit or _digest(folder, chosen),
        variant=variant,
        files=tuple(chosen),
    )


def _is_tokenizer(part: Path) -> bool:
    return (part / "tokenizer_config.json").is_file()


def _safe_files(name: str, part: Path) -> list[Path]:
    files = sorted(part.glob("*.safetensors"))
    if not files and any(file.suffix in _PICKLES for file in part.iterdir()):
        raise refused(name, f"the weights of its {part.name} are pickles, which can run code; it needs safetensors")
    if not files:
        raise _missing(name, f"the weights of its {part.name} are missing")
    for index in part.glob("*.safetensors.index*.json"):
        _check_shards(name, part, index)
    return files


def _check_shards(name: str, part: Path, index: Path) -> None:
    """An index may name only safetensors files beside it, and all of them must be there."""
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise refused(name, f"the index of its {part.name} cannot be read") from None
    for shard in shards:
        if not isinstance(shard, str) or PurePosixPath(shard).name != shard or not shard.endswith(".safetensors"):
            raise refused(name, f"the index of its {part.name} names a file that is no safetensors file beside it")
        if not (part / shard).is_file():
            raise _missing(name, f"a file of its {part.name} is missing")


def _variant(parts: list[list[Path]], *, half: bool) -> str | None:
    with_half = [part for part in parts if _of_variant(part, "fp16", strictly=True)]
    all_plain = all(_of_variant(part, None, strictly=True) for part in parts)
    return "fp16" if with_half and (half or not all_plain) else None


def _of_variant(files: list[Path], variant: str | None, *, strictly: bool = False) -> list[Path]:
    """The files of a variant (`name.fp16.safetensors`, `name.fp16-00001-of-00002.safetensors`); else the plain ones."""
    mark = re.compile(r"\.fp16(-\d+-of-\d+)?\.safetensors$")
    halves = [file for file in files if mark.search(file.name)]
    plain = [file for file in files if file not in halves]
    wanted = halves if variant == "fp16" else plain
    return wanted if wanted or strictly else plain


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


def pull(model: Model, *, half: bool = True) -> tuple[Path, ...]:
    """Fetch what `model` needs from the Hub into its cache: the pipeline, its parts, its text → image stage.

    Folders are left alone. Only settings and safetensors are fetched. Returns the folders.
    Raises EngineError when the Hub cannot be reached or refuses.
    """
    wanted = [(model.source, model.revision, True)]
    wanted += [(part.repo, None, False) for part in model.recipe.parts]
    if model.image is not None:
        wanted.append((model.image.repo, None, True))
    return tuple(
        _fetch(model.name, source, revision, whole=whole, half=half)
        for source, revision, whole in wanted
        if not is_folder(source)
    )


def _fetch(name: str, source: str, revision: str | None, *, whole: bool, half: bool) -> Path:
    from huggingface_hub import hf_hub_download, snapshot_download

    if not _HUB_ID.fullmatch(source):
        raise EngineError(f"{source!r} is no Hugging Face repository.", code=Code.ENGINE_NOT_CONFIGURED)
    with hub.reaching(f"Model {name!r}", source):
        files = hub.files_of(source, revision)
        index = {}
        if whole:
            index = json.loads(Path(hf_hub_download(source, _INDEX, revision=revision)).read_text(encoding="utf-8"))
        return Path(snapshot_download(source, revision=revision, allow_patterns=wanted_files(files, index, half=half)))


def wanted_files(files: Iterable[str], index: Mapping[str, Any], *, half: bool) -> list[str]:
    """Of a repository's files, those to fetch: settings and safetensors of the components that its index names.

    Whole-model checkpoints at the root, pickles, other formats and code stay behind. An empty index means a
    repository of a single model.
    """
    components = {part for part, value in index.items() if _is_component(value)}
    inside: dict[str, list[Path]] = {}
    for file in map(Path, files):
        parent = str(file.parent)
        if (parent in components if index else parent == ".") or str(file) == _INDEX:
            inside.setdefault(parent, []).append(file)
    return sorted(str(file) for part in inside.values() for file in _wanted_of_part(part, half=half))


def _wanted_of_part(files: list[Path], *, half: bool) -> list[Path]:
    settings = [file for file in files if file.suffix in _SETTINGS]
    tensors = [file for file in files if file.suffix == ".safetensors"]
    return settings + _of_variant(tensors, "fp16" if half else None)
