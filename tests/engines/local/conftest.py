"""Tiny pipelines, made once a session, and engines over them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

# One thread: the count decides about the bits, and on a busy machine two are slower than one.
os.environ["OMP_NUM_THREADS"] = "1"

REASON = "the local engine needs torch and diffusers: pip install 'reelwright[local]'"

TinyFolder = Callable[[str], Path]
TinyHub = Callable[[str], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """diffusers 0.42 hands tensors to NumPy in a way that NumPy 2 warns of; it is not ours to mend."""
    for item in items:
        if "engines/local" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"))
            # torch's compiler imports parts of torch that torch 2.13 warns of.
            item.add_marker(pytest.mark.filterwarnings("ignore:.torch.jit.script_method.:DeprecationWarning"))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> TinyFolder:
    """Gives the folder of a tiny pipeline by the name of its function in `tiny`."""
    pytest.importorskip("torch", reason=REASON)
    from tests.engines.local import tiny

    root = tmp_path_factory.mktemp("tiny")

    def folder(name: str) -> Path:
        path = root / name
        if not path.exists():
            getattr(tiny, name)(path)
        return path

    return folder


@pytest.fixture(scope="session")
def _tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub")


@pytest.fixture
def tiny_hub(_tiny_cache: Path, monkeypatch: pytest.MonkeyPatch) -> TinyHub:
    """Puts a tiny model under a real repository's name into the Hub's cache, which is this machine's for the test."""
    pytest.importorskip("torch", reason=REASON)
    from tests.engines.local import hub

    monkeypatch.setenv("HF_HUB_CACHE", str(_tiny_cache))
    return lambda repo: hub.put(_tiny_cache, repo)


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    """An image that is not of the video's shape."""
    path = tmp_path / "fox.png"
    gradient = PIL.Image.linear_gradient("L").resize((96, 64))
    PIL.Image.merge("RGB", (gradient, gradient.transpose(PIL.Image.Transpose.ROTATE_180), gradient)).save(path)
    return path
