"""What the engine relies on, asked of each fake and, with REELWRIGHT_TEST_VIDEOS=http://…, of a real server.

REELWRIGHT_TEST_VIDEOS_MODEL, _SIZE (WxH), _FRAMES and _SECONDS (how long a video may take) say what to ask a real one
for; REELWRIGHT_UPSTREAM_TOKEN is its token.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from reelwright.errors import EngineError
from reelwright.testing import Recorder
from tests.engines.openai.stage import Stage
from tests.engines.remote import PROMPT, Running, phases
from tests.fakes.videos import PROFILES, TOKEN, FakeVideos
from tests.servers import eventually

REAL = os.environ.get("REELWRIGHT_TEST_VIDEOS", "")
SERVERS = [REAL] if REAL else list(PROFILES)


def setting(name: str, default: str) -> str:
    return os.environ.get(f"REELWRIGHT_TEST_VIDEOS_{name}", default)


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if REAL:
        monkeypatch.setenv("REELWRIGHT_UPSTREAM_TOKEN", os.environ.get("REELWRIGHT_UPSTREAM_TOKEN", ""))
        yield REAL
        return
    with FakeVideos(request.param, token=TOKEN) as fake:
        yield fake.url
        stage.wait_for_ends()


def wanted(url: str) -> dict[str, int]:
    size = setting("SIZE", "832x480" if REAL else "1280x720").split("x")
    return {"width": int(size[0]), "height": int(size[1]), "num_frames": int(setting("FRAMES", "17")), "fps": 16}


def test_a_video_from_the_create_to_the_file(stage: Stage, url: str) -> None:
    report = Recorder()
    upstream = {"url": url, "model": os.environ.get("REELWRIGHT_TEST_VIDEOS_MODEL")}
    engine = stage.engine(upstream, connect_seconds=5.0, idle_seconds=30.0)
    made = stage.make(engine, report, seconds=float(setting("SECONDS", "900")), **wanted(url))
    assert made.clip.num_frames > 0
    assert phases(report) == ["submitting", "accepted"]
    # A job that has ended is still there for who follows it on.
    again = stage.make(engine, checkpoint=report.checkpoints[-1], **wanted(url))
    assert again.clip.num_frames == made.clip.num_frames


def test_a_job_that_is_cancelled_ends(stage: Stage, url: str) -> None:
    report = Recorder()
    upstream = {"url": url, "model": os.environ.get("REELWRIGHT_TEST_VIDEOS_MODEL")}
    job = Running(
        stage.engine(upstream, connect_seconds=5.0, idle_seconds=30.0),
        stage.job(prompt=f"{PROMPT}, again", seconds=60, **wanted(url)),
        report,
    )
    eventually(lambda: "accepted" in phases(report), 120)
    report.cancel()
    assert isinstance(job.join(), EngineError)
