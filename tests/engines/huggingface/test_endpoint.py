"""A dedicated endpoint: the task's wire form, one POST to the exact address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.huggingface.engine import HuggingFaceEngine
from reelwright.errors import Cancelled, Code
from reelwright.testing import Recorder
from tests.engines.huggingface.stage import QUICK, Stage
from tests.engines.remote import Running, phases
from tests.fakes.huggingface import TOKEN, FakeHuggingFace, Reply, picture

URL = "https://endpoint.example/models/owner/name?x=1"


def endpoint(stage: Stage, **options: Any) -> HuggingFaceEngine:
    return stage.engine(endpoint_url=URL, **options)


def test_the_wire_form(stage: Stage, fake: FakeHuggingFace) -> None:
    report = Recorder()
    made = endpoint(stage).generate(stage.job(model="endpoint", motion_bucket_id=127, noise_aug_strength=0.02), report)

    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == fake.clip
    [sent] = fake.log
    assert (sent.method, sent.path) == ("POST", "/models/owner/name?x=1")
    assert json.loads(sent.body) == {
        "inputs": "A red fox in the snow",
        "parameters": {
            "num_frames": 24,
            "fps": 12,
            "width": 512,
            "height": 512,
            "seed": 7,
            "motion_bucket_id": 127,
            "noise_aug_strength": 0.02,
        },
    }
    assert phases(report) == ["submitting"]
    assert made.facts["provider"] == "endpoint"
    assert made.facts["adjusted"] == {}


def test_an_image_is_the_input(stage: Stage, fake: FakeHuggingFace, tmp_path: Path) -> None:
    image = tmp_path / "input"
    image.write_bytes(picture())
    stage.make(endpoint(stage), model="endpoint", image=image)

    sent = json.loads(fake.log[0].body)
    assert sent["inputs"].startswith("iVBOR")
    assert sent["parameters"]["prompt"] == "A red fox in the snow"


def test_the_hub_token_is_not_sent_to_a_foreign_endpoint(stage: Stage, fake: FakeHuggingFace) -> None:
    stage.make(endpoint(stage), model="endpoint")
    assert TOKEN not in str(fake.log[0].headers)


def test_the_endpoints_own_token(stage: Stage, fake: FakeHuggingFace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWRIGHT_ENDPOINT_TOKEN", "rw_secret")
    monkeypatch.delenv("HF_TOKEN")
    stage.make(endpoint(stage), model="endpoint")
    assert fake.log[0].headers["authorization"] == "Bearer rw_secret"

    fake.script("endpoint", Reply(status=500, body=b"you sent rw_secret"))
    assert stage.fail(endpoint(stage), model="endpoint").details == "you sent [token]"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=401, body={"error": "no"}), Code.UPSTREAM_UNAUTHORIZED),
        (Reply(status=404, body={"error": "no"}), Code.UPSTREAM_NOT_FOUND),
        (Reply(status=503, body={"error": "loading", "estimated_time": 99}), Code.UPSTREAM_LOADING),
        (Reply(status=429, headers={"Retry-After": "99"}), Code.UPSTREAM_RATE_LIMITED),
        (Reply(status=500, body={"error": "no"}), Code.UPSTREAM_ERROR),
        (Reply(body=b""), Code.UPSTREAM_EMPTY),
        (Reply(body=b"<html>hello</html>"), Code.BAD_OUTPUT),
        (Reply(cut=200), Code.BAD_OUTPUT),
        (Reply(stall=200), Code.TIMED_OUT),
        (Reply(status=302, headers={"Location": "/elsewhere"}), Code.UPSTREAM_ERROR),
        (Reply(status=302, headers={"Location": "https://evil.example/"}), Code.UPSTREAM_ERROR),
    ],
)
def test_failures(stage: Stage, fake: FakeHuggingFace, reply: Reply, code: Code) -> None:
    fake.script("endpoint", reply)
    error = stage.fail(endpoint(stage), model="endpoint", seconds=5)

    assert error.code is code, error.message
    assert len(fake.log) == 1


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(drip=0.05)])
def test_the_deadline(stage: Stage, fake: FakeHuggingFace, reply: Reply) -> None:
    fake.script("endpoint", reply)
    assert stage.fail(endpoint(stage), model="endpoint", seconds=0.4).code is Code.TIMED_OUT


def test_a_cancel_hangs_up(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("endpoint", Reply(hang=True))
    report = Recorder()
    job = Running(endpoint(stage), stage.job(model="endpoint"), report)
    fake.wait_for("endpoint")
    report.cancel()
    assert isinstance(job.join(1), Cancelled)


def test_a_closed_port_is_an_upstream_error(tmp_path: Path, stage: Stage) -> None:
    engine = HuggingFaceEngine(endpoint_url="http://127.0.0.1:9/", **QUICK)
    engine.load()
    error = stage.fail(engine, model="endpoint")
    assert (error.code, error.message) == (Code.UPSTREAM_ERROR, "The endpoint could not be reached.")
