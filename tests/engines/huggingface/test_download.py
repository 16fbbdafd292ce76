"""What is stored, and the digest that is told of it: of exactly these bytes, whatever way they came."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from reelwright.engines.huggingface.engine import HuggingFaceEngine
from reelwright.engines.upstream.cpu_gate import CpuGate
from reelwright.engines.upstream.download import Downloader
from reelwright.engines.upstream.outcomes import Scrubber, UpstreamError
from reelwright.errors import Code
from reelwright.testing import Recorder
from tests.engines.huggingface.stage import IMAGE_MODEL, PICTURE_MODEL, TEXT_MODEL, Stage
from tests.fakes.huggingface import FakeHuggingFace, Reply, clip

CLIP = clip(300_000)


def save(path: Path, pieces: list[bytes], *, encoding: str = "identity") -> str:
    def body() -> Iterator[bytes]:
        yield from pieces

    request = httpx2.Request("GET", "https://cdn.example/file")
    response = httpx2.Response(200, headers={"content-encoding": encoding}, content=body(), request=request)
    downloader = Downloader(session=httpx2.Client, max_bytes=1_000_000, scrub=Scrubber(()), gate=CpuGate())
    return downloader.save(response, path)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([CLIP], id="at-once"),
        pytest.param([CLIP[:3], CLIP[3:5], CLIP[5:9], CLIP[9:]], id="head-in-parts"),
        pytest.param([CLIP[place : place + 1000] for place in range(0, len(CLIP), 1000)], id="in-many"),
        pytest.param([b"", CLIP[:100], b"", CLIP[100:], b""], id="with-empty-ones"),
    ],
)
def test_the_digest_is_that_of_the_stored_bytes(tmp_path: Path, pieces: list[bytes]) -> None:
    path = tmp_path / "clip"
    path.write_bytes(CLIP * 2)  # a longer one was here before
    assert save(path, pieces) == sha256(CLIP)
    assert path.read_bytes() == CLIP


def test_a_packed_answer_is_stored_and_digested_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(CLIP)
    assert save(tmp_path / "clip", [packed[:50], packed[50:]], encoding="gzip") == sha256(CLIP)
    assert (tmp_path / "clip").read_bytes() == CLIP


@pytest.mark.parametrize(
    ("pieces", "code"), [([], Code.UPSTREAM_EMPTY), ([b"<html>"], Code.BAD_OUTPUT), ([CLIP] * 4, Code.BAD_OUTPUT)]
)
def test_a_refused_body_has_no_digest(tmp_path: Path, pieces: list[bytes], code: Code) -> None:
    with pytest.raises(UpstreamError) as caught:
        save(tmp_path / "clip", pieces)
    assert caught.value.code is code


def endpoint(stage: Stage) -> HuggingFaceEngine:
    return stage.engine(endpoint_url="https://endpoint.example/")


def test_an_endpoints_clip_has_the_digest_of_its_file(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("endpoint", Reply(body=CLIP))
    report = Recorder()
    job = stage.job(model="endpoint")
    made = endpoint(stage).generate(job, report)
    assert made.clip.path == job.clip
    assert (made.clip.sha256, job.clip.read_bytes()) == (sha256(CLIP), CLIP)

    # An attempt after a crash has not received the bytes itself.
    resumed = endpoint(stage).generate(replace(job, checkpoint=report.checkpoints[-1]), Recorder())
    assert resumed.facts["resumed"] is True
    assert resumed.clip.sha256 == sha256(CLIP)


def test_a_download_goes_on_where_it_broke(stage: Stage, fake: FakeHuggingFace) -> None:
    tag, rest = {"etag": '"one"'}, f"bytes 200000-{len(CLIP) - 1}/{len(CLIP)}"
    fake.script(
        "cdn",
        Reply(body=CLIP, cut=200_000, headers=tag),
        Reply(status=206, body=CLIP[200_000:], headers=tag | {"content-range": rest}),
    )
    made = stage.make(stage.only("fal-ai"))
    assert made.clip.path is not None
    assert (made.clip.sha256, made.clip.path.read_bytes()) == (sha256(CLIP), CLIP)
    asked = [request.headers for request in fake.requests("cdn")]
    assert (asked[1]["range"], asked[1]["if-range"]) == ("bytes=200000-", '"one"')
    # A place in a body that is compressed on the way would be none in the file.
    assert [headers["accept-encoding"] for headers in asked] == ["identity"] * 2


def test_a_download_whose_tag_is_weak_begins_anew(stage: Stage, fake: FakeHuggingFace) -> None:
    """It does not tell that the bytes are the same (RFC 9110, 8.8.1)."""
    fake.script("cdn", Reply(body=CLIP, cut=200_000, headers={"etag": 'W/"one"'}), Reply(body=CLIP))
    made = stage.make(stage.only("fal-ai"))
    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == CLIP
    assert "range" not in fake.requests("cdn")[1].headers


def test_a_part_that_begins_elsewhere_is_not_appended(stage: Stage, fake: FakeHuggingFace) -> None:
    tag, whole = {"etag": '"one"'}, f"bytes 0-{len(CLIP) - 1}/{len(CLIP)}"
    fake.script(
        "cdn",
        Reply(body=CLIP, cut=200_000, headers=tag),
        Reply(status=206, body=CLIP, headers=tag | {"content-range": whole}),
    )
    made = stage.make(stage.only("fal-ai"))
    assert made.clip.path is not None
    assert (made.clip.sha256, made.clip.path.read_bytes()) == (sha256(CLIP), CLIP)


def test_a_file_that_changed_meanwhile_is_taken_anew(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("cdn", Reply(body=CLIP[::-1], cut=0), Reply(body=CLIP, cut=100, headers={"etag": '"one"'}))
    fake.script("cdn", Reply(body=CLIP, headers={"etag": '"two"'}))
    made = stage.make(stage.only("fal-ai"))
    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == CLIP


def test_a_download_that_was_begun_again_has_the_digest_of_its_file(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("cdn", Reply(body=CLIP, cut=200_000), Reply(body=CLIP))
    made = stage.make(stage.only("fal-ai"))
    assert made.clip.path is not None
    assert (made.clip.sha256, made.clip.path.read_bytes()) == (sha256(CLIP), CLIP)
    assert len(fake.requests("cdn")) == 2


@pytest.mark.parametrize("model", ["endpoint", TEXT_MODEL])
def test_a_job_leaves_its_clip_and_no_folder(stage: Stage, model: str) -> None:
    job = stage.job(model=model)
    engine = endpoint(stage) if model == "endpoint" else stage.only("fal-ai")
    engine.generate(job, Recorder())
    assert not job.scratch.exists()
    assert list(stage.folder.iterdir()) == [job.clip]


@pytest.mark.parametrize(("step", "model"), [("endpoint", "endpoint"), ("cdn", TEXT_MODEL)])
def test_a_failed_job_leaves_nothing(stage: Stage, fake: FakeHuggingFace, step: str, model: str) -> None:
    fake.script(step, Reply(cut=300))
    job = stage.job(model=model)
    engine = endpoint(stage) if model == "endpoint" else stage.only("fal-ai")
    with pytest.raises(UpstreamError):
        engine.generate(job, Recorder())
    assert list(stage.folder.iterdir()) == []


def test_a_chain_makes_the_folder_for_its_picture(stage: Stage) -> None:
    engine = stage.engine(
        text_to_video=[], image_to_video=[["fal-ai", IMAGE_MODEL]], chain={"text_to_image": ["fal-ai", PICTURE_MODEL]}
    )
    job = stage.job(model=IMAGE_MODEL)
    engine.generate(job, Recorder())
    assert [path.name for path in job.scratch.iterdir()] == ["picture"]
    assert sorted(stage.folder.iterdir()) == [job.scratch, job.clip]
