"""What is offered is what is here: over HTTP, with a Hub's cache that holds one model of ten, and then another one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.engines.catalog import Offer
from reelwright.engines.child import Spec
from reelwright.engines.local import inventory
from reelwright.engines.local.card import cards
from reelwright.engines.local.inventory import Inventory
from reelwright.engines.local.options import Options
from reelwright.engines.local.recipes import IMAGE_RECIPES, RECIPES
from reelwright.video import Task
from tests import pictures
from tests.cli.command import run
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.shelves import a_folder, cached, tensors
from tests.servers import ServerProcess, eventually

WHOLE = {"vae": ["m.safetensors"], "transformer": ["m.safetensors"]}
SMALL = {"prompt": "a fox", "size": "64x64", "num_frames": 5, "num_inference_steps": 1}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_model_is_ready_for_a_task_when_all_that_the_task_needs_is_here(cache: Path, tmp_path: Path) -> None:
    now = [0.0]
    models = Options.parse({"models": "svd,animatediff"}).models
    shelf = Inventory(models, lambda: now[0])

    def put(source: str, **components: list[str]) -> None:
        cached(a_folder(tmp_path / source.replace("/", "-"), **(components or WHOLE)), cache, source)
        assert found() != before, "it is looked at again after a second"

    def found() -> tuple[bool, ...]:
        now[0] += inventory.LOOK_AGAIN_S
        lacks = [shelf.lack(name, task) for name, model in models.items() for task in model.tasks]
        return tuple(lack is None for lack in lacks)

    assert (before := found()) == (False, False, False)
    put(RECIPES["svd"].repo)
    assert (before := found()) == (False, True, False), "an image needs no image stage"
    lack = shelf.lack("svd", Task.TEXT_TO_VIDEO)
    assert lack
    assert lack.pull == "reelwright pull svd"
    assert "the weights of stabilityai/sdxl-turbo are not on this machine" in lack.why
    put(IMAGE_RECIPES["sdxl-turbo"].repo)
    assert (before := found()) == (True, True, False)
    cached(a_folder(tmp_path / "sd15", **WHOLE), cache, RECIPES["animatediff"].repo)
    assert found() == before, "its motion module is a repository of its own"
    part = tmp_path / "part"
    part.mkdir()
    (part / "config.json").write_text("{}")
    (part / "m.safetensors").write_bytes(tensors())
    cached(part, cache, RECIPES["animatediff"].parts[0].repo)
    assert found() == (True, True, True)


def test_what_was_interrupted_or_cut_is_not_here(cache: Path, tmp_path: Path) -> None:
    shelf = Inventory(Options.parse({"models": "wan"}).models, iter(range(0, 99, 2)).__next__)
    snapshot = cached(a_folder(tmp_path / "wan", **WHOLE), cache, RECIPES["wan"].repo)
    part = snapshot / "transformer" / "m.safetensors"
    for data, told, damaged in (
        (None, "the weights of its transformer are missing", False),
        (tensors()[:-1], "transformer/m.safetensors is cut", True),
    ):
        part.unlink(missing_ok=True)
        if data:
            part.write_bytes(data)
        lack = shelf.lack("wan", Task.TEXT_TO_VIDEO)
        assert lack
        assert (told in lack.why, lack.damaged, lack.pull) == (True, damaged, "reelwright pull wan")
    part.write_bytes(tensors())
    assert shelf.lack("wan", Task.TEXT_TO_VIDEO) is None


def test_every_model_whose_weights_are_here_is_offered(cache: Path, tmp_path: Path) -> None:
    shards = [f"m-{number:05}-of-00012.safetensors" for number in range(1, 13)]
    folder = a_folder(tmp_path / "large", transformer=[*shards, "m.safetensors.index.json"], vae=["m.safetensors"])
    for repo in {recipe.repo for recipe in RECIPES.values() if recipe.repo}:
        cached(folder, cache, repo)
    offer = Offer(spec=Spec(engine="local"), cards=cards({}), lack=Inventory(Options.parse({}).models).lack)
    assert offer.trouble is None
    assert offer.ordered


def test_doctor_tells_each_model_and_what_torch_runs_on(cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=REASON)
    cached(a_folder(tmp_path / "wan", **WHOLE), cache, RECIPES["wan"].repo)
    cut = cached(a_folder(tmp_path / "ltx", **WHOLE), cache, RECIPES["ltx"].repo) / "vae" / "m.safetensors"
    cut.write_text("version https://git-lfs.github.com/spec/v1\n")
    told = run("doctor", "--json", "--engine", "local", cwd=tmp_path, HF_HUB_CACHE=str(cache))
    found = json.loads(told.stdout)
    rows = {row["name"]: row for row in found}
    assert rows["Model wan"]["ok"]
    # What the built-in recipe takes at its default size, of this machine's memory.
    assert re.fullmatch(
        r"here, 0\.0 GB on the disk; (lean|whole|too large) .*main memory \(\d+ of \d+ GiB\)",
        rows["Model wan"]["detail"],
    )
    absent = [row for row in found if row["name"] == "Models to fetch"]
    assert any("svd" in row["detail"].partition(": ")[2].split(", ") for row in absent)
    assert absent[-1]["remedy"].strip("`").endswith("reelwright pull NAME")
    assert rows["Model ltx"].pop("remedy").endswith("reelwright pull ltx")
    assert rows["Model ltx"] == {
        "name": "Model ltx",
        "ok": False,
        "detail": "damaged: its file vae/m.safetensors is a Git LFS pointer instead of the file itself",
    }
    assert rows["Engine local"]["ok"]
    assert "torch 2." in rows["GPU"]["detail"]
    assert "GiB" in rows["Main memory"]["detail"]
    assert told.returncode == 1


def test_doctor_sends_nobody_to_fetch_what_a_folder_of_theirs_lacks(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=REASON)
    options = {"local": {"models": {"mine": {"recipe": "wan", "source": str(tmp_path / "misspelt")}}}}
    environment = {"HF_HUB_CACHE": str(tmp_path / "hub"), "REELWRIGHT_ENGINE_OPTIONS": json.dumps(options)}
    told = run("doctor", "--json", "--engine", "local", cwd=tmp_path, **environment)
    rows = {row["name"]: row for row in json.loads(told.stdout)}
    assert rows["Model mine"] == {
        "name": "Model mine",
        "ok": None,
        "detail": "not ready: the folder configured for it does not exist",
        "remedy": "Correct its source.",
    }
    assert "Models to fetch" not in rows
    assert rows["Engine local"]["detail"] == "The local engine has no weights yet"
    assert "name a folder that has them" in rows["Engine local"]["remedy"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_folder: TinyFolder) -> Iterator[ServerProcess]:
    pytest.importorskip("torch", reason=REASON)
    root = tmp_path_factory.mktemp("readiness")
    cached(tiny_folder("wan"), root / "hub", RECIPES["wan"].repo)
    running = ServerProcess(
        root / "data", REELWRIGHT_ENGINE="local", HF_HUB_CACHE=str(root / "hub"), OMP_NUM_THREADS="1"
    )
    yield running.start()
    assert running.stop() == 0


def told(server: ServerProcess) -> list[dict[str, Any]]:
    found = httpx2.get(f"{server.url}/v1/models").json()["data"]
    return [one for one in found if one["owned_by"] == "local"]


def test_the_default_request_is_made_by_the_model_that_is_here_in_every_dialect(server: ServerProcess) -> None:
    url = server.url
    made = [
        httpx2.post(f"{url}/api/video/generate", json=SMALL, timeout=120),
        httpx2.post(f"{url}/v1/videos/sync", json=SMALL, timeout=120),
        httpx2.post(
            f"{url}/models/reelwright/default",
            json={"inputs": "a fox", "parameters": {"target_size": "64x64", "num_frames": 5, "num_inference_steps": 1}},
            timeout=120,
        ),
    ]
    assert [(answer.status_code, answer.headers["Content-Type"]) for answer in made] == [(200, "video/mp4")] * 3
    replicate = {"version": "reelwright/default", "input": SMALL}
    assert httpx2.post(f"{url}/v1/predictions", json=replicate).status_code == 201
    routed = {"model": "reelwright/default", "prompt": "a fox", "size": "64x64", "duration": 1}
    routed["provider"] = {"options": {"reelwright": {"num_inference_steps": 1, "num_frames": 5}}}
    answer = httpx2.post(f"{url}/api/v1/videos", json=routed)
    assert answer.status_code == 202, answer.text
    videos = eventually(
        lambda: (
            (v := httpx2.get(f"{url}/v1/videos").json()["data"])
            and all(one["status"] in ("completed", "failed") for one in v)
            and v
        ),
        90,
    )
    assert {(one["model"], one["status"], str(one["error"])) for one in videos} == {("wan", "completed", "None")}


def test_what_is_not_here_is_listed_last_with_its_command_and_refused(server: ServerProcess) -> None:
    models = told(server)
    assert models[0]["id"] == "wan"
    assert models[0]["default"]
    assert [(one["card"]["ready"], one["card"]["pull"]) for one in models[:2]] == [
        (True, None),
        (False, "reelwright pull svd"),
    ]
    assert len(models) == len(RECIPES) - 1
    assert httpx2.get(f"{server.url}/ready").json()["checks"]["engine"] == "ok"
    ask = {**SMALL, "model": "ltx"}
    said = "Model 'ltx' is not ready: the weights of Lightricks/LTX-Video are not on this machine. "
    said += "Fetch it with: reelwright pull ltx"
    native = httpx2.post(f"{server.url}/api/video/generate", json=ask)
    assert (native.status_code, native.json()["error"], native.json()["field"]) == (400, said, "model")
    openai = httpx2.post(f"{server.url}/v1/videos", json=ask)
    assert openai.status_code == 400
    assert openai.json()["error"]["code"] == "model_not_ready"
    assert httpx2.post(f"{server.url}/models/reelwright/ltx", json={"inputs": "a fox"}).status_code == 404
    picture = {"image": pictures.encoded(pictures.flat((1, 2, 3)), "PNG")}
    # No model that is here animates an image: the first that could says what it lacks.
    animated = httpx2.post(f"{server.url}/api/video/generate", data={"prompt": "a fox"}, files=picture)
    assert (animated.status_code, animated.json()["error"][-20:]) == (400, " reelwright pull svd")


def test_the_device_is_said_in_health_and_in_the_log(server: ServerProcess) -> None:
    (state,) = eventually(lambda: httpx2.get(f"{server.url}/health").json().get("engines", {}).get("local"))
    assert state["device"] == "cpu, 1 threads"
    assert "warning" not in state
    assert re.search(r"engine loaded.*device='?cpu, 1 threads", server.log_text())


def test_what_is_fetched_while_the_server_runs_can_be_used(server: ServerProcess, tiny_folder: TinyFolder) -> None:
    hub = server.data_dir.parent / "hub"
    cached(tiny_folder("ltx"), hub, RECIPES["ltx"].repo)
    eventually(lambda: [one["id"] for one in told(server) if one["card"]["ready"]] == ["wan", "ltx"])
    ask = {**SMALL, "model": "ltx"}
    answer = httpx2.post(f"{server.url}/api/video/generate", json=ask, timeout=120)
    assert answer.status_code == 200, answer.text


def test_a_file_that_is_cut_is_told_by_ready_and_by_the_job(server: ServerProcess) -> None:
    hub = server.data_dir.parent / "hub"
    file = next((hub / "models--Wan-AI--Wan2.1-T2V-1.3B-Diffusers").rglob("transformer/*.safetensors"))
    server.kill()
    server.start()
    assert told(server)[0]["id"] == "wan", "it was whole when the server looked"
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(whole[:-5])
    remedy = "Fetch it anew with: reelwright pull wan"
    failed = httpx2.post(f"{server.url}/api/video/generate", json=SMALL, timeout=120)
    assert failed.status_code == 400
    assert failed.json()["error"].endswith(remedy)
    server.kill()
    server.start()
    assert told(server)[0]["id"] == "ltx"
    ready = httpx2.get(f"{server.url}/ready").json()
    assert ready["status"] == "ready"
    assert len(ready["warnings"]) == 1
    assert f"Model 'wan' is damaged: its file transformer/{file.name} is cut" in ready["warnings"][0]
    assert ready["warnings"][0].endswith(remedy)
