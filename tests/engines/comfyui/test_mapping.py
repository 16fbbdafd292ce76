"""Which fields are found in graphs of each kind, by which rule, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.comfyui.problem import Problem
from reelwright.engines.comfyui.workflow import Workflow

GRAPHS = Path(__file__).parent / "graphs"
KS = "3.seed 40.width 40.height 40.length 49.fps 3.steps 3.cfg"
NAMES = ("seed", "width", "height", "num_frames", "fps", "num_inference_steps", "guidance_scale")


def detected(text: str, negative: str | None, numbers: str, **more: str) -> dict[str, str]:
    """The places by field; `numbers` in the order of `NAMES`, `-` where a field is not found."""
    places = {"prompt": text, "negative_prompt": negative or "-"} | dict(zip(NAMES, numbers.split(), strict=True))
    return {name: f"detected {place}" for name, place in places.items() if place != "-"} | more


FOUND = {
    "single": detected("6.text", "7.text", KS),
    "hunyuan": detected("44.text", None, "25.noise_seed 45.width 45.height 45.length 49.fps 17.steps 26.guidance"),
    "custom_sampler": detected("44.text", None, "25.noise_seed 45.width 45.height 45.length 49.fps 17.steps 22.cfg"),
    # Of a sampling in two stages the steps and the guidance are not one number, and the second seed adds no noise.
    "two_stage": detected("6.text", "7.text", "57.noise_seed 61.width 61.height 61.length 49.fps - -"),
    "ltx": detected(
        "6.text", "7.text", "72.noise_seed 70.width 70.height 70.length 69.frame_rate,49.fps 71.steps 72.cfg"
    ),
    "vhs": detected(
        "16.positive_prompt",
        "16.negative_prompt",
        "27.seed 37.width 37.height 37.num_frames 30.frame_rate 27.steps 27.cfg",
    ),
    "image_to_video": detected(
        "6.text",
        "7.text",
        "3.seed 50.width 50.height 50.length 55.fps 3.steps 3.cfg",
        image="detected 52.image",
    ),
    "first_last": detected(
        "6.text",
        "7.text",
        "3.seed 50.width 50.height 50.length 55.fps 3.steps 3.cfg",
        image="detected 52.image",
        last_image="detected 53.image",
    ),
    # A switch that is off leads past the text that would be rewritten; what it chooses among is not one number.
    "switches": detected(
        "128:43.value",
        "128:7.text",
        "128:3.seed - - - - 128:3.steps -",
        width="title 128:50.value",
        height="title 128:51.value",
        fps="title 128:53.value",
        seconds="title 128:52.value",
    ),
    # Through a node with both sides by its slot, and on to primitives.
    "controlnet": detected(
        "20.value",
        "21.value",
        "22.value 12.width 12.height 12.batch_size 15.fps 13.steps 13.cfg",
        image="detected 11.image",
    ),
    "sillytavern": detected(
        "-",
        None,
        "- - - 40.length 49.fps 3.steps 3.cfg",
        prompt="placeholder 6.text",
        negative_prompt="placeholder 7.text",
        seed="placeholder 3.seed",
        width="placeholder 6.text,40.width",
        height="placeholder 6.text,40.height",
    ),
    "swarmui": detected(
        "-",
        None,
        "- 40.width 40.height 40.length 49.fps - -",
        prompt="placeholder 6.text",
        negative_prompt="placeholder 7.text",
        seed="placeholder 3.seed",
        num_inference_steps="placeholder 3.steps",
        guidance_scale="placeholder 3.cfg",
    ),
    "titles": detected(
        "-",
        None,
        "7.seed - - - 10.fps 7.steps 7.cfg",
        prompt="title 2.text",
        negative_prompt="title 5.text",
        width="title 6.width",
        height="title 6.height",
        num_frames="title 6.length",
    ),
}
OUTPUTS = {
    "image_to_video": "56",
    "first_last": "56",
    "switches": "60",
    "controlnet": "15",
    "vhs": "30",
    "titles": "10",
}


def read(name: str) -> Workflow:
    return Workflow.read(GRAPHS / f"{name}.json")


def changed(tmp_path: Path, name: str, sidecar: dict[str, Any] | None = None, **nodes: dict[str, Any] | None) -> Path:
    """That graph with inputs of nodes (`n3`) changed, `title` and `kind` too; None takes the node out."""
    graph = json.loads((GRAPHS / f"{name}.json").read_text())
    for key, changes in nodes.items():
        node = key.removeprefix("n")
        if changes is None:
            del graph[node]
            continue
        one = graph.setdefault(node, {"inputs": {}})
        one["_meta"] = {"title": changes.pop("title", "")}
        one["class_type"] = changes.pop("kind", None) or one["class_type"]
        one["inputs"] |= changes
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(graph))
    if sidecar is not None:
        (tmp_path / "changed.reelwright.json").write_text(json.dumps({"reelwright": 1, **sidecar}))
    return path


@pytest.mark.parametrize("name", FOUND)
def test_each_kind_of_graph_is_mapped_by_itself(name: str) -> None:
    workflow = read(name)
    told = {
        field.name: f"{field.rule} {','.join(str(target) for target in field.targets)}"
        for field in workflow.fields.values()
    }
    assert told == FOUND[name]
    assert workflow.output == OUTPUTS.get(name, "50")


@pytest.mark.parametrize(
    ("name", "field", "why"),
    [
        ("two_stage", "num_inference_steps", "The steps are divided between several samplers"),
        ("two_stage", "guidance_scale", "Several samplers have one of their own"),
        ("switches", "guidance_scale", "A switch decides which of several counts"),
        ("switches", "num_frames", "It is computed by node 128:54 (ComfyMathExpression)"),
        ("custom_sampler", "negative_prompt", "No text leads to a sampler"),
    ],
)
def test_what_is_not_honoured_is_told_with_the_reason(name: str, field: str, why: str) -> None:
    workflow = read(name)
    assert field not in workflow.fields
    assert why in [note.why for note in workflow.wiring.notes if note.field == field]


def test_a_field_that_is_ambiguous_is_never_guessed(tmp_path: Path) -> None:
    larger = {"kind": "EmptyHunyuanLatentVideo", "width": 1280, "height": 480, "length": 33, "batch_size": 1}
    second = {"kind": "LatentBatch", "samples1": ["40", 0], "samples2": ["41", 0]}
    workflow = Workflow.read(changed(tmp_path, "single", n41=larger, n42=second, n3={"latent_image": ["42", 0]}))
    assert "width" not in workflow.fields
    assert workflow.fields["height"].targets[0].node == "40"
    assert any("they hold different values (40.width, 41.width)" in note.why for note in workflow.wiring.notes)

    interpolated = {"kind": "CreateVideo", "fps": 32, "images": ["8", 0]}
    workflow = Workflow.read(changed(tmp_path, "ltx", n49=interpolated))
    assert "fps" not in workflow.fields
    assert workflow.own("fps") == 32, "the file has the rate of the node that makes it"

    two = {"kind": "LoadImage", "image": "style.png"}
    batch = {"kind": "ImageBatch", "image1": ["52", 0], "image2": ["60", 0]}
    workflow = Workflow.read(changed(tmp_path, "image_to_video", n60=two, n61=batch, n50={"start_image": ["61", 0]}))
    assert "image" not in workflow.fields
    assert any("Several pictures are loaded" in note.why for note in workflow.wiring.notes)


def test_a_sidecar_overrules_a_title_and_a_title_what_is_detected(tmp_path: Path) -> None:
    titled = {"n7": {"title": "prompt"}, "n40": {"title": "anything [Number of frames] [width]"}}
    workflow = Workflow.read(changed(tmp_path, "single", **titled))
    assert str(workflow.fields["prompt"].targets[0]) == "7.text"
    assert workflow.fields["num_frames"].rule == "title"
    assert "negative_prompt" not in workflow.fields, "the place that was detected for it is the prompt's"

    sidecar = {
        "title": "Fox",
        "inputs": {"prompt": ["6.text", "7.text"], "seed": [], "guidance_scale": None},
        "bounds": {"3.steps": [4, 12]},
    }
    workflow = Workflow.read(changed(tmp_path, "single", sidecar, **titled))
    assert [str(target) for target in workflow.fields["prompt"].targets] == ["6.text", "7.text"]
    assert not {"seed", "guidance_scale"} & set(workflow.fields)
    assert (workflow.fields["num_inference_steps"].low, workflow.fields["num_inference_steps"].high) == (4, 12)


def test_only_what_the_output_is_made_from_counts(tmp_path: Path) -> None:
    other = {"kind": "KSampler", "seed": 5, "steps": 9, "positive": ["7", 0], "latent_image": ["40", 0]}
    preview = {"kind": "PreviewImage", "images": ["98", 0]}
    workflow = Workflow.read(changed(tmp_path, "single", n98=other, n99=preview))
    assert {name: str(field.targets[0]) for name, field in workflow.fields.items()}["num_inference_steps"] == "3.steps"


SAVER = {"kind": "SaveVideo", "video": ["49", 0], "filename_prefix": "x"}


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("single", {"n50": None}, "No node in it saves a video. End it in SaveVideo"),
        (
            "single",
            {"n51": SAVER},
            "Several nodes save a video: node 50 (SaveVideo), node 51 (SaveVideo). Give the one",
        ),
        ("single", {"n6": {"text": ["9", 0]}}, "It has no prompt: it comes from node 9, which is not in the file."),
        ("single", {"n3": {"positive": ["5", 0]}}, "no text leads to a sampler. Give the node that holds it the title"),
        ("single", {"n8": {"kind": "KlingTextToVideoNode"}}, "Node 8 (KlingTextToVideoNode) is a paid partner node"),
        ("single", {"n37": {"unet_name": "%model%"}}, "37.unet_name holds %model%, which only another client fills"),
        ("single", {"n3": {"steps": "%steps%"}}, "3.steps holds a placeholder for `num_inference_steps`, and nothing"),
        ("vhs_batches", {}, "Node 30 (VHS_VideoCombine) saves in batches"),
    ],
)
def test_a_graph_that_cannot_be_a_model_is_a_problem_with_a_remedy(
    tmp_path: Path, name: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(Problem) as caught:
        Workflow.read(
            changed(tmp_path, name, **{node: dict(value) if value else None for node, value in changes.items()})
        )
    assert caught.value.message.startswith("changed.json: ")
    assert said in caught.value.message


@pytest.mark.parametrize(
    "loop",
    [
        {
            "n6": {"kind": "Reroute", "text": None, "clip": None, "a": ["60", 0]},
            "n60": {"kind": "Reroute", "a": ["6", 0]},
        },
        {"n6": {"kind": "ComfySwitchNode", "switch": ["6", 0], "on_true": ["6", 0], "on_false": ["6", 0]}},
        {"n6": {"kind": "ComfySwitchNode", "switch": True, "on_true": ["6", 0]}},
        {"n6": {"text": ["60", 0]}, "n60": {"kind": "Reroute", "a": ["60", 0]}},
        {"n3": {"text_embeds": ["60", 0], "positive": None}, "n60": {"kind": "NAG", "text_embeds": ["60", 0]}},
        {f"n{n}": {"kind": "ConditioningCombine", "conditioning_1": [str(n + 1), 0]} for n in range(100, 3000)}
        | {"n3": {"positive": ["100", 0]}},
    ],
    ids=["reroutes", "switch of itself", "switch to itself", "text", "embeds", "a long chain"],
)
def test_a_loop_of_links_ends(tmp_path: Path, loop: dict[str, Any]) -> None:
    with pytest.raises(Problem):
        Workflow.read(changed(tmp_path, "single", **loop))
