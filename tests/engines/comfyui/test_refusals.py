"""Every row of the table in `refusals`, from the wire to the error that a client is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from reelwright.errors import Code, EngineError
from tests.engines.comfyui.conftest import Fakes
from tests.engines.comfyui.stage import Stage
from tests.fakes.comfyui import NEW, OUT_OF_MEMORY, USUAL, FakeComfyUI
from tests.fakes.comfyui.graphs import node, wan
from tests.fakes.comfyui.knobs import MODELS
from tests.servers import eventually

BEFORE = {"status": 500, "before": True, "body": "Server got itself in trouble in /home/ada/ComfyUI/server.py"}


def plain(fields: dict[str, Any]) -> Callable[[Stage], dict[str, Any]]:
    return lambda stage: fields


def workflow(graph: dict[str, Any]) -> Callable[[Stage], dict[str, Any]]:
    def write(stage: Stage) -> dict[str, Any]:
        (stage.workflows / "own.json").write_text(json.dumps(graph))
        return {"model": "own"}

    return write


def bad_value() -> dict[str, Any]:
    graph = wan()
    graph["7"]["inputs"]["cfg"] = 1e6
    graph["7"]["inputs"]["denoise"] = -1
    return graph


ROWS: list[tuple[str, str, dict[str, Any], Callable[[Stage], dict[str, Any]], Code, tuple[str, ...]]] = [
    ("500 at submission", USUAL, {"replies": {"prompt": [-1, BEFORE]}}, plain({}), Code.UPSTREAM_ERROR, ()),
    ("500 at every look", USUAL, {"replies": {"history": [-1, BEFORE]}}, plain({"seconds": 1.0}), Code.TIMED_OUT, ()),
    ("no key", USUAL, {"auth": "bearer"}, plain({}), Code.UPSTREAM_UNAUTHORIZED, ()),
    (
        "forbidden",
        USUAL,
        {"replies": {"prompt": [-1, {"status": 403, "before": True}]}},
        plain({}),
        Code.UPSTREAM_FORBIDDEN,
        (),
    ),
    (
        "missing class",
        USUAL,
        {"without": ["KSampler"]},
        plain({}),
        Code.ENGINE_NOT_CONFIGURED,
        ("KSampler", "custom nodes"),
    ),
    (
        "missing class, newer",
        NEW,
        {"without": ["KSampler"]},
        plain({}),
        Code.ENGINE_NOT_CONFIGURED,
        ("KSampler", "node 7"),
    ),
    (
        "missing model file",
        USUAL,
        {"models": [name for name in MODELS if "1.3B" not in name]},
        plain({}),
        Code.ENGINE_NOT_CONFIGURED,
        ("wan2.1_t2v_1.3B_fp16.safetensors", "UNETLoader"),
    ),
    ("a field's value", USUAL, {}, plain({"width": 16392, "height": 64}), Code.ENGINE_FAILED, ("width",)),
    ("the graph's own value", USUAL, {}, workflow(bad_value()), Code.ENGINE_FAILED, ("node 7", "KSampler")),
    ("memory", USUAL, {"fail_at": 1, "fail_with": OUT_OF_MEMORY}, plain({}), Code.OUT_OF_MEMORY, ("KSampler",)),
    (
        "memory, older name",
        USUAL,
        {"fail_at": 1, "fail_with": ["torch.cuda.OutOfMemoryError", "Allocation on device"]},
        plain({}),
        Code.OUT_OF_MEMORY,
        (),
    ),
    (
        "a node that fails",
        USUAL,
        {"fail_at": 1, "fail_with": ["ValueError", "bad /home/ada/ComfyUI/models/x.ckpt\nsecond line"]},
        plain({}),
        Code.ENGINE_FAILED,
        ("KSampler", "bad x.ckpt"),
    ),
    ("no video", USUAL, {}, plain({"model": "stills", "width": 128}), Code.BAD_OUTPUT, ()),
]


@pytest.mark.parametrize(
    ("version", "knobs", "given", "code", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_refusal_is_told_with_its_remedy_and_without_paths(
    stage: Stage,
    fakes: Fakes,
    version: str,
    knobs: dict[str, Any],
    given: Callable[[Stage], dict[str, Any]],
    code: Code,
    words: tuple[str, ...],
) -> None:
    fields = given(stage)
    if fields.get("model") == "stills":
        knobs = {"replies": {"view": [-1, {"body": "<html>sorry</html>"}]}}
    fake = fakes(version=version, **knobs)
    error = stage.fail(stage.engine(fake), **fields)
    assert error.code is code, error.message
    told = f"{error.message} {error.details}"
    assert all(word in told for word in words), told
    assert "/home/ada" not in told
    assert "second line" not in told
    assert fake.knobs.token not in told


def test_a_graph_that_is_taken_in_part_is_refused_and_taken_out(stage: Stage, fakes: Fakes) -> None:
    """`partial_execution_targets` leaves one output; a proxy or a version that ignores it does not."""
    taken = {"prompt_id": "x", "number": 0, "node_errors": {"7": {"errors": [], "class_type": "KSampler"}}}
    taken["node_errors"]["7"]["errors"] = [{"type": "value_smaller_than_min", "message": "m", "details": "denoise"}]
    fake = fakes(hold_at=1, replies={"prompt": [1, {"body": json.dumps(taken)}]})
    error = stage.fail(stage.engine(fake))
    assert (error.code, "denoise" in error.message) == (Code.ENGINE_FAILED, True)
    eventually(lambda: list(httpx2.get(f"{fake.url}/queue").json().values()) == [[], []])
    assert (fake.ledger.count("ended", outcome="success"), fake.files()) == (0, [])


@pytest.mark.parametrize(
    "knobs", [{"fail_at": 1, "fail_with": OUT_OF_MEMORY}, {"without": ["KSampler"]}, {"models": ["none"]}]
)
def test_what_another_comfyui_may_have_is_asked_of_it(stage: Stage, fakes: Fakes, knobs: dict[str, Any]) -> None:
    poor, rich = fakes(**knobs), fakes()
    made = stage.make(stage.engine(poor, rich))
    assert made.facts["provider"] == f"127.0.0.1:{rich.port}"


def test_what_would_fail_anywhere_is_asked_of_nobody_else(stage: Stage, fakes: Fakes) -> None:
    first, second = fakes(fail_at=1), fakes()
    assert stage.fail(stage.engine(first, second)).code is Code.ENGINE_FAILED
    assert second.ledger.count("submitted") == 0


def test_a_picture_that_is_too_large_to_upload(stage: Stage, fakes: Fakes, tmp_path: Path) -> None:
    fake = fakes(max_upload=1000)
    picture = tmp_path / "in.png"
    Image.effect_noise((64, 64), 90).save(picture)
    error = stage.fail(stage.engine(fake), model="picture", image=picture)
    assert (error.code, "--max-upload-size" in error.message) == (Code.ENGINE_FAILED, True)


def test_batches_that_queue_themselves_again_are_refused(stage: Stage, fake: FakeComfyUI) -> None:
    graph = json.loads((stage.workflows / "vhs.json").read_text())
    graph["51"] = node("VHS_BatchManager", frames_per_batch=16)
    graph["50"]["inputs"]["meta_batch"] = ["51", 0]
    (stage.workflows / "batches.json").write_text(json.dumps(graph))
    error = stage.fail(stage.engine(fake), model="batches")
    assert error.code in (Code.BAD_OUTPUT, Code.ENGINE_NOT_CONFIGURED)
    assert fake.files() == []


def test_a_workflow_that_is_gone_is_said_to_be(stage: Stage, fake: FakeComfyUI) -> None:
    with pytest.raises(EngineError) as error:
        stage.make(stage.engine(fake), model="gone")
    assert error.value.code is Code.ENGINE_NOT_CONFIGURED
