"""The rooms: importing does nothing, heavy libraries stay where they belong, imports go downwards only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT

SOURCE = ROOT / "src"
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in (SOURCE / "reelwright").rglob("*.py")
    if path.name != "__main__.py"
)

# Imports all modules while every way to touch the world is watched. Reading code is not I/O, nor is what a library does
# when it is first imported; so all libraries are imported in a first round and only our own modules in a second one.
WATCHED = '''
import importlib, json, sys
modules = json.loads(sys.argv[1])
for name in modules:
    importlib.import_module(name)
for name in modules:
    del sys.modules[name]

seen = []
environment = type(__import__("os").environ)
importing = (".py", ".pyc")

def watch(event, arguments):
    if event == "open":
        path = str(arguments[0])
        if not (isinstance(arguments[0], int) or path.endswith(importing) or "__pycache__" in path):
            seen.append(f"{event} {path}")
    elif event.startswith(("socket.", "subprocess.", "sqlite3.", "os.mkdir", "os.rename", "os.remove", "os.putenv",
                           "os.fork", "os.posix_spawn", "shutil.", "tempfile.", "urllib.", "ctypes.dlopen", "signal.")):
        seen.append(f"{event} {arguments}")

def read(self, name):
    """Libraries look at the environment when a class of ours is made; that is their affair."""
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] in ("os", "collections.abc", "_collections_abc"):
        frame = frame.f_back
    if frame.f_globals["__name__"].startswith("reelwright"):
        seen.append(f"environment {name}")
    return original(self, name)

original = environment.__getitem__
environment.__getitem__ = read
sys.addaudithook(watch)
for name in modules:
    importlib.import_module(name)
environment.__getitem__ = original
print(json.dumps(sorted(set(seen))))
'''


def python(program: str, *arguments: str, cwd: Path | None = None) -> Any:
    """What a fresh interpreter printed, from JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, cwd=cwd, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def without_local(modules: list[str]) -> list[str]:
    """All but those that are only there with the `local` extra."""
    return [name for name in modules if not name.startswith("reelwright.engines.local.")]


def test_importing_does_nothing(tmp_path: Path) -> None:
    assert len(MODULES) > 60
    assert python(WATCHED, json.dumps(without_local(MODULES)), cwd=tmp_path) == []
    assert list(tmp_path.iterdir()) == []


LOADED = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (without_local(MODULES), {"torch", "diffusers", "transformers", "safetensors"}),
        (
            ["reelwright.app"],
            {"torch", "diffusers", "transformers", "numpy", "av", "PIL", "huggingface_hub", "aiohttp"},
        ),
        (
            ["reelwright.engines.catalog", "reelwright.engines.choice", "reelwright.engines.local.card"],
            {"torch", "numpy", "av"},
        ),
        (["reelwright.settings", "reelwright.errors", "reelwright.video"], {"sqlalchemy", "fastapi", "numpy"}),
        (["reelwright.cli"], {"pydantic", "fastapi", "sqlalchemy", "numpy"}),
    ],
    ids=["all rooms", "app", "catalog", "words", "cli"],
)
def test_heavy_libraries_are_not_imported(modules: list[str], heavy: set[str]) -> None:
    assert set(python(LOADED, json.dumps(modules))) & heavy == set()


STARTED = '''
import asyncio, importlib.machinery, json, sys
from pathlib import Path
from reelwright.app import build, Drain, running
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import load_settings

class WithoutTorch(importlib.machinery.PathFinder):
    """Finds what a machine without the `local` extra has."""
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in ("torch", "diffusers", "transformers")
        return None if absent else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = WithoutTorch

async def main():
    settings = load_settings(data_dir=Path(sys.argv[1]), engine="sketch")
    async with running(build(settings, offered(settings), Outbound()), Drain(0)):
        return sorted({name.partition(".")[0] for name in sys.modules})

print(json.dumps(asyncio.run(main())))
'''


def test_the_server_starts_without_torch_and_without_the_media_libraries(tmp_path: Path) -> None:
    """They live in the engines' children, or are imported when the first video is encoded."""
    loaded = set(python(STARTED, str(tmp_path / "data")))
    assert loaded & {"torch", "diffusers", "transformers", "numpy", "av", "PIL"} == set()


def test_imports_go_downwards_only() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
