"""The OpenRouter dialect where its clients cannot show it: bodies, refusals, callbacks, what is listed, restarts."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.api.drafting import Drafting
from reelwright.api.input_images import InputImages
from reelwright.api.moderation import Moderation, Rules
from reelwright.api.openrouter import NAMES
from reelwright.api.openrouter_models import VideoModels
from reelwright.engines.catalog import Catalog, Offer
from reelwright.engines.child import Spec
from reelwright.engines.engine import Card
from reelwright.engines.huggingface import card as huggingface
from reelwright.engines.local import card as local
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.settings import Settings
from reelwright.store.files import Files
from reelwright.video import Image, Task
from tests.api.asks import nothing_is_stored, picture
from tests.api.videos import Gate, cancel
from tests.databases import secret_of
from tests.fakes.engines import CARD
from tests.fakes.receiver import HOST, Message, Receiver
from tests.servers import ServerProcess, eventually

URL = "/api/v1/videos"
SMALL: dict[str, Any] = {"model": "toy", "size": "64x64", "num_frames": 4}
FRAME: dict[str, Any] = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
SEEN: dict[str, Any] = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{base64.b64encode(picture()).decode()}"},
}


def ask(http: httpx2.Client, prompt: str = "paint", **fields: Any) -> dict[str, Any]:
    """The answer to a request that is taken."""
    answer = http.post(URL, json={"prompt": prompt, **SMALL, **fields})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def look(http: httpx2.Client, job: dict[str, Any]) -> dict[str, Any]:
    answer = http.get(job["polling_url"])
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ended(http: httpx2.Client, job: dict[str, Any]) -> dict[str, Any]:
    running = ("pending", "in_progress")
    return dict(eventually(lambda: (now := look(http, job))["status"] not in running and now))


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The error of an answer, after a look at its shape."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error = dict(answer.json()["error"])
    assert set(error) == {"code", "message", "metadata"}
    assert error["code"] == status
    return error


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that reaches the receiver, has a name for another's model, and may be killed."""
    folder = tmp_path_factory.mktemp("own")
    aliases = json.dumps({"google/veo-3.1": "toy"})
    server = ServerProcess(folder / "data", REACHABLE=HOST, REELWRIGHT_MODEL_ALIASES=aliases).start()
    yield server
    assert server.stop() == 0


