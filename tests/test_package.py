"""What is published, not the tree it is made of: the wheel and the source package work alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.servers import ROOT


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source package, and the wheel that was made of it."""
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own, beside nothing of the tree."""
    folder = tmp_path_factory.mktemp("installed")
    [wheel] = built.glob("*.whl")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(wheel), cwd=folder)
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"reelwright"}
    assert not [name for name in names if "__pycache__" in name or "node_modules" in name]
    tree = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "reelwright").rglob("*") if path.is_file()}
    tree = {name for name in tree if "__pycache__" not in name}
    assert tree <= set(names)


def test_the_source_package_has_what_it_takes_to_build(built: Path) -> None:
    [source] = built.glob("*.tar.gz")
    assert source.stat().st_size < 12_000_000


def test_the_installed_package_makes_a_video(installed: Path, tmp_path: Path) -> None:
    where = run("-c", "import reelwright; print(reelwright.__file__)", cwd=tmp_path, PYTHONPATH=str(installed))
    assert where.startswith(str(installed))
    arguments = ("generate", "Sunset at sea", "--size", "64x64", "--frames", "4", "-o", "sunset.mp4", "--quiet")
    told = run("-m", "reelwright.cli", *arguments, cwd=tmp_path, PYTHONPATH=str(installed))
    assert told == "sunset.mp4\n"
    assert (tmp_path / "sunset.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_client_is_imported_as_the_documentation_says(installed: Path, tmp_path: Path) -> None:
    code = "from reelwright import Client; from reelwright.client import AsyncClient; print(Client.__name__)"
    assert run("-c", code, cwd=tmp_path, PYTHONPATH=str(installed)) == "Client\n"
