"""Our sample workflows, and small ones of each kind that people run, from a request to the video."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reelwright.engines.comfyui.library import read_library
from reelwright.testing import Recorder
from reelwright.video import Image as Picture
from reelwright.video import Task, VideoSpec
from tests.engines.comfyui.conftest import Fakes
from tests.engines.comfyui.stage import Stage
from tests.fakes.comfyui.nodes import NODES
from tests.servers import ROOT

PLACES = (ROOT / "examples" / "comfyui", ROOT / "tests" / "engines" / "comfyui" / "graphs")
WEIGHTS = (".safetensors", ".ckpt", ".pth", ".pt", ".gguf")


def known(file: Path) -> bool:
    """Whether the fake has all node classes of the workflow."""
    return all(node["class_type"] in NODES for node in json.loads(file.read_text()).values())


SAMPLES = [file for place in PLACES for file in sorted(place.glob("*.json")) if known(file)]


def weights(graph: dict[str, Any]) -> list[str]:
    values = [value for node in graph.values() for value in node["inputs"].values()]
    return [value for value in values if isinstance(value, str) and value.endswith(WEIGHTS)]


def test_all_our_samples_are_among_them() -> None:
    assert set(PLACES[0].glob("*.json")) <= set(SAMPLES)


@pytest.mark.parametrize("file", SAMPLES, ids=[f"{file.parent.name}-{file.stem}" for file in SAMPLES])
def test_a_workflow_makes_what_it_is_asked_for(stage: Stage, fakes: Fakes, file: Path, tmp_path: Path) -> None:
    fake = fakes(models=weights(json.loads(file.read_text())) or ["none"])
    workflow = read_library([file]).workflows[file.stem]
    picture = tmp_path / "in.png"
    Image.new("RGB", (64, 64), (10, 200, 90)).save(picture)
    described = Picture(sha256="0" * 64, media_type="image/png", width=64, height=64)
    first, last = ("image" in workflow.fields, "last_image" in workflow.fields)
    job = stage.job()
    spec = VideoSpec(
        prompt="A quiet lake at dawn",
        engine="comfyui",
        model=file.stem,
        task=Task.IMAGE_TO_VIDEO if first else Task.TEXT_TO_VIDEO,
        image=described if first else None,
        last_image=described if last else None,
        width=128,
        height=64,
        num_frames=17,
        fps=8,
        seed=77,
    )
    paths = {"image_path": picture if first else None, "last_image_path": picture if last else None}
    asked = replace(job, spec=spec, **paths)
    made = stage.engine(fake, workflows=str(file)).generate(asked, Recorder())

    [entry] = fake.ledger.entries("submitted")
    posted = json.dumps(entry["body"]["prompt"])
    assert "A quiet lake at dawn" in posted
    seeds = ("77", "119")  # SwarmUI's `${seed+42:1}`
    assert any(seed in posted for seed in seeds) == ("seed" in workflow.fields)
    assert "%" not in posted
    sent = made.facts["sent"]
    if {"width", "num_frames"} <= set(workflow.fields):
        probe = made.clip.probe
        assert probe is not None
        assert (probe.width, probe.height, probe.num_frames) == (128, 64, sent["num_frames"])
        assert (sent["num_frames"] == 17) == ("num_frames" not in made.facts["adjusted"])
