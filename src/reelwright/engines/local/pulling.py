"""Fetching weights from the Hub into its cache: what is wanted, whether there is room, and file after file.

A file is fetched into `blobs/<id>.part`, goes on there after an interruption, is compared with its SHA-256 and only
then gets its name. Settings come before weights, and the branch's name last: what was interrupted never looks whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reelwright.engines.local import hub, tensors
from reelwright.engines.local.hub import Listing, Piece
from reelwright.engines.local.hub_cache import Repository
from reelwright.engines.local.options import Model
from reelwright.engines.local.weights import HALF, INDEX, is_component, is_folder, is_shard_index, variant_of
from reelwright.errors import Code, EngineError

_SETTINGS = frozenset({".json", ".txt", ".model"})
_SIDE_BY_SIDE = 4
_TRIES = 6
"""How often in a row a file may break off without a single byte."""
_CHUNK = 1 << 20
_SPARE_BYTES = 1 << 30
"""What a full disk needs beside the weights: the server's own files."""


class _Stopped(Exception):
    """Another file has failed, or somebody pressed Ctrl-C."""


Fetched = Callable[[int], None]
"""Is told how many bytes more are here, from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What one repository has to give for a model. `missing` are the pieces that are not here yet, `here` those that
    are. `left`: bytes that are still to come; a piece that was begun counts only with its rest."""

    source: str
    revision: str | None
    listing: Listing
    here: tuple[Piece, ...]
    missing: tuple[Piece, ...]
    left: int

    @property
    def size(self) -> int:
        return sum(piece.size for piece in (*self.here, *self.missing))

    @property
    def repository(self) -> Repository:
        return Repository.of(self.source)

    @property
    def folder(self) -> Path:
        return self.repository.files_of(self.listing.commit)


def parcels(model: Model, *, half: bool, token: str | None) -> Iterator[Parcel]:
    """What `model` needs from the Hub, one repository after the other: the pipeline, its parts, its text → image stage,
    its LoRAs.

    Folders of one's own are left alone. Files that are here but not whole are forgotten, so that they come anew.
    Raises EngineError when the Hub cannot be reached or refuses.
    """
    wanted = [(model.source, model.revision, True)]
    wanted += [(part.repo, None, False) for part in model.recipe.parts]
    if model.image is not None:
        wanted.append((model.image.repo, None, True))
    for source, revision, whole in wanted:
        if not is_folder(source):
            yield _parcel(f"Model {model.name!r}", source, revision, whole=whole, half=half, token=token)
    for source in dict.fromkeys(adapter.repo for adapter in model.recipe.adapters):
        if not is_folder(source):
            files = {adapter.file for adapter in model.recipe.adapters if adapter.repo == source}
            yield _adapters(f"Model {model.name!r}", source, files, token=token)


def _adapters(what: str, source: str, files: set[str], *, token: str | None) -> Parcel:
    listing = hub.listing(what, source, None, token)
    wanted = [piece for piece in listing.pieces if piece.name in files and piece.safe]
    if lacks := sorted(files - {piece.name for piece in wanted}):
        message = f"{what} cannot be fetched: {source} has no file {lacks[0]}. Correct the model's loras."
        raise EngineError(message, code=Code.MODEL_NOT_READY)
    return _sorted_out(source, None, listing, wanted)


def lora_parcel(source: str, *, token: str | None) -> Parcel:
    """A LoRA repository: its safetensors and settings."""
    listing = hub.listing(f"LoRA {source!r}", source, None, token)
    wanted = [piece for piece in listing.pieces if piece.name.endswith((".safetensors", ".json")) and piece.safe]
    return _sorted_out(source, None, listing, wanted)


def check_room(wanted: Iterable[Parcel]) -> None:
    """Raises EngineError with both numbers when the disk of the cache has no room for what is left to come."""
    all_of_them = list(wanted)
    left = sum(parcel.left for parcel in all_of_them)
    if not left:
        return
    free = free_bytes(all_of_them[0].repository.folder)
    if free < left + _SPARE_BYTES:
        raise EngineError(
            f"There is no room for these weights: {left / 1e9:.1f} GB are still to come, and {free / 1e9:.1f} GB are "
            f"free where they go ({_SPARE_BYTES / 1e9:.0f} GB of that must stay free). Free some, or set HF_HOME to a "
            "folder on a larger disk.",
            code=Code.STORAGE_FULL,
        )


