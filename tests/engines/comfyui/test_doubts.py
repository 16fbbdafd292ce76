"""Answers that are not what they seem, and moments in which it is not known what a ComfyUI has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from reelwright.engines.comfyui.engine import ComfyUIEngine
from reelwright.engines.upstream.network import sliced
from reelwright.errors import Code
from tests.engines.comfyui.conftest import Fakes
from tests.engines.comfyui.stage import Stage
from tests.engines.remote import Running
from tests.fakes.comfyui import FakeComfyUI
from tests.fakes.comfyui.graphs import wan
from tests.servers import eventually


class Way(httpx2.BaseTransport):
    """The way to one server, where nobody is reached while it is `broken`. `fragile`: the answer to the first prompt is
    lost, and then it is broken."""

    def __init__(self, port: int, *, fragile: bool = False) -> None:
        self._inner = sliced(httpx2.HTTPTransport())
        self._port = port
        self._fragile = fragile
        self.broken = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.port != self._port:
            return self._inner.handle_request(request)
        if self.broken:
            raise httpx2.ConnectError("nobody listens", request=request)
        response = self._inner.handle_request(request)
        if self._fragile and request.url.path == "/prompt" and request.method == "POST":
            response.read()
            self._fragile, self.broken = False, True
            raise httpx2.ReadError("the connection broke", request=request)
        return response


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("<!doctype html><title>Sign in</title>", Code.UPSTREAM_ERROR, "an unexpected answer"),
        (json.dumps({"prompt_id": "its-own", "number": 1, "node_errors": {}}), Code.ENGINE_NOT_CONFIGURED, "too old"),
    ],
)
def test_what_does_not_take_our_id_is_not_followed(
    stage: Stage, fakes: Fakes, body: str, code: Code, said: str
) -> None:
    reply: dict[str, Any] = {"status": 200, "body": body, "before": True}
    error = stage.fail(stage.engine(fakes(replies={"prompt": (-1, reply)})), seconds=10.0)
    assert error.code is code
    assert said in error.message


def test_a_comfyui_that_is_starting_is_waited_for_with_a_picture_too(
    stage: Stage, fake: FakeComfyUI, tmp_path: Path
) -> None:
    picture = tmp_path / "first.png"
    Image.new("RGB", (64, 64), (10, 200, 90)).save(picture)
    engine = stage.engine(fake)
    fake.die()
    job = Running(engine, stage.job(model="picture", image=picture))
    eventually(lambda: engine.state()["servers"][f"127.0.0.1:{fake.port}"]["breaker"] is not None)
    fake.rise()
    assert job.made().clip.num_frames == 5


def test_one_that_is_down_is_named_with_the_remedy(stage: Stage, fake: FakeComfyUI) -> None:
    engine = stage.engine(fake)
    fake.die()
    error = stage.fail(engine)
    fake.rise()
    assert error.message == (
        f"ComfyUI at 127.0.0.1:{fake.port} could not be reached. Start it, or mend REELWRIGHT_COMFYUI_URL."
    )


def test_what_may_have_been_taken_before_the_way_broke_is_ended(stage: Stage, fakes: Fakes) -> None:
    """The way to the first breaks after it has taken the job. The second makes it, and the first is told to stop."""
    first, second = fakes(hold_at=1), fakes()
    way = Way(first.port, fragile=True)
    engine = stage.engine(first, second, transport=way)
    job = Running(engine, stage.job())
    first.ledger.wait_for("began")
    made = job.made()
    assert made.facts["provider"] == f"127.0.0.1:{second.port}"
    way.broken = False
    check_health(engine)
    assert first.ledger.wait_for("ended")[0]["outcome"] == "interrupted"
    assert first.ledger.ids("submitted") != second.ledger.ids("submitted")


def test_what_was_left_behind_is_not_executed_too(stage: Stage, fakes: Fakes) -> None:
    """The way to the first breaks while the job waits there. The second makes it, and the first only the stranger's."""
    first, second = fakes(hold_at=1), fakes()
    [stranger] = first.foreign()
    way = Way(first.port)
    engine = stage.engine(first, second, transport=way)
    job = Running(engine, stage.job())
    first.ledger.wait_for("request", route="history")
    way.broken = True
    assert job.made().facts["provider"] == f"127.0.0.1:{second.port}"
    assert httpx2.get(f"{first.url}/prompt").json() == {"exec_info": {"queue_remaining": 2}}
    way.broken = False
    check_health(engine)
    first.turn(hold_at=None)
    first.ledger.wait_for("ended", id=stranger)
    eventually(lambda: httpx2.get(f"{first.url}/prompt").json() == {"exec_info": {"queue_remaining": 0}})
    assert (first.ledger.executions(), second.ledger.executions()) == (0, 1)


def check_health(engine: ComfyUIEngine) -> None:
    """What happens in the background every half a minute."""
    assert engine._servers is not None
    engine._servers.check_once()


def test_two_jobs_that_begin_at_once_do_not_choose_the_same(stage: Stage, fakes: Fakes) -> None:
    engine = stage.engine(fakes(), fakes())
    servers = engine._servers
    assert servers is not None
    chosen = [servers.routes("wan")[0].provider for _ in range(2)]
    assert len(set(chosen)) == 2
    for name in chosen:
        servers.move(name, None)
    assert servers.routes("wan")[0].provider == chosen[0]


def test_a_slow_list_of_nodes_does_not_make_it_silent(
    stage: Stage, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reelwright.engines.comfyui import servers

    monkeypatch.setattr(servers, "LOOK_SECONDS", 0.5)
    fake = fakes(without=("KSampler",), replies={"object_info": (-1, {"delay": 0.8})})
    engine = stage.engine(fake)
    state = engine.state()["servers"][f"127.0.0.1:{fake.port}"]
    assert state["answers"] is True
    assert state["missing_classes"] == []  # not known yet
    eventually(lambda: "KSampler" in engine.state()["servers"][f"127.0.0.1:{fake.port}"]["missing_classes"])


def test_a_history_may_be_as_large_as_its_graph(stage: Stage, fake: FakeComfyUI) -> None:
    graph = wan()
    text = next(node for node in graph.values() if node["class_type"] == "CLIPTextEncode")
    graph["900"] = {"class_type": text["class_type"], "inputs": {**text["inputs"], "text": "x" * 5_000_000}}
    (stage.workflows / "large.json").write_text(json.dumps(graph))
    assert stage.make(stage.engine(fake), model="large", seconds=10.0).clip.num_frames == 5
