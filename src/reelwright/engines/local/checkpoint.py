"""What is saved of a job in the middle of its denoising, and the file it is saved in.

The file is a `torch.save` archive that is only ever read with `weights_only=True`. Its SHA-256 goes into the state: a
torn or foreign file is recognised and the job starts again. The server makes both durable; here nothing is synced.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

_ARRAY = "__ndarray__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state after `step` scheduler calls of one request.

    `latents` as the pipeline holds them, with a batch of one; `scheduler`: its plain attributes; `generator`,
    `cpu_random`, `device_random`: states of the request's own and of torch's generators. `image`: the image that the
    video starts from, uint8 (height, width, 3), so that a text → image stage need not run again. `work` names what was
    asked of which weights: only the same work may go on from here. `environment` names the machine and its libraries:
    where it differs, the job goes on but its bits may differ.
    """

    step: int
    latents: torch.Tensor
    scheduler: Mapping[str, Any]
    generator: torch.Tensor
    cpu_random: torch.Tensor
    device_random: torch.Tensor | None
    image: torch.Tensor | None
    work: str
    environment: str


def save(snapshot: Snapshot, folder: Path) -> dict[str, Any]:
    """Write `snapshot` into `folder`; returns the JSON state by which `load` finds it.

    Earlier files stay, because the state that names one of them may still be the durable one (`forget_others`).
    """
    buffer = io.BytesIO()
    torch.save({f.name: getattr(snapshot, f.name) for f in dataclasses.fields(snapshot)}, buffer)
    content = buffer.getvalue()
    folder.mkdir(exist_ok=True)
    target = folder / f"denoise-{snapshot.step}.pt"
    target.write_bytes(content)
    return {"step": snapshot.step, "file": target.name, "sha256": hashlib.sha256(content).hexdigest()}


def load(state: Mapping[str, Any], folder: Path) -> Snapshot | None:
    """The snapshot that `state` names, or None when its file is gone, torn or not the one that was saved."""
    name = state.get("file")
    if not isinstance(name, str) or Path(name).name != name:
        return None
    try:
        content = (folder / name).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != state.get("sha256"):
        return None
    return Snapshot(**torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))


def forget_others(state: Mapping[str, Any], folder: Path) -> None:
    """Remove the checkpoint files that are older than the durable `state`."""
    for file in folder.glob("denoise-*.pt"):
        if file.name != state["file"]:
            file.unlink(missing_ok=True)


def pack(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """An object's plain attributes, ready for `save`: numbers, text, tensors, arrays and lists of them."""
    return {name: _packed(value) for name, value in attributes.items() if _plain(value)}


def unpack(packed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _unpacked(value) for name, value in packed.items()}


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str | torch.Tensor | np.ndarray | np.generic)


def _packed(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {_ARRAY: torch.from_numpy(value.copy())}
    if isinstance(value, list | tuple):
        return type(value)(_packed(item) for item in value)
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return value[_ARRAY].numpy()
    if isinstance(value, list | tuple):
        return type(value)(_unpacked(item) for item in value)
    return value