def free_bytes(folder: Path) -> int:
    """Of the disk on which `folder` is or will be."""
    return shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if parent.exists())).free


def fetch(parcel: Parcel, told: Fetched, *, token: str | None) -> Path:
    """Fetch what is missing, compare everything with what the Hub says of it, and return the folder.

    Raises EngineError. What came before an interruption stays, and the next call goes on there.
    """
    repository, commit = parcel.repository, parcel.listing.commit

    stopped = threading.Event()

    def heard(count: int) -> None:
        if stopped.is_set():
            raise _Stopped
        told(count)

    def one(alike: list[Piece]) -> None:
        _fetch_piece(parcel, alike[0], heard, token)
        for piece in alike:
            repository.link(commit, piece.name, piece.identity)

    with hub.reaching(parcel.source, parcel.source):
        settings = [piece for piece in parcel.missing if not _holds_tensors(piece)]
        for pieces in (settings, [piece for piece in parcel.missing if _holds_tensors(piece)]):
            with ThreadPoolExecutor(_SIDE_BY_SIDE, "pull") as threads:
                running = [threads.submit(one, alike) for alike in _by_content(pieces)]
                try:
                    for job in as_completed(running):
                        job.result()
                except BaseException:  # a Ctrl-C, too: the other threads end with their next bytes
                    stopped.set()
                    threads.shutdown(wait=False, cancel_futures=True)
                    raise
        for piece in parcel.here:
            _verify(parcel, piece)
    repository.point(parcel.revision, commit)
    return parcel.folder


def _by_content(pieces: Iterable[Piece]) -> Iterable[list[Piece]]:
    """Files with the same content are one file in the cache."""
    alike: dict[str, list[Piece]] = {}
    for piece in pieces:
        alike.setdefault(piece.identity, []).append(piece)
    return alike.values()


def wanted_files(files: Iterable[str], index: Mapping[str, Any], *, half: bool) -> list[str]:
    """Of a repository's files, those to fetch: settings and safetensors of the components that its index names.

    Whole-model checkpoints at the root, pickles, other formats and code stay behind; of two precisions one is fetched,
    with its own index. An empty index means a repository of a single model.
    """
    components = {part for part, value in index.items() if is_component(value)}
    inside: dict[str, list[Path]] = {}
    for file in map(Path, files):
        parent = str(file.parent)
        if (parent in components if index else parent == ".") or str(file) == INDEX:
            inside.setdefault(parent, []).append(file)
    return sorted(str(file) for part in inside.values() for file in _wanted_of_part(part, half=half))


def _wanted_of_part(files: list[Path], *, half: bool) -> list[Path]:
    """As `weights._files` takes them: half precision where the component has it (and the index that belongs to it)."""
    tensors_ = [file for file in files if file.suffix == ".safetensors"]
    variant = HALF if half and any(variant_of(file) == HALF for file in tensors_) else None
    if variant is None and not any(variant_of(file) is None for file in tensors_):
        variant = HALF
    settings = [file for file in files if file.suffix in _SETTINGS and ".index" not in file.name]
    indices = [file for file in files if is_shard_index(file) and ".safetensors." in file.name]
    return [*settings, *(file for file in (*tensors_, *indices) if variant_of(file) == variant)]


def _parcel(what: str, source: str, revision: str | None, *, whole: bool, half: bool, token: str | None) -> Parcel:
    listing = hub.listing(what, source, revision, token)
    pieces = {piece.name: piece for piece in listing.pieces if piece.safe}
    index: dict[str, Any] = {}
    if whole:
        if INDEX not in pieces:
            raise EngineError(
                f"{what} cannot be fetched: {source} has no {INDEX}, so it is no diffusers pipeline. Name the "
                "repository in diffusers' format (often …-Diffusers).",
                code=Code.MODEL_NOT_READY,
            )
        index = json.loads(hub.read(what, source, listing.commit, pieces[INDEX].name, token))
    return _sorted_out(source, revision, listing, [pieces[name] for name in wanted_files(pieces, index, half=half)])


