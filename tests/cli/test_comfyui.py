"""`reelwright comfyui check` and doctor's rows, against a ComfyUI that answers as a real one does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.doctor import survey
from reelwright.engines.local import devices
from reelwright.settings import load_settings
from tests.cli.command import run
from tests.fakes.comfyui import FakeComfyUI

ROOT = Path(__file__).parents[2]
GRAPHS = ROOT / "tests" / "engines" / "comfyui" / "graphs"


@pytest.fixture(scope="module")
def comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeComfyUI]:
    with FakeComfyUI(tmp_path_factory.mktemp("comfyui")) as fake:
        yield fake


def test_check_tells_what_was_mapped_and_by_which_rule(tmp_path: Path) -> None:
    shutil.copy(GRAPHS / "switches.json", tmp_path)
    result = run("comfyui", "check", "switches.json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = {line.split()[1]: " ".join(line.split()[2:]) for line in result.stdout.splitlines()[1:]}
    assert lines["prompt"] == 'detected 128:43.value "a paper boat in a gutter"'
    assert lines["width"] == "title 128:50.value 1280"
    assert lines["guidance_scale"] == "A switch decides which of several counts"
    assert lines["length"] == "121 frames at 24 fps by itself, up to 241 frames, 4n+1 each"
    assert lines["output"] == "node 60 (SaveVideo)"


def test_check_tells_what_is_missing_there_and_writes_the_sidecar(comfyui: FakeComfyUI, tmp_path: Path) -> None:
    graph = json.loads((GRAPHS / "single.json").read_text())
    graph["37"]["inputs"]["unet_name"] = "not-there.safetensors"
    graph["48"]["class_type"] = "ModelSamplingOfNobody"
    (tmp_path / "fox.json").write_text(json.dumps(graph))
    told = {"reelwright": 1, "title": "A fox", "inputs": {"guidance_scale": []}}
    (tmp_path / "fox.reelwright.json").write_text(json.dumps(told))

    result = run("comfyui", "check", "fox.json", "--url", comfyui.url, "--write", "--json", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    found = json.loads(result.stdout)
    assert found["comfyui"]["version"] == comfyui.version.name
    assert found["lacks"] == [
        "the node class ModelSamplingOfNobody (node 48)",
        "'not-there.safetensors' for 37.unet_name (UNETLoader)",
    ]
    written = json.loads((tmp_path / "fox.reelwright.json").read_text())
    assert (written["title"], written["inputs"]["guidance_scale"]) == ("A fox", []), "what was there stays"
    assert written["inputs"]["seed"] == ["3.seed"]
    assert written["bounds"]["3.seed"] == [0, 2**64 - 1]
    assert written["limits"]["frames"] == {"min": 1, "max": 65, "step": 4}
    # It is read again as it was written.
    again = json.loads(run("comfyui", "check", "fox.json", "--json", cwd=tmp_path).stdout)
    assert {field["rule"] for field in again["fields"].values()} == {"sidecar"}
    assert "guidance_scale" not in again["fields"]


def test_check_of_what_is_no_workflow_or_does_not_answer(comfyui: FakeComfyUI, tmp_path: Path) -> None:
    (tmp_path / "ui.json").write_text('{"nodes": [], "links": []}')
    result = run("comfyui", "check", "ui.json", cwd=tmp_path)
    assert result.returncode == 2
    assert "ui.json: It is in the editor's own format" in result.stderr
    assert "Workflow → Export (API)" in result.stderr
    shutil.copy(GRAPHS / "single.json", tmp_path)
    result = run("comfyui", "check", "single.json", "--url", "http://127.0.0.1:9", cwd=tmp_path)
    assert result.returncode == 1
    assert "127.0.0.1:9: It does not answer (Connection refused)" in result.stdout
    result = run("comfyui", "check", "single.json", "--url", f"{comfyui.url}/page", cwd=tmp_path)
    assert "It is no ComfyUI (HTTP 404 for /page/system_stats)" in result.stdout
    assert run("comfyui", "check", "single.json", "--url", "127.0.0.1", cwd=tmp_path).returncode == 2


def test_the_token_goes_to_the_configured_addresses_only(tmp_path: Path) -> None:
    shutil.copy(GRAPHS / "single.json", tmp_path)
    with FakeComfyUI(tmp_path / "locked", auth="bearer", token="hush") as locked:

        def check(configured: str) -> tuple[int, str]:
            settings = {"REELWRIGHT_COMFYUI_TOKEN": "hush", "REELWRIGHT_COMFYUI_URL": configured}
            result = run("comfyui", "check", "single.json", "--url", locked.url, cwd=tmp_path, **settings)
            assert "hush" not in result.stdout + result.stderr
            return result.returncode, result.stdout

        assert check(locked.url)[0] == 0
        code, told = check("http://127.0.0.1:9")
        assert code == 1
        assert "It refuses the token (HTTP 401)" in told


def test_doctor_tells_each_comfyui_and_each_workflow(
    comfyui: FakeComfyUI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "ask_torch", lambda: None)  # which takes it seconds to import
    flows = tmp_path / "workflows"
    flows.mkdir()
    shutil.copy(GRAPHS / "single.json", flows)
    (flows / "ui.json").write_text('{"nodes": [], "links": []}')
    lacking = (GRAPHS / "single.json").read_text().replace("wan2.1_t2v_1.3B_fp16.safetensors", "absent.safetensors")
    (flows / "lacking.json").write_text(lacking)

    settings = load_settings(
        comfyui_url=f"{comfyui.url},http://127.0.0.1:9", comfyui_workflows=flows, data_dir=tmp_path / "data", port=0
    )

    def rows() -> list[tuple[str, bool | None, str]]:
        found = [(one.name, one.ok, one.detail) for one in survey(settings)]
        return [row for row in found if row[0] in ("Workflow", "ComfyUI", "Chosen engine")]

    where = comfyui.url.removeprefix("http://")
    # One workflow can be made at one of them, so nothing is wrong with the server.
    assert rows() == [
        ("Workflow", None, "ui.json: It is in the editor's own format, which ComfyUI does not run"),
        (
            "ComfyUI",
            True,
            f"{where}, version {comfyui.version.name}, NVIDIA GeForce RTX 4090, 20.0 of 24.0 GiB free",
        ),
        ("ComfyUI", None, "127.0.0.1:9: It does not answer (Connection refused)"),
        ("Workflow", None, f"lacking.json lacks at {where}: 'absent.safetensors' for 37.unet_name (UNETLoader)"),
        ("Chosen engine", True, "comfyui (REELWRIGHT_COMFYUI_URL is set)"),
    ]
    (flows / "single.json").unlink()
    assert [ok for name, ok, _ in rows() if name == "Workflow"] == [False, False]
    (flows / "lacking.json").unlink()
    engine = next(one for one in survey(settings) if one.name == "Engine comfyui")
    assert engine.detail == f"No workflow in {flows} (REELWRIGHT_COMFYUI_WORKFLOWS) can be used"
    assert engine.remedy is not None
    assert engine.remedy.startswith("ui.json: It is in the editor's own format")