def test_from_the_prompt_to_the_file(http: httpx2.Client, server: ServerProcess, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        job = ask(http, gate.prompt)
        assert set(job) == {"id", "polling_url", "status"}
        assert job["status"] in ("pending", "in_progress")
        assert job["polling_url"] == f"{server.url}/api/v1/videos/{job['id']}"
        eventually(lambda: look(http, job)["status"] == "in_progress")
        assert set(look(http, job)) == {"id", "polling_url", "status"}
        behind = ask(http, "wait behind it", seed=4)
        assert behind["status"] == "pending"
        assert problem(http.get(f"{URL}/{job['id']}/content"), 409)["metadata"]["code"] == "conflict"
    done = ended(http, job)
    assert (done["status"], done["usage"], done["generation_id"]) == (
        "completed",
        {"cost": 0, "is_byok": False},
        job["id"],
    )
    assert done["unsigned_urls"] == [f"{job['polling_url']}/content?index=0"]
    assert done["expires_at"] > time.time()
    assert "error" not in done
    assert httpx2.get(done["unsigned_urls"][0]).content[4:8] == b"ftyp"
    assert ended(http, behind)["status"] == "completed"


def test_the_output_is_sent_as_in_the_other_dialects(http: httpx2.Client) -> None:
    job = ended(http, ask(http))
    url = f"{URL}/{job['id']}/content"
    whole = http.get(url)
    assert whole.headers["Content-Type"] == "video/mp4"
    assert whole.headers["Content-Disposition"] == f'inline; filename="{job["id"]}.mp4"'
    assert whole.content == http.get(f"/v1/videos/{job['id']}/content").content
    part = http.get(url, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    head = http.head(url, params={"index": 0})
    assert (head.status_code, head.content, int(head.headers["Content-Length"])) == (200, b"", len(whole.content))
    assert http.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert problem(http.get(url, headers={"Range": "bytes=99999999-"}), 416)
    for index in (1, -1):
        assert problem(http.get(url, params={"index": index}), 404)["metadata"]["field"] == "index"
    assert problem(http.get(url, params={"index": "first"}), 400)["metadata"]["field"] == "index"


def test_a_failed_and_a_cancelled_job_say_why(http: httpx2.Client, tmp_path: Path) -> None:
    refused = ended(http, ask(http, "refuse"))
    assert (refused["status"], refused["error"]) == ("failed", "Prompt refused")
    assert not {"unsigned_urls", "usage"} & set(refused)
    with Gate(tmp_path) as gate:
        job = ask(http, gate.prompt)
        cancel(http, job)
        cancelled = look(http, job)
    assert cancelled["status"] == "cancelled"
    assert isinstance(cancelled["error"], str)
    for one, word in ((refused, "failed"), (cancelled, "cancelled")):
        assert word in problem(http.get(f"{URL}/{one['id']}/content"), 404)["message"]


def test_a_video_whose_file_is_gone_or_damaged_is_expired(own: ServerProcess) -> None:
    with httpx2.Client(base_url=own.url, timeout=30) as http:
        gone, damaged = (ended(http, ask(http, "paint", seed=seed)) for seed in (1, 2))
        for job in (gone, damaged):
            (file,) = own.data_dir.rglob(f"{job['id']}-1.mp4")
            if job is gone:
                file.unlink()
            else:
                file.write_bytes(b"damaged")
            now = look(http, job)
            assert now["status"] == "expired"
            assert "Make it anew" in now["error"]
            assert not {"unsigned_urls", "usage"} & set(now)
            assert problem(http.get(f"{URL}/{job['id']}/content"), 410)["metadata"]["code"] == "corrupt"


@pytest.mark.parametrize("name", [None, "toy", "reelwright/toy"])
def test_names_of_models(http: httpx2.Client, name: str | None) -> None:
    job = ask(http, "a red circle", model=name, num_frames=2)
    made = http.get(f"/v1/videos/{job['id']}").json()["model"]
    assert made == ("toy" if name else "sketch")


@pytest.mark.parametrize("name", ["openai/sora-2-pro", "sora-2", "sora-2-2025-10-06", "reelwright/default"])
def test_retired_models_mean_the_configured_engine(http: httpx2.Client, name: str) -> None:
    job = ask(http, "a red circle", model=name, num_frames=2)
    assert http.get(f"/v1/videos/{job['id']}").json()["model"] == "sketch"


def test_an_alias_is_a_model(own: ServerProcess) -> None:
    with httpx2.Client(base_url=own.url, timeout=30) as http:
        job = ask(http, model="google/veo-3.1")
        assert http.get(f"/v1/videos/{job['id']}").json()["model"] == "toy"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prompt": None}, "prompt"),
    ({"prompt": "  "}, "prompt"),
    ({"prompt": "a" * 32_001}, "prompt"),
    ({"model": "google/veo-3.1"}, "model"),
    ({"model": 5}, "model"),
    ({"num_frames": None, "duration": 9_999}, "duration"),
    ({"num_frames": None, "duration": "5"}, "duration"),
    ({"num_frames": None, "duration": 40, "size": "1920x1080"}, "duration"),
    ({"size": "huge"}, "size"),
    ({"size": "63x64"}, "size"),
    ({"size": None, "resolution": "4K"}, "resolution"),
    ({"size": None, "resolution": "many"}, "resolution"),
    ({"aspect_ratio": "wide"}, "aspect_ratio"),
    ({"seed": -1}, "seed"),
    ({"seed": 1.5}, "seed"),
    ({"frame_images": {}}, "frame_images"),
    ({"frame_images": ["first"]}, "frame_images"),
    ({"frame_images": [{**FRAME, "frame_type": "last_frame"}]}, "frame_images[0]"),
    ({"frame_images": [{**SEEN, "frame_type": "last_frame"}]}, "frame_images[0]"),
    (
        {"frame_images": [{**SEEN, "frame_type": "first_frame"}, {**SEEN, "frame_type": "last_frame"}]},
        "frame_images[1]",
    ),
    ({"frame_images": [{**FRAME, "frame_type": "middle_frame"}]}, "frame_images[0].frame_type"),
    ({"frame_images": [{**FRAME, "frame_type": "first_frame"}] * 2}, "frame_images[1]"),
    ({"frame_images": [FRAME]}, "frame_images[0].frame_type"),
    ({"frame_images": [{"frame_type": "first_frame"}]}, "frame_images[0].image_url"),
    ({"frame_images": [{**FRAME, "frame_type": "first_frame"}]}, "frame_images[0]"),
    ({"frame_images": [{"image_url": "nonsense", "frame_type": "first_frame"}]}, "frame_images[0]"),
    ({"frame_images": [{"image_url": "http://10.0.0.1/a.png", "frame_type": "first_frame"}]}, "frame_images[0]"),
    ({"input_references": [FRAME]}, "input_references"),
    ({"generate_audio": True}, "generate_audio"),
    ({"previous_job_id": 5}, "previous_job_id"),
    ({"creativity": 1}, "creativity"),
    ({"upscale_factor": 2}, "upscale_factor"),
    ({"callback_url": 5}, "callback_url"),
    ({"callback_url": "http://127.0.0.1/hook"}, "callback_url"),
    ({"provider": "first"}, "provider"),
    ({"provider": {"options": []}}, "provider.options"),
    ({"provider": {"options": {"reelwright": 5}}}, "provider.options.reelwright"),
    ({"provider": {"options": {"reelwright": {"speed": 5}}}}, "provider.options.reelwright.speed"),
    ({"provider": {"options": {"reelwright": {"fps": 0}}}}, "provider.options.reelwright.fps"),
    ({"fps": 5, "provider": {"options": {"reelwright": {"fps": 6}}}}, "provider.options.reelwright.fps"),
    ({"seconds": 4}, "seconds"),
    ({"nonsense": 1, "image": "x"}, "nonsense"),
]


@pytest.mark.parametrize(("fields", "named"), REFUSED, ids=[f"{named} {n}" for n, (_, named) in enumerate(REFUSED)])
def test_what_cannot_be_is_refused_by_the_name_it_was_sent_under(
    http: httpx2.Client, server: ServerProcess, fields: dict[str, Any], named: str
) -> None:
    body = {"prompt": "paint", **SMALL, **fields}
    with nothing_is_stored(server):
        error = problem(http.post(URL, json={name: v for name, v in body.items() if v is not None}), 400)
    assert error["metadata"]["field"] == named
    assert named in error["message"] or error["metadata"]["code"].startswith("prompt_")
    assert "num_frames" not in error["message"] or "Known" in error["message"]


def test_what_means_nothing_is_taken(http: httpx2.Client) -> None:
    job = ask(
        http,
        generate_audio=False,
        input_references=[],
        frame_images=[],
        previous_job_id=None,
        callback_url=None,
        user="someone",
        session_id="session",
        trace={"trace_id": "1"},
        provider={"options": {"google-vertex": {"parameters": {}}}, "allow_fallbacks": True},
    )
    told = http.get(f"/v1/videos/{job['id']}").json()
    assert set(told["dropped_fields"]) == {"session_id", "trace", "user"}


def test_fields_reach_the_video(http: httpx2.Client) -> None:
    job = ask(http, size=None, num_frames=None, duration=2, resolution="360p", aspect_ratio="9:16", seed=7)
    told = http.get(f"/v1/videos/{job['id']}").json()
    assert (told["size"], told["seconds"], told["seed"]) == ("360x640", "2", 7)
    job = ask(http, num_frames=None, duration=1, provider={"options": {"reelwright": {"fps": 5}}})
    assert http.get(f"/v1/videos/{job['id']}").json()["num_frames"] == 5
    long = "paint " + "ü" * 31_000
    assert http.get(f"/v1/videos/{ask(http, long)['id']}").json()["prompt"] == long


def test_a_portrait_stays_a_portrait(http: httpx2.Client) -> None:
    uri = "data:image/png;base64," + base64.b64encode(picture(width=90, height=160)).decode()
    for address in (uri, {"url": uri}):
        frame = {"type": "image_url", "image_url": address, "frame_type": "first_frame"}
        job = ended(http, ask(http, size=None, frame_images=[frame]))
        told = http.get(f"/v1/videos/{job['id']}").json()
        assert (job["status"], told["has_image"]) == ("completed", True)
        assert told["width"] < told["height"]


def test_all_paths_have_this_dialects_errors(http: httpx2.Client) -> None:
    raw = {"Content-Type": "application/json"}
    for body in (b"{", b"[]", b'{"prompt": NaN}', b"\xff", b"[" * 100_000):
        assert problem(http.post(URL, content=body, headers=raw), 400)["metadata"]["code"] == "malformed_body"
    problem(http.post(URL, content=b"x", headers={"Content-Type": "text/plain"}), 415)
    problem(http.post(URL, data={"prompt": "paint"}), 415)
    problem(http.post(URL, content=b"x" * 40_000_000, headers=raw), 413)
    problem(http.get(f"{URL}/nonsense"), 404)
    problem(http.get(f"{URL}/nonsense/content"), 404)
    problem(http.get("/api/v1/nonsense"), 404)
    answer = http.delete(f"{URL}/nonsense")
    assert problem(answer, 405)["message"].endswith(f"Allowed: {answer.headers['Allow']}.")
    assert http.get("/api/video/nonsense").json()["success"] is False


def test_an_idempotency_key_makes_one_video(http: httpx2.Client) -> None:
    body, headers = {"prompt": "paint", **SMALL}, {"Idempotency-Key": "openrouter once"}
    ids = {http.post(URL, json=body, headers=headers).json()["id"] for _ in range(2)}
    assert len(ids) == 1
    problem(http.post(URL, json={**body, "seed": 1}, headers=headers), 422)


def test_owners_see_their_own_only(tmp_path: Path) -> None:
    server = ServerProcess(
        tmp_path / "data", REELWRIGHT_API_KEYS="the-first-key-01,the-second-key-2", REELWRIGHT_MAX_QUEUED="1"
    ).start()
    with httpx2.Client(base_url=server.url, timeout=30) as http, Gate(tmp_path) as gate:
        one, two = ({"Authorization": f"Bearer {key}"} for key in ("the-first-key-01", "the-second-key-2"))
        body = {"prompt": gate.prompt, **SMALL}
        assert problem(http.post(URL, json=body), 401)["metadata"]["code"] == "unauthorized"
        problem(http.get(f"{URL}/models", headers={"Authorization": "Bearer three"}), 401)
        job = http.post(URL, json=body, headers=one).json()
        assert http.get(job["polling_url"], headers=one).status_code == 200
        problem(http.get(job["polling_url"], headers=two), 404)
        problem(http.get(f"{job['polling_url']}/content", headers=two), 404)
        eventually(lambda: http.get(job["polling_url"], headers=one).json()["status"] == "in_progress")
        assert http.post(URL, json={**body, "seed": 1}, headers=one).status_code == 202
        full = http.post(URL, json={**body, "seed": 2}, headers=one)
        assert problem(full, 429)["metadata"]["code"] == "queue_full"
        assert int(full.headers["Retry-After"]) > 0
        gate.open()
        eventually(lambda: http.get(job["polling_url"], headers=one).json()["status"] == "completed")
        (url,) = http.get(job["polling_url"], headers=one).json()["unsigned_urls"]
        problem(http.get(url), 401)
        assert http.get(url, headers=one).content[4:8] == b"ftyp"
    assert server.stop() == 0


def test_a_job_outlives_the_server(own: ServerProcess, tmp_path: Path) -> None:
    with httpx2.Client(base_url=own.url, timeout=30) as http:
        done, waiting = ended(http, ask(http)), ask(http, Gate(tmp_path).prompt)
    own.kill()
    own.start()
    with httpx2.Client(base_url=own.url, timeout=30) as http, Gate(tmp_path) as gate:
        told = http.get(f"{URL}/{done['id']}").json()
        assert told["status"] == "completed"
        assert http.get(told["unsigned_urls"][0]).content[4:8] == b"ftyp"
        gate.open()
        eventually(lambda: http.get(f"{URL}/{waiting['id']}").json()["status"] == "completed")


def verified(message: Message, secret: str) -> dict[str, Any]:
    """What a receiver of OpenRouter's callbacks does (their guide's steps), and the event."""
    parts = message.headers["X-OpenRouter-Signature"].split(",")
    seconds = next(part.removeprefix("t=") for part in parts if part.startswith("t="))
    signature = next(part.removeprefix("v1=") for part in parts if part.startswith("v1="))
    assert abs(time.time() - int(seconds)) < 300
    expected = hmac.new(secret.encode(), f"{seconds},".encode() + message.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, signature)
    return dict(json.loads(message.body))


def test_callbacks_are_signed_and_repeated(own: ServerProcess) -> None:
    secret = secret_of(own)
    with httpx2.Client(base_url=own.url, timeout=30) as http, Receiver(500, 200) as receiver:
        job = ask(http, callback_url=receiver.url)
        eventually(lambda: len(receiver.received) == 2)
        events = [verified(message, secret) for message in receiver.received]
        (url,) = ended(http, job)["unsigned_urls"]
        deliveries = http.get(f"/v1/videos/{job['id']}/webhooks").json()["data"]
    assert events[0] == events[1]
    assert events[0]["type"] == "video.generation.completed"
    assert {"created_at", "data"} < set(events[0])
    data = events[0]["data"]
    assert (data["id"], data["status"], data["model"]) == (job["id"], "completed", "toy")
    assert (data["unsigned_urls"], data["usage"]["cost"], data["generation_id"]) == ([url], 0, job["id"])
    keys = {message.headers["X-OpenRouter-Idempotency-Key"] for message in receiver.received}
    assert keys == {f"{job['id']}-completed"}
    assert [one["event"] for one in deliveries] == ["video.generation.completed"]


def test_the_callback_says_how_it_ended(own: ServerProcess, tmp_path: Path) -> None:
    secret = secret_of(own)
    with httpx2.Client(base_url=own.url, timeout=30) as http, Receiver() as receiver, Gate(tmp_path) as gate:
        failed = ask(http, "refuse", callback_url=receiver.url)
        eventually(lambda: len(receiver.received) == 1)
        cancelled = ask(http, gate.prompt, callback_url=receiver.url)
        cancel(http, cancelled)
        eventually(lambda: len(receiver.received) == 2)
    for message, job, status in zip(receiver.received, (failed, cancelled), ("failed", "cancelled"), strict=True):
        event = verified(message, secret)
        assert (event["type"], event["data"]["status"]) == (f"video.generation.{status}", status)
        assert event["data"]["id"] == job["id"]
        assert event["data"]["error"]
        assert message.headers["X-OpenRouter-Idempotency-Key"] == f"{job['id']}-{status}"


def everything_listed(model: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each size, and each resolution in each aspect ratio, in each duration."""
    shapes: list[dict[str, Any]] = [{"size": size} for size in model["supported_sizes"] or ()]
    resolutions, ratios = model["supported_resolutions"] or (), model["supported_aspect_ratios"] or ()
    shapes += [{"resolution": one, "aspect_ratio": ratio} for one in resolutions for ratio in ratios]
    shapes += [{"resolution": one} for one in resolutions]
    shapes += [{"aspect_ratio": ratio} for ratio in ratios]
    for shape, duration in itertools.product([{}, *shapes], [None, *(model["supported_durations"] or ())]):
        yield {**shape, **({"duration": duration} if duration else {})}


def test_the_models_are_listed_and_taken(http: httpx2.Client, tmp_path: Path) -> None:
    models = http.get(f"{URL}/models").json()["data"]
    assert [model["id"] for model in models] == ["reelwright/sketch", "reelwright/toy"]
    toy = models[1]
    with Gate(tmp_path) as gate:
        most = {"size": toy["supported_sizes"][-1], "duration": toy["supported_durations"][-1]}
        for fields in (next(everything_listed(toy)), most):
            cancel(
                http,
                ask(http, gate.prompt, **{**SMALL, "num_frames": None, "size": None, **fields, "model": toy["id"]}),
            )
        more = {**most, "duration": most["duration"] + 1}
        error = problem(http.post(URL, json={"model": toy["id"], "prompt": "a", **more}), 400)
    assert error["metadata"]["field"] == "duration"


CARDS = [
    CARD,
    *offered(Settings(engine="sketch")).cards(),
    *huggingface.cards({}),
    *local.cards({}),
    *local.cards({"models": {"svd": {"image": None}}}),
    dataclasses.replace(CARD, model="tiny", max_pixel_frames=512 * 512 * 24),
    dataclasses.replace(CARD, model="brief", max_frames=8, default_frames=8),
    dataclasses.replace(
        CARD, model="narrow", min_side=640, max_side=1024, side_multiple=64, default_width=640, default_height=640
    ),
    dataclasses.replace(CARD, model="one size", min_side=512, max_side=512),
    dataclasses.replace(CARD, model="long", min_frames=49, max_frames=201, default_frames=97, default_fps=24),
]


class Developed(InputImages):
    """Pictures that were decoded already: thousands of requests need not each decode one."""

    async def store(self, value: object, field: str = "image") -> Image | None:
        return Image(sha256="0" * 64, media_type="image/png", width=640, height=640) if value else None


@pytest.mark.parametrize("card", CARDS, ids=[f"{card.engine} {card.model}" for card in CARDS])
async def test_whatever_is_listed_of_a_card_is_taken(card: Card, tmp_path: Path) -> None:
    spec = Spec(engine="tests.fakes.engines:ToyEngine")
    catalog = Catalog(offers={card.engine: Offer(spec=spec, cards=(card,))}, default=card.engine, reason="a test")
    drafting = Drafting(catalog, Developed(Files(tmp_path), Outbound()), Moderation(Rules()))
    names = dataclasses.replace(NAMES, renamed={**NAMES.renamed, "first": "image"})
    (model,) = VideoModels(catalog, datetime.now(UTC)).list()
    frames = [None] if Task.TEXT_TO_VIDEO in card.tasks else []
    frames += ["data:"] if model["supported_frame_images"] else []
    asked = list(everything_listed(model))
    assert len(asked) > 1
    for fields, frame in itertools.product(asked, frames):
        body = {"prompt": "a", "model": card.model, "first": frame, **fields}
        await drafting.spec(body, names, typed=True)
