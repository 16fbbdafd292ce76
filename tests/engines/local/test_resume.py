"""A job that was killed goes on from its last checkpoint in another process, and ends with the same bits."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import EngineError
from reelwright.testing import Recorder, Take, run_here
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import Stopping, a_request, an_image_request
from tests.processes import Process

pytest.importorskip("torch", reason=REASON)

from reelwright.engines.local import checkpoint

STEPS = 25


def svd_options(tiny_folder: TinyFolder) -> dict[str, Any]:
    model = {"source": str(tiny_folder("svd")), "image": "sdxl-turbo", "image_source": str(tiny_folder("sdxl"))}
    return {"models": {"svd": model}, "checkpoint_steps": 5, "preview_seconds": 0}


def an_engine(options: dict[str, Any]) -> LocalEngine:
    engine = LocalEngine(**options)
    engine.load()
    return engine


def kill_at(options: dict[str, Any], request: Any, scratch: Path, unit: int, saved: int) -> dict[str, Any]:
    """Run a child until it stands at that unit of progress and has saved that step, and SIGKILL it there.

    Returns its last checkpoint's state.
    """
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.engines.local.child"]
    command += [json.dumps(options), json.dumps(request.to_json()), str(scratch), str(unit)]
    state: dict[str, Any] = {}
    done = 0
    with Process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            told = json.loads(line)
            state = told.get("checkpoint", state)
            done = told.get("done", done)
            if done == unit and state.get("step") == saved:
                break
        child.kill()
    assert child.returncode == -9
    return state


def test_svd_killed_at_step_15_of_25_ends_with_the_same_bits(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    options = svd_options(tiny_folder)
    request = a_request("svd", num_inference_steps=STEPS)
    painting = 4
    state = kill_at(options, request, tmp_path / "killed", unit=painting + 15, saved=10)

    engine = an_engine(options)
    whole = run_here(engine, request, tmp_path / "whole")
    report = Recorder()
    resumed = run_here(engine, request, tmp_path / "killed", report, checkpoint=state)

    assert resumed.sha256 == whole.sha256
    assert resumed.facts["resumed_from_step"] == 10
    assert resumed.facts["resumed_exactly"] is True
    assert "image_stage" not in resumed.facts
    assert report.progressed[0] == (painting + 11, painting + STEPS + 1)


def test_a_resumed_job_really_starts_from_what_was_saved(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    """The negative control: with one number of the saved latents changed, the result differs."""
    engine = an_engine(svd_options(tiny_folder))
    request = a_request("svd")
    whole, state = whole_and_broken(engine, request, tmp_path, unit=4 + 6)
    scratch = tmp_path / "broken" / "video_1"
    snapshot = checkpoint.load(state, scratch)
    assert snapshot is not None
    latents = snapshot.latents.clone()
    latents[0, 0, 0, 0, 0] += 1.0
    changed = checkpoint.save(replace(snapshot, latents=latents), scratch)

    resumed = run_here(engine, request, tmp_path / "broken", checkpoint=changed)

    assert resumed.facts["resumed_from_step"] == 5
    assert resumed.sha256 != whole.sha256


def whole_and_broken(
    engine: LocalEngine, request: Any, folder: Path, unit: int, **more: Any
) -> tuple[Take, dict[str, Any]]:
    """The uninterrupted run, and the last checkpoint of one that broke off at that unit."""
    whole = run_here(engine, request, folder / "whole", **more)
    report = Stopping(break_at=unit)
    with pytest.raises(EngineError):
        run_here(engine, request, folder / "broken", report, **more)
    return whole, report.checkpoints[-1]


@pytest.mark.parametrize("model", ["wan", "ltx", "cogvideox", "animatediff"])
def test_every_recipe_that_says_so_resumes_to_the_same_bits(
    model: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    options = {"models": {model: str(tiny_folder(model))}, "checkpoint_steps": 2, "preview_seconds": 0}
    request = a_request(model)
    whole, state = whole_and_broken(an_engine(options), request, tmp_path, unit=5)
    assert state["step"] == 4

    resumed = run_here(an_engine(options), request, tmp_path / "broken", checkpoint=state)

    assert resumed.sha256 == whole.sha256
    assert resumed.facts["resumed_from_step"] == 4


def test_an_image_to_video_run_resumes_to_the_same_bits(tiny_folder: TinyFolder, tmp_path: Path, fox: Path) -> None:
    """LTX keeps its first frame out of the scheduler's hands: the latents are whole only in the pipeline's callback."""
    options = {"models": {"ltx": str(tiny_folder("ltx"))}, "checkpoint_steps": 2, "preview_seconds": 0}
    request = an_image_request("ltx")
    whole, state = whole_and_broken(an_engine(options), request, tmp_path, unit=5, image_path=fox)

    resumed = run_here(an_engine(options), request, tmp_path / "broken", checkpoint=state, image_path=fox)

    assert resumed.sha256 == whole.sha256


def test_a_generic_pipeline_starts_again_and_the_record_says_so(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    engine = an_engine({"models": {"mine": str(tiny_folder("wan"))}, "checkpoint_steps": 1, "preview_seconds": 0})
    report = Recorder()
    first = run_here(engine, a_request("mine"), tmp_path / "one", report)
    assert report.checkpoints == []

    again = run_here(engine, a_request("mine"), tmp_path / "one", checkpoint={"step": 3, "file": "denoise-3.pt"})

    assert again.sha256 == first.sha256
    assert again.facts["resumed_from_step"] == 0
    assert "restarted" in again.facts


@pytest.mark.parametrize("fault", ["gone", "torn", "of another request", "outside the folder"])
def test_a_checkpoint_that_cannot_be_used_means_a_new_start(
    fault: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    engine = an_engine({"models": {"wan": str(tiny_folder("wan"))}, "checkpoint_steps": 2, "preview_seconds": 0})
    request = a_request("wan")
    whole, state = whole_and_broken(engine, request, tmp_path, unit=5)
    file = tmp_path / "broken" / "video_1" / state["file"]
    if fault == "gone":
        file.unlink()
    elif fault == "torn":
        file.write_bytes(file.read_bytes()[:-100])
    elif fault == "of another request":
        request = replace(request, seed=6)
    else:
        state = state | {"file": "../" + state["file"]}

    again = run_here(engine, request, tmp_path / "broken", checkpoint=state)

    assert again.facts["resumed_from_step"] == 0
    assert "restarted" in again.facts
    assert (again.sha256 == whole.sha256) == (fault != "of another request")


@pytest.mark.parametrize("changed", [{"guidance": 1.0}, {"steps": 4}, {"steps": 12}], ids=lambda changed: str(changed))
def test_a_checkpoint_of_other_settings_of_the_model_is_not_taken_up(
    changed: dict[str, Any], tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    """The request is the same: what shapes the video is what the settings have filled in."""

    def engine(**settings: Any) -> LocalEngine:
        model = {"recipe": "wan", "source": str(tiny_folder("wan")), "steps": 8} | settings
        return an_engine({"models": {"wan": model}, "checkpoint_steps": 4, "preview_seconds": 0})

    request = a_request("wan", num_inference_steps=None)
    report = Stopping(break_at=5)
    with pytest.raises(EngineError):
        run_here(engine(), request, tmp_path / "broken", report)
    after = engine(**changed)

    again = run_here(after, request, tmp_path / "broken", checkpoint=report.checkpoints[-1])

    assert again.facts["resumed_from_step"] == 0
    assert "restarted" in again.facts
    assert again.sha256 == run_here(after, request, tmp_path / "fresh").sha256


def test_a_job_that_goes_on_in_another_tier_does_not_say_that_it_is_exact(
    tiny_folder: TinyFolder, tmp_path: Path, fox: Path
) -> None:
    """Another decode chunk changes bits within rounding: the denoised latents are worth going on from all the same."""
    options = {"models": {"svd": {"source": str(tiny_folder("svd")), "image": None}}, "checkpoint_steps": 2}
    request = an_image_request("svd", num_inference_steps=4)
    report = Stopping(break_at=3)
    with pytest.raises(EngineError):
        run_here(an_engine({**options, "placement": "resident"}), request, tmp_path, report, image_path=fox)

    resumed = run_here(
        an_engine({**options, "placement": "lean"}),
        request,
        tmp_path,
        checkpoint=report.checkpoints[-1],
        image_path=fox,
    )

    assert resumed.facts["resumed_from_step"] == 2
    assert resumed.facts["resumed_exactly"] is False
