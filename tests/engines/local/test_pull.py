"""`reelwright pull` against a Hub: what it tells, fetches, takes up again, compares and refuses. No torch needed."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run, start
from tests.engines.local.shelves import a_folder, tensors
from tests.engines.local.test_weights import HALVES, SHARDS
from tests.fakes.hub import COMMIT, TOKEN, FakeHub
from tests.servers import eventually

BIG = 3_000_000


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as serving:
        yield serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = a_folder(tmp_path / "made", vae=SHARDS + HALVES, transformer=["m.safetensors", "m.bin"])
    (made / "transformer" / "m.safetensors").write_bytes(tensors(b"w" * BIG))
    return made


def options(**fields: Any) -> dict[str, str]:
    models = {"mine": {"recipe": "wan", "source": "someone/wan", **fields}}
    return {"REELWRIGHT_ENGINE_OPTIONS": json.dumps({"local": {"models": models}})}


def pull(hub: FakeHub, tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = options() | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")} | more
    return run("pull", *(arguments or ("mine",)), cwd=tmp_path, **environment)


def snapshot(tmp_path: Path) -> Path:
    return tmp_path / "hf" / "hub" / "models--someone--wan" / "snapshots" / COMMIT


def test_it_tells_what_comes_and_fetches_one_precision_with_its_index(
    hub: FakeHub, folder: Path, tmp_path: Path
) -> None:
    hub.add("someone/wan", folder, license="cc-by-nc-4.0")
    done = pull(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{snapshot(tmp_path)}\n"
    assert "mine: Wan 2.1 1.3B. Licence: Apache-2.0" in done.stderr
    assert "someone/wan: 0.00 GB, 0.00 GB of it to fetch;" in done.stderr
    assert "its licence there: cc-by-nc-4.0" in done.stderr
    names = {str(path.relative_to(snapshot(tmp_path))) for path in snapshot(tmp_path).rglob("*") if path.is_file()}
    assert names == {
        "model_index.json",
        "transformer/config.json",
        "transformer/m.safetensors",
        "vae/config.json",
        *(f"vae/{name}" for name in HALVES),
    }
    assert (snapshot(tmp_path) / "transformer" / "m.safetensors").read_bytes() == tensors(b"w" * BIG)

    sent = hub.bytes_sent
    again = pull(hub, tmp_path)
    assert "all of it here already" in again.stderr
    assert "comparing what is here with its SHA-256" in again.stderr
    assert (again.returncode, hub.bytes_sent) == (0, sent)
    full = pull(hub, tmp_path, "--full", "mine")
    assert (full.returncode, full.stderr.count("to fetch")) == (0, 1)
    assert (snapshot(tmp_path) / "vae" / SHARDS[1]).is_file()


def test_the_token_of_the_env_file_opens_a_gate_and_stays_with_the_hub(
    hub: FakeHub, folder: Path, tmp_path: Path
) -> None:
    hub.add("someone/wan", folder, gated=True)
    shut = pull(hub, tmp_path)
    assert shut.returncode == 1
    remedy = f"Accept its terms at {hub.url}/someone/wan, then set HF_TOKEN"
    assert f"someone/wan is gated. {remedy}" in " ".join(shut.stderr.split())
    (tmp_path / ".env").write_text(f"HF_TOKEN={TOKEN}\n")
    opened = pull(hub, tmp_path)
    assert opened.returncode == 0, opened.stderr
    assert f"gated: its terms must be accepted at {hub.url}/someone/wan" in opened.stderr
    assert {asked.token for asked in hub.log if asked.host.startswith("localhost")} == {None}


@pytest.mark.parametrize("ranges", [True, False])
def test_what_was_killed_goes_on_where_it_was(ranges: bool, hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    repo = hub.add("someone/wan", folder)
    hub.stall["transformer/m.safetensors"] = 2_000_000
    environment = options() | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    with start("pull", "mine", cwd=tmp_path, **environment) as killed:
        blobs = tmp_path / "hf" / "hub" / "models--someone--wan" / "blobs"
        eventually(lambda: any(part.stat().st_size >= 1 << 20 for part in blobs.glob("*.part")))
        killed.send_signal(signal.SIGKILL)
        killed.wait(120)
    hub.release()
    assert not (snapshot(tmp_path) / "transformer" / "m.safetensors").exists()
    hub.ranges, sent = ranges, hub.bytes_sent
    done = pull(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (snapshot(tmp_path) / "transformer" / "m.safetensors").read_bytes() == repo.files[
        "transformer/m.safetensors"
    ]
    assert (hub.bytes_sent - sent < BIG) is ranges
    assert not list(blobs.glob("*.part"))


def test_a_connection_that_breaks_is_taken_up_again(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    repo = hub.add("someone/wan", folder, cut={"transformer/m.safetensors": 1_000_000})
    assert pull(hub, tmp_path).returncode == 0
    asked = [
        one.range for one in hub.log if one.path.startswith("/cdn/") and one.path.endswith("transformer/m.safetensors")
    ]
    assert asked == [None, "bytes=1000000-"]
    assert (snapshot(tmp_path) / "transformer" / "m.safetensors").read_bytes() == repo.files[
        "transformer/m.safetensors"
    ]


def test_other_bytes_than_the_hub_has_are_never_taken(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    repo = hub.add("someone/wan", folder)
    repo.swapped["transformer/m.safetensors"] = tensors(b"v" * BIG)
    wrong = pull(hub, tmp_path)
    assert wrong.returncode == 1
    assert "m.safetensors of someone/wan arrived damaged: its SHA-256 differs" in " ".join(wrong.stderr.split())
    repo.swapped.clear()
    assert pull(hub, tmp_path).returncode == 0


def test_a_damaged_file_is_fetched_anew(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    hub.add("someone/wan", folder)
    assert pull(hub, tmp_path).returncode == 0
    place = snapshot(tmp_path) / "transformer" / "m.safetensors"
    place.resolve().write_bytes(place.read_bytes()[:-1])
    cut = pull(hub, tmp_path)
    assert cut.returncode == 0, cut.stderr
    assert place.read_bytes() == tensors(b"w" * BIG)
    place.resolve().write_bytes(tensors(b"v" * BIG))
    changed = pull(hub, tmp_path)
    assert changed.returncode == 1
    assert "was damaged on this disk and has been removed" in " ".join(changed.stderr.split())
    assert pull(hub, tmp_path).returncode == 0
    assert place.read_bytes() == tensors(b"w" * BIG)


def test_too_small_a_disk_is_told_with_both_numbers(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    repo = hub.add("someone/wan", folder)
    repo.claimed["transformer/m.safetensors"] = 10**15
    full = pull(hub, tmp_path)
    assert full.returncode == 1
    told = " ".join(full.stderr.split())
    assert "no room for these weights: 1000000.0 GB are still to come, and" in told
    assert "set HF_HOME to a folder on a larger disk" in told
    assert not list((tmp_path / "hf").rglob("*.safetensors"))


def test_a_repository_in_another_format_is_told(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    del hub.add("someone/wan", folder).files["model_index.json"]
    told = pull(hub, tmp_path)
    assert told.returncode == 1
    assert "someone/wan has no model_index.json, so it is no diffusers pipeline" in " ".join(told.stderr.split())


def test_names_that_leave_their_folder_are_left_out(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    repo = hub.add("someone/wan", folder)
    index = json.loads(repo.files["model_index.json"]) | {"../../../../..": ["diffusers", "SomeModel"]}
    repo.files |= {"model_index.json": json.dumps(index).encode(), "../../../../../evil.json": b"{}"}
    assert pull(hub, tmp_path).returncode == 1
    assert not list(tmp_path.rglob("evil.json"))


def test_a_lora_is_fetched_as_it_is(hub: FakeHub, tmp_path: Path) -> None:
    made = tmp_path / "lora"
    made.mkdir()
    (made / "film.safetensors").write_bytes(tensors())
    del hub.add("someone/film", made).files["whole.safetensors"]
    done = pull(hub, tmp_path, "--lora", "someone/film")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in Path(done.stdout.strip()).iterdir()] == ["film.safetensors"]


def test_a_folder_of_ones_own_is_left_alone_but_looked_at(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    own = options(source=str(folder))
    done = pull(hub, tmp_path, **own)
    assert (done.returncode, hub.log) == (0, [])
    assert "is a folder already" in done.stdout
    (folder / "transformer" / "m.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    told = pull(hub, tmp_path, **own)
    assert told.returncode == 1
    assert "transformer/m.safetensors is a Git LFS pointer" in " ".join(told.stderr.split())
