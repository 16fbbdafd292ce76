"""From ComfyUI's file to the clip: every saver, every trouble on the way, and nothing of the workflow in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import pytest
from PIL import Image

from reelwright.engines.comfyui.engine import TOKEN_VARIABLE
from reelwright.errors import Code
from reelwright.testing import Recorder
from tests.engines.comfyui.conftest import Fakes
from tests.engines.comfyui.stage import Stage
from tests.engines.remote import Running, parts
from tests.fakes.comfyui import NEW, FakeComfyUI

SECRETS = (b"A red fox", b"KSampler", b"wan2.1_t2v", b"class_type")


@pytest.mark.parametrize("model", ["wan", "webm", "vhs"])
def test_a_video_is_freed_of_its_workflow(stage: Stage, fake: FakeComfyUI, model: str) -> None:
    made = stage.make(stage.engine(fake), model=model)
    written = fake.files()[-1].read_bytes()
    clip = made.clip.path.read_bytes()
    assert SECRETS[0] in written  # ComfyUI's own file tells it all
    assert not any(secret in clip for secret in SECRETS[1:])
    with av.open(str(made.clip.path)) as video:
        assert set(video.metadata).isdisjoint({"prompt", "workflow", "PROMPT", "WORKFLOW"})
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    with av.open(str(next(path for path in reversed(fake.files()) if path.suffix != ".png"))) as video:
        theirs = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 5
    assert all(np.array_equal(one, other) for one, other in zip(frames, theirs, strict=True))
    ours = [path for path in stage.folder.rglob("*") if path.is_file() and fake.folder not in path.parents]
    assert [path for path in ours if path.parent != stage.workflows] == [made.clip.path]  # no part is left


@pytest.mark.parametrize("model", ["stills", "webp", "gif"])
def test_pictures_become_frames(stage: Stage, fake: FakeComfyUI, model: str) -> None:
    made = stage.make(stage.engine(fake), model=model, width=96)
    frames = made.clip.frames
    assert frames is not None
    assert (made.clip.num_frames, made.clip.path, frames.array().shape) == (5, None, (5, 64, 96, 3))
    assert len({frame.tobytes() for frame in frames.array()}) == 5
    if model == "stills":
        assert np.array_equal(frames.array()[0], np.asarray(Image.open(fake.files()[0]).convert("RGB")))


def test_other_frames_than_asked_for_are_said_to_be(stage: Stage, fake: FakeComfyUI) -> None:
    made = stage.make(stage.engine(fake), num_frames=7)
    assert made.clip.num_frames in (5, 9)  # 4n + 1
    assert made.facts["adjusted"]["num_frames"] == [7, made.clip.num_frames]


def test_a_picture_is_uploaded_once_under_its_digest(stage: Stage, fake: FakeComfyUI, tmp_path: Path) -> None:
    picture = tmp_path / "in.png"
    Image.new("RGB", (64, 64), (10, 200, 90)).save(picture)
    engine = stage.engine(fake)
    for _ in range(2):
        stage.make(engine, model="picture", image=picture)
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    assert [path.name for path in (fake.folder / "input" / "reelwright").iterdir()] == [f"{digest}.png"]
    graphs = [entry["body"]["prompt"] for entry in fake.ledger.entries("submitted")]
    assert {graph["9"]["inputs"]["image"] for graph in graphs} == {f"reelwright/{digest}.png"}


def test_another_picture_of_that_name_is_not_taken_for_it(stage: Stage, fake: FakeComfyUI, tmp_path: Path) -> None:
    picture = tmp_path / "in.png"
    Image.new("RGB", (64, 64), (10, 200, 90)).save(picture)
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    (fake.folder / "input" / "reelwright").mkdir()
    (fake.folder / "input" / "reelwright" / f"{digest}.png").write_bytes(b"somebody else's")
    stage.make(stage.engine(fake), model="picture", image=picture)
    [entry] = fake.ledger.entries("submitted")
    assert entry["body"]["prompt"]["9"]["inputs"]["image"] == f"reelwright/{digest} (1).png"


@pytest.mark.parametrize("reply", [{"cut": 200}, {"cut": 0}, {"status": 503}, {"drip": 0.05}])
def test_a_broken_download_goes_on(stage: Stage, fakes: Fakes, reply: dict[str, Any]) -> None:
    fake = fakes(replies={"view": [2, reply]})
    made = stage.make(stage.engine(fake))
    assert made.clip.num_frames == 5
    assert fake.ledger.executions() == 1


@pytest.mark.parametrize("body", ["", "<html>sorry</html>"])
def test_what_is_no_video_is_none(stage: Stage, fakes: Fakes, body: str) -> None:
    fake = fakes(replies={"view": [-1, {"body": body}]})
    assert stage.fail(stage.engine(fake)).code in (Code.BAD_OUTPUT, Code.UPSTREAM_EMPTY)


def test_a_file_that_is_gone_is_saved_again_without_sampling(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(replies={"view": [1, {"status": 404, "before": True}]})
    made = stage.make(stage.engine(fake))
    assert made.clip.num_frames == 5
    assert fake.ledger.count("submitted") == 2
    assert fake.ledger.count("node", kind="KSampler") == 1  # only the saver ran again


def test_a_job_whose_file_was_tidied_away_while_nobody_looked(stage: Stage, fake: FakeComfyUI) -> None:
    report = Recorder()
    job = stage.job(video_id="video_tidied", seed=99)
    engine = stage.engine(fake)
    engine.generate(job, report)
    fake.lose_files()
    job.clip.unlink()
    made = stage.make(engine, video_id="video_tidied", seed=99, checkpoint=report.checkpoints[-1])
    assert made.clip.num_frames == 5
    assert fake.ledger.count("node", kind="KSampler") == 1


# --- credentials ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "options"), [("bearer", {}), ("header", {"auth_header": "X-API-Key"})], ids=["bearer", "header"]
)
def test_every_request_carries_the_key_and_no_other_host_sees_it(
    stage: Stage, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, auth: str, options: dict[str, Any], tmp_path: Path
) -> None:
    fake = fakes(version=NEW, auth=auth, signed_views=True, step_seconds=0.02)
    monkeypatch.setenv(TOKEN_VARIABLE, fake.knobs.token)
    monkeypatch.setenv("SSL_CERT_FILE", str(fake.ca))
    picture = tmp_path / "in.png"
    Image.new("RGB", (64, 64)).save(picture)
    engine = stage.engine(fake, **options)
    job = Running(engine, stage.job(model="picture", image=picture))
    made = job.made()
    assert parts(job.report) != []  # the socket was let in, too
    assert fake.ledger.count("request", route="signed", keyed=False) == 1
    assert fake.ledger.count("request", keyed=False) == 1
    told = json.dumps([made.facts, job.report.checkpoints, engine.state()], default=str)
    assert fake.knobs.token not in told


def test_a_wrong_key_is_not_told(stage: Stage, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "comfy-wrong-key-77"
    monkeypatch.setenv(TOKEN_VARIABLE, wrong)
    echo = json.dumps({"error": f"no such key: {wrong}"})
    fake = fakes(auth="bearer", replies={"prompt": [-1, {"status": 401, "before": True, "body": echo}]})
    error = stage.fail(stage.engine(fake))
    assert error.code is Code.UPSTREAM_UNAUTHORIZED
    assert wrong not in f"{error.message} {error.details}"


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_what_is_sent_names_ids_output_and_a_prefix_of_its_own(stage: Stage, fake: FakeComfyUI) -> None:
    engine = stage.engine(fake)
    for _ in range(2):
        stage.make(engine, seed=5)
    bodies = [entry["body"] for entry in fake.ledger.entries("submitted")]
    for body in bodies:
        assert body["client_id"] == body["prompt_id"]
        assert body["partial_execution_targets"] == ["50"]
        assert body["extra_data"] == {"preview_method": "auto"}
    prefixes = [body["prompt"]["50"]["inputs"]["filename_prefix"] for body in bodies]
    assert prefixes == ["reelwright/video_1-1", "reelwright/video_2-1"]
    assert fake.ledger.count("node", kind="KSampler") == 1  # the same seed again: only the saver ran
    assert len(fake.files()) == 2


def test_state_says_what_each_comfyui_is(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(version=NEW, without=["LoadImage"])
    engine = stage.engine(fake)
    [(name, told)] = engine.state()["servers"].items()
    assert name == f"127.0.0.1:{fake.port}"
    assert (told["answers"], told["version"], told["missing_classes"]) == (True, NEW, ["LoadImage"])
    assert told["vram_free"] > 0
    httpx2.get(f"{fake.url}/system_stats")