def _sorted_out(source: str, revision: str | None, listing: Listing, wanted: Iterable[Piece]) -> Parcel:
    repository, commit = Repository.of(source), listing.commit
    known = {piece: _is_here(repository, commit, piece) for piece in wanted}
    missing = tuple(piece for piece, here in known.items() if not here)
    return Parcel(
        source=source,
        revision=revision,
        listing=listing,
        here=tuple(piece for piece, here in known.items() if here),
        missing=missing,
        left=sum(_left(repository, alike[0]) for alike in _by_content(missing)),
    )


def _left(repository: Repository, piece: Piece) -> int:
    part = _part(repository, piece)
    return max(0, piece.size - (part.stat().st_size if part.exists() else 0))


def _is_here(repository: Repository, commit: str, piece: Piece) -> bool:
    """Whether the piece lies in the cache with its whole size. One that is not whole is forgotten."""
    place = repository.files_of(commit) / piece.name
    if not place.exists():
        blob = repository.blob(piece.identity)
        if not blob.is_file() or blob.stat().st_size != piece.size:
            return False
        repository.link(commit, piece.name, piece.identity)
    whole = place.stat().st_size == piece.size
    if whole and _holds_tensors(piece):
        try:
            tensors.check(place)
        except ValueError:
            whole = False
    if not whole:
        repository.forget(commit, piece.name)
    return whole


def _holds_tensors(piece: Piece) -> bool:
    return piece.name.endswith(".safetensors")


def _part(repository: Repository, piece: Piece) -> Path:
    blob = repository.blob(piece.identity)
    return blob.with_name(f"{blob.name}.part")


def _fetch_piece(parcel: Parcel, piece: Piece, told: Fetched, token: str | None) -> None:
    part = _part(parcel.repository, piece)
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("a+b") as file:
        _alone(file, piece)
        # Another pull may have finished it between our look and our lock.
        if not parcel.repository.blob(piece.identity).is_file():
            digest = _download(parcel, piece, file, told, token)
            _compare(parcel, piece, file, digest)
            file.flush()
            part.replace(parcel.repository.blob(piece.identity))
        else:
            part.unlink(missing_ok=True)


def _alone(file: IO[bytes], piece: Piece) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise EngineError(
            f"{piece.name} is being fetched by another process. Wait for it, then pull once more.",
            code=Code.CONFLICT,
        ) from None


def _download(parcel: Parcel, piece: Piece, file: IO[bytes], told: Fetched, token: str | None) -> str:
    """Append what is missing; returns the SHA-256 of the whole. Goes on after a break-off, while bytes keep coming."""
    digest, tries = _digest(file), _TRIES
    while (begun := file.seek(0, 2)) < piece.size:
        try:
            for chunk in hub.bytes_of(parcel.source, parcel.listing.commit, piece, begun, token):
                if chunk is None:  # the server begins anew
                    told(-begun)
                    file.truncate(0)
                    digest = hashlib.sha256()
                    continue
                file.write(chunk)
                digest.update(chunk)
                told(len(chunk))
                tries = _TRIES
        except hub.BROKEN_OFF:
            tries -= 1
            if not tries:
                raise
            file.flush()
            time.sleep(min(8.0, 0.25 * 2 ** (_TRIES - tries)))
    return digest.hexdigest()


def _digest(file: IO[bytes]) -> Any:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest


def _compare(parcel: Parcel, piece: Piece, file: IO[bytes], digest: str) -> None:
    """Raises EngineError, and begins anew next time, when what arrived is not what the Hub says it has."""
    size = file.seek(0, 2)
    if size != piece.size or (piece.sha256 and digest != piece.sha256):
        file.truncate(0)
        what = "SHA-256" if size == piece.size else "size"
        raise EngineError(
            f"{piece.name} of {parcel.source} arrived damaged: its {what} differs from what the Hub says. Pull once "
            "more; a proxy on the way may have changed it.",
            code=Code.BAD_OUTPUT,
        )


def _verify(parcel: Parcel, piece: Piece) -> None:
    """Compare a file that was here already with its SHA-256."""
    if piece.sha256 is None:
        return
    place = parcel.folder / piece.name
    with place.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == piece.sha256:
            return
    with contextlib.suppress(OSError):
        parcel.repository.forget(parcel.listing.commit, piece.name)
    raise EngineError(
        f"{piece.name} of {parcel.source} was damaged on this disk and has been removed: its SHA-256 differs from what "
        "the Hub says. Pull once more to fetch it anew.",
        code=Code.BAD_OUTPUT,
    )
