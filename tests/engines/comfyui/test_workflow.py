"""Files that are read or refused, requests that are filled in, and the cards that promise it."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.catalog import Catalog, Offer
from reelwright.engines.child import Spec
from reelwright.engines.comfyui.card import card_of
from reelwright.engines.comfyui.library import read_library
from reelwright.engines.comfyui.problem import Problem
from reelwright.engines.comfyui.workflow import Workflow
from reelwright.errors import BadRequest, EngineError
from reelwright.video import Draft, Image, Task, VideoSpec
from tests.engines.comfyui.test_mapping import GRAPHS, changed, read

EXAMPLES = Path(__file__).parents[3] / "examples" / "comfyui"
SPEC = VideoSpec(
    prompt='a "quoted" prompt with %width% in it',
    engine="comfyui",
    model="x",
    task=Task.TEXT_TO_VIDEO,
    width=640,
    height=368,
    num_frames=49,
    fps=20,
    seed=7,
)


def ask(**changes: Any) -> VideoSpec:
    return dataclasses.replace(SPEC, **changes)


def inputs(graph: Any, node: str) -> Any:
    return graph[node]["inputs"]


# --- filling ---


def test_a_request_is_written_to_its_places_and_nowhere_else() -> None:
    workflow = read("single")
    before = copy.deepcopy(workflow.graph.nodes)
    filled = workflow.fill(ask(negative_prompt="", num_inference_steps=12, guidance_scale=4.5), prefix="reelwright/v-1")
    assert workflow.graph.nodes == before, "the workflow is the same for the next request"
    assert inputs(filled.graph, "6")["text"] == SPEC.prompt
    assert inputs(filled.graph, "7")["text"] == ""
    assert inputs(filled.graph, "3") | {"seed": 7, "steps": 12, "cfg": 4.5} == inputs(filled.graph, "3")
    assert inputs(filled.graph, "40") == {"width": 640, "height": 368, "length": 49, "batch_size": 1}
    assert (inputs(filled.graph, "49")["fps"], inputs(filled.graph, "50")["filename_prefix"]) == (20, "reelwright/v-1")
    assert (filled.sent["num_frames"], filled.adjusted) == (49, {})
    assert inputs(workflow.fill(ask(), prefix="p").graph, "3")["steps"] == 30, "the graph's own where nothing is asked"


@pytest.mark.parametrize(
    ("name", "asked", "sent"),
    [("single", 48, 49), ("single", 24, 25), ("ltx", 60, 57), ("ltx", 61, 65), ("titles", 40, 43)],
)
def test_frames_move_to_the_nearest_that_the_model_makes(name: str, asked: int, sent: int) -> None:
    filled = read(name).fill(ask(num_frames=asked), prefix="p")
    assert (filled.sent["num_frames"], filled.adjusted) == (sent, {"num_frames": [asked, sent]})


def test_a_seed_goes_round_and_numbers_keep_to_the_bounds(tmp_path: Path) -> None:
    sidecar = {"bounds": {"3.seed": [0, 999], "3.steps": [1, 8], "49.fps": [1, 16]}}
    filled = Workflow.read(changed(tmp_path, "single", sidecar)).fill(
        ask(seed=5432, num_inference_steps=30), prefix="p"
    )
    assert filled.adjusted == {"seed": [5432, 432], "num_inference_steps": [30, 8], "fps": [20, 16]}


def test_seconds_are_written_where_the_graph_counts_in_seconds() -> None:
    workflow = read("switches")
    filled = workflow.fill(ask(num_frames=72, fps=24), prefix="p")
    assert inputs(filled.graph, "128:52")["value"] == 3
    assert filled.adjusted == {}
    filled = workflow.fill(ask(num_frames=60, fps=24), prefix="p")
    assert inputs(filled.graph, "128:52")["value"] == 3, "the primitive takes whole numbers"
    assert filled.adjusted == {"seconds": [2.5, 3]}
    assert inputs(filled.graph, "128:43")["value"] == SPEC.prompt
    assert inputs(filled.graph, "128:6")["text"] == ["128:41", 0], "the links stay"


def test_placeholders_are_filled_at_once_and_with_the_right_types() -> None:
    filled = read("sillytavern").fill(ask(), prefix="p")
    assert inputs(filled.graph, "6")["text"] == f"{SPEC.prompt}, cinematic, 640x368"
    assert inputs(filled.graph, "7")["text"] == ""
    assert inputs(filled.graph, "3")["seed"] == 7
    assert inputs(filled.graph, "40")["width"] == 640
    filled = read("swarmui").fill(ask(), prefix="p")
    assert (inputs(filled.graph, "3")["seed"], inputs(filled.graph, "3")["steps"]) == (49, 20)
    assert (inputs(filled.graph, "3")["cfg"], inputs(filled.graph, "7")["text"]) == (7.5, "")


def test_pictures_are_put_in_by_their_names_and_are_not_left_out() -> None:
    workflow = read("first_last")
    filled = workflow.fill(ask(), prefix="p", image="reelwright/a.png", last_image="reelwright/b.png")
    assert inputs(filled.graph, "52")["image"] == "reelwright/a.png"
    assert inputs(filled.graph, "53")["image"] == "reelwright/b.png"
    with pytest.raises(EngineError, match="first_last needs last image: send last_image"):
        workflow.fill(ask(), prefix="p", image="reelwright/a.png")


def test_a_place_with_a_placeholder_that_another_field_is_given_holds_that_field(tmp_path: Path) -> None:
    sidecar = {"inputs": {"num_frames": ["40.width"]}}
    workflow = Workflow.read(changed(tmp_path, "sillytavern", sidecar))
    filled = workflow.fill(ask(num_frames=49), prefix="p")
    assert inputs(filled.graph, "40") | {"width": 49, "height": 368} == inputs(filled.graph, "40")


def test_what_the_graph_decides_is_told_where_it_is_not_what_was_asked(tmp_path: Path) -> None:
    sidecar = {"inputs": {"num_frames": [], "fps": []}}
    workflow = Workflow.read(changed(tmp_path, "single", sidecar))
    assert workflow.fill(ask(num_frames=24, fps=12), prefix="p").adjusted == {"num_frames": [24, 33], "fps": [12, 16]}
    assert workflow.fill(ask(num_frames=33, fps=16), prefix="p").adjusted == {}


# --- cards ---


def resolved(workflow: Workflow, **draft: Any) -> VideoSpec:
    offer = Offer(spec=Spec(engine="comfyui"), cards=(card_of(workflow),))
    return Catalog(offers={"comfyui": offer}, default="comfyui", reason="a test").resolve(Draft(prompt="x", **draft))


def test_a_card_says_what_the_graph_makes() -> None:
    card = card_of(read("single"))
    assert (card.engine, card.model, card.title) == ("comfyui", "single", "single (ComfyUI)")
    assert "wan2.1_t2v_1.3B_fp16" in card.description
    assert (card.tasks, card.resumes, card.deterministic, card.generative_ai) == (
        (Task.TEXT_TO_VIDEO,),
        True,
        False,
        True,
    )
    assert card.honours == {"negative_prompt", "seed", "num_inference_steps", "guidance_scale"}
    assert (card.default_width, card.default_height, card.default_frames, card.default_fps) == (832, 480, 33, 16)
    assert (card.side_multiple, card.max_frames, card.default_steps) == (16, 65, 30)
    assert card.max_pixel_frames == 2 * 832 * 480 * 33
    assert card_of(read("image_to_video")).tasks == (Task.IMAGE_TO_VIDEO,)
    assert card_of(read("ltx")).side_multiple == 32
    assert (card_of(read("switches")).default_frames, card_of(read("switches")).default_fps) == (121, 24)


def test_a_size_that_cannot_be_chosen_is_the_only_one(tmp_path: Path) -> None:
    workflow = Workflow.read(changed(tmp_path, "single", {"inputs": {"width": [], "height": [], "num_frames": []}}))
    # What the native dialect asks for by itself: 24 frames of 512x512, 12 a second.
    spec = resolved(workflow, default_size=(512, 512), num_frames=24, fps=12)
    assert (spec.width, spec.height) == (832, 480)
    assert workflow.fill(spec, prefix="p").adjusted == {"num_frames": [24, 33]}
    with pytest.raises(BadRequest, match="makes 832x480 only"):
        resolved(workflow, width=640, height=480)
    picture = Image(sha256="0" * 64, media_type="image/png", width=300, height=900)
    assert resolved(read("image_to_video"), image=picture).height > 768


def test_limits_come_from_the_sidecar(tmp_path: Path) -> None:
    limits = {
        "max_side": 1280,
        "side_multiple": 64,
        "frames": {"min": 5, "max": 21, "step": 8},
        "max_fps": 30,
        "max_pixel_frames": 20_000_000,
    }
    sidecar = {"title": "Fox", "license": "Apache-2.0", "deterministic": True, "limits": limits}
    workflow = Workflow.read(changed(tmp_path, "single", sidecar, n40={"width": 832, "height": 448}))
    card = card_of(workflow)
    assert (card.title, card.license, card.deterministic) == ("Fox", "Apache-2.0", True)
    assert (card.max_side, card.side_multiple, card.min_frames, card.max_frames) == (1280, 64, 5, 21)
    assert (card.default_frames, card.max_fps, card.max_pixel_frames) == (21, 30, 20_000_000)
    assert workflow.fill(ask(num_frames=18), prefix="p").adjusted == {"num_frames": [18, 21]}


@pytest.mark.parametrize("value", ["Infinity", "NaN", "1e308", "-1", "1" + "0" * 30, "true", "null", '"832"', "[]"])
@pytest.mark.parametrize(
    ("node", "key"), [("40", "width"), ("40", "length"), ("49", "fps"), ("3", "steps"), ("3", "seed")]
)
def test_an_odd_value_in_a_graph_makes_no_odd_card(tmp_path: Path, node: str, key: str, value: str) -> None:
    graph = json.loads((GRAPHS / "single.json").read_text())
    graph[node]["inputs"][key] = "HERE"
    (tmp_path / "odd.json").write_text(json.dumps(graph).replace('"HERE"', value))
    workflow = Workflow.read(tmp_path / "odd.json")
    card = card_of(workflow)
    assert card.min_side <= card.default_width <= card.max_side <= 16_384
    assert card.min_frames <= card.default_frames <= card.max_frames
    assert 1 <= card.default_fps <= card.max_fps <= 60
    # What the native dialect asks for by itself can be made.
    filled = workflow.fill(resolved(workflow, default_size=(512, 512), num_frames=24, fps=12), prefix="p")
    assert json.loads(json.dumps(filled.adjusted, allow_nan=False)) == filled.adjusted


# --- files ---


def test_the_forms_of_a_file(tmp_path: Path) -> None:
    graph = json.loads((GRAPHS / "single.json").read_text())
    forms: dict[str, Any] = {
        "plain.json": graph,
        "posted.json": {"prompt": graph, "client_id": "1"},
        "whole.json": {"reelwright": 1, "title": "Whole", "graph": graph},
        "named.json": {"reelwright": 1, "title": "Named", "workflow": "plain.json", "output": 50},
        "beside.json": graph,
        "beside.reelwright.json": {"reelwright": 1, "title": "Beside"},
        "alone.reelwright.json": {"reelwright": 1, "title": "Alone", "graph": graph},
        "whole.reelwright.json": {"reelwright": 1, "license": "MIT"},
    }
    for name, data in forms.items():
        (tmp_path / name).write_text("\ufeff" * (name == "plain.json") + json.dumps(data))
    library = read_library([tmp_path])
    assert library.problems == ()
    assert {name: workflow.sidecar.title for name, workflow in library.workflows.items()} == {
        "alone": "Alone",
        "beside": "Beside",
        "named": "Named",
        "plain": None,
        "posted": None,
        "whole": "Whole",
    }
    assert library.workflows["whole"].sidecar.license == "MIT"
    assert len({workflow.digest for workflow in library.workflows.values()}) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{"nodes": [], "links": []}',
            "It is in the editor's own format, which ComfyUI does not run. In ComfyUI, choose",
        ),
        ('{"1": {}', "It is not valid JSON (Expecting ',' delimiter, line 1, column 9)"),
        ("[" * 100_000, "It is nested too deeply"),
        ("[1]", "It is not a JSON object with nodes"),
        ("\xff\xfe{", "It is not text in UTF-8"),
        ('{"1": {"class_type": "KSampler"}}', "Its entry '1' is no node with `class_type` and `inputs`"),
        (" " * (8 * 1024 * 1024 + 1), "It is larger than 8 MB"),
        ('{"reelwright": 2, "graph": {"1": {"class_type": "A", "inputs": {}}}}', "Its `reelwright` is 2. This version"),
        ('{"reelwright": 1, "titel": "x", "graph": {"1": {"class_type": "A", "inputs": {}}}}', "unknown key: 'titel'"),
        ('{"reelwright": 1}', "It has no graph. Put the API export under `graph`"),
        ('{"reelwright": 1, "workflow": "../../etc/passwd"}', "names '../../etc/passwd', which is not beside it"),
    ],
)
def test_a_file_that_is_no_workflow_is_a_problem_and_hides_no_other(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "bad.json").write_text(content, encoding="latin-1")
    (tmp_path / "good.json").write_bytes((GRAPHS / "single.json").read_bytes())
    library = read_library([tmp_path])
    assert list(library.workflows) == ["good"]
    assert said in library.problems[0].message
    assert library.problems[0].message.startswith("bad.json: ")


@pytest.mark.parametrize(
    ("sidecar", "said"),
    [
        ({"inputs": {"prompt": ["99.text"]}}, "writes `prompt` to 99.text, and the graph has no such node. Mend"),
        ({"inputs": {"prompt": ["6.txt"]}}, "the graph has no such input"),
        ({"inputs": {"promt": ["6.text"]}}, "unknown field in `inputs`: 'promt'. Known: prompt, "),
        ({"inputs": {"prompt": ["6"]}}, "Its `inputs.prompt` is ['6']. Give a list of places, such as [\"6.text\"]"),
        ({"bounds": {"3.seed": [0]}}, "Its `bounds.3.seed` is [0]. Give [least, greatest]"),
        ({"limits": {"max_side": 0}}, "Its `limits.max_side` is 0. Give a whole number from 1."),
        ({"limits": {"frames": {"min": 9, "max": 5}}}, "`min` is to be no more than `max`"),
        ({"defaults": {"width": "wide"}}, "Its `defaults.width` is 'wide'. Give a number."),
        ({"output": "77"}, "Its `output` is node 77, which is not in the graph"),
        ({"deterministic": "yes"}, "Write true or false"),
        ({"graph": 5}, "Its graph is not an object with nodes"),
    ],
)
def test_a_mistake_in_a_sidecar_is_named(tmp_path: Path, sidecar: dict[str, Any], said: str) -> None:
    with pytest.raises(Problem) as caught:
        Workflow.read(changed(tmp_path, "single", sidecar))
    assert said in caught.value.message


def test_a_folder_is_read_in_order_and_may_be_missing(tmp_path: Path) -> None:
    assert read_library([tmp_path / "nowhere"]).workflows == {}
    assert [problem.what for problem in read_library([tmp_path / "gone.json"]).problems] == [
        "It cannot be read (No such file or directory)"
    ]
    (tmp_path / "single.json").write_bytes((GRAPHS / "single.json").read_bytes())
    library = read_library([tmp_path, GRAPHS / "single.json"])
    assert list(library.workflows) == ["single"]
    assert "Another file makes the model 'single' already" in library.problems[0].message
    (tmp_path / "local.json").write_bytes((GRAPHS / "single.json").read_bytes())
    assert "local.json: The name 'local' means an engine. Rename" in read_library([tmp_path]).problems[0].message


def test_the_examples_are_models_that_take_what_they_say() -> None:
    library = read_library([EXAMPLES])
    assert library.problems == ()
    told = {name: (card_of(one).tasks[0].value, len(one.fields)) for name, one in library.workflows.items()}
    assert told == {
        "ltx-text-to-video": ("text-to-video", 9),
        "no-model": ("text-to-video", 5),
        "wan-image-to-video": ("image-to-video", 10),
        "wan-text-to-video": ("text-to-video", 9),
    }
