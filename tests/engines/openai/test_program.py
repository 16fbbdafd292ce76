"""The real server in front: killed at every window, restarted, and in front of another Reelwright."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.engines.remote import PROMPT
from tests.fakes.videos import TOKEN, FakeVideos
from tests.servers import ServerProcess, eventually

QUICK = {"poll_seconds": 0.02, "first_wait_seconds": 0.05, "lost_seconds": 0.2, "connect_seconds": 2.0}
BODY = {"prompt": PROMPT, "width": 64, "height": 64, "num_frames": 8, "fps": 8, "seed": 3}


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeVideos]:
    with FakeVideos(request.param, token=TOKEN) as running:
        yield running


def front_of(url: str, data_dir: Path, **options: Any) -> ServerProcess:
    return ServerProcess(
        data_dir,
        REELWRIGHT_ENGINE="auto",
        REELWRIGHT_UPSTREAM_URL=url,
        REELWRIGHT_UPSTREAM_TOKEN=TOKEN,
        REELWRIGHT_ENGINE_OPTIONS=json.dumps({"openai": QUICK | options}),
    )


def ask(server: ServerProcess, **fields: Any) -> str:
    answer = httpx2.post(f"{server.url}/v1/videos", json={**BODY, **fields}, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def ended(server: ServerProcess, video_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        video: dict[str, Any] = httpx2.get(f"{server.url}/v1/videos/{video_id}").json()
        return video if video["status"] in ("completed", "failed") else None

    found: dict[str, Any] = eventually(look)
    return found


def child_of(server: ServerProcess) -> int:
    """The process id of the engine's child."""
    assert server.process is not None
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                command = (path / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == server.process.pid and b"reelwright.engines.host" in command:
                return int(path.name)
    raise AssertionError("the engine has no process")


def checkpoint_of(data_dir: Path, video_id: str) -> str | None:
    with sqlite3.connect(f"file:{data_dir / 'reelwright.db'}?mode=ro", uri=True) as database:
        [found] = database.execute("SELECT checkpoint FROM videos WHERE id = ?", (video_id,)).fetchone()
    return found  # type: ignore[no-any-return]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc (Linux)")
@pytest.mark.parametrize("fake", ["reelwright", "vllm-omni", "sglang"], indirect=True)
def test_kill_9_of_the_server_and_of_its_child(fake: FakeVideos, tmp_path: Path) -> None:
    """One job runs there, and the create of another is under way: each is executed once, or said to be unknown."""
    with front_of(fake.url, tmp_path / "data") as server:
        fake.gpu.held = True
        accepted = ask(server)
        fake.until(lambda: fake.gpu.busy and fake.steps("look"))
        fake.silent = True
        submitting = ask(server, prompt="Another")
        fake.until(lambda: len(fake.creates) == 2)
        server.kill()
        fake.silent = fake.gpu.held = False
        server.start()
        assert ended(server, accepted)["status"] == "completed"
        video = ended(server, submitting)
        # A Reelwright knows the create by its key, vLLM-Omni's list shows the job, SGLang's tells nothing.
        unknown = fake.profile.name == "sglang"
        assert (video["error"] or {}).get("code") == ("unknown_outcome" if unknown else None)
        fake.until(lambda: fake.gpu.finished["Another"])
        assert (fake.executions(PROMPT), fake.executions("Another")) == (1, 1)

        # The same of the child alone: another one goes on with its jobs.
        fake.gpu.held = True
        second = ask(server, seed=4)
        fake.until(lambda: fake.executions(PROMPT) == 2)
        fake.until(lambda: fake.gpu.busy and "accepted" in str(checkpoint_of(tmp_path / "data", second)))
        os.kill(child_of(server), signal.SIGKILL)
        fake.gpu.held = False
        assert ended(server, second)["status"] == "completed"
        assert fake.executions(PROMPT) == 2
        assert TOKEN not in server.log_text()
        assert TOKEN.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.db*"))
        assert server.stop() == 0


def test_two_reelwrights_in_a_row(tmp_path: Path) -> None:
    """Progress and previews come through both; a restart of the one behind loses nothing and repeats nothing."""
    with ServerProcess(tmp_path / "back", REELWRIGHT_API_KEYS=TOKEN) as back:
        key = {"Authorization": f"Bearer {TOKEN}"}
        models = tmp_path / "models.json"
        models.write_text(httpx2.get(f"{back.url}/v1/models", headers=key).text)
        with front_of(back.url, tmp_path / "front", models=str(models)) as front:
            cards = httpx2.get(f"{front.url}/v1/models").json()["data"]
            assert {card["id"] for card in cards if card["owned_by"] == "openai"} == {"sketch", "toy"}

            gate = tmp_path / "gate"
            body = {"model": "toy", "engine": "openai", "prompt": f"picture {gate}", "width": 64, "height": 64}
            video_id = ask(front, **body)
            kinds, progress = [], []
            with httpx2.stream("GET", f"{front.url}/v1/videos/{video_id}/events", timeout=30) as events:
                for line in events.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kinds.append(value)
                    elif name == "data" and kinds[-1] == "progress":
                        progress.append(json.loads(value)["progress"])
                    if "preview" in kinds:
                        gate.touch()
            assert kinds[-1] == "completed"
            assert any(30 < told < 41 for told in progress), progress  # the toy says 40 %; storing has its share
            video = ended(front, video_id)
            assert video["made_with"]["progress"] == "upstream"
            content = f"/v1/videos/{video_id}/content"
            behind = httpx2.get(f"{back.url}/v1/videos/{video['made_with']['request_id']}/content", headers=key)
            assert httpx2.get(f"{front.url}{content}").content == behind.content

            gate.unlink()
            second = ask(front, **body, seed=5)
            eventually(lambda: httpx2.get(f"{front.url}/v1/videos/{second}").json()["progress"] > 30)
            port = back.url.rpartition(":")[2]
            back.kill()
            restarted = ServerProcess(tmp_path / "back", "again", REELWRIGHT_API_KEYS=TOKEN, PORT=port)
            with restarted:
                gate.touch()
                assert ended(front, second)["status"] == "completed"
                made = httpx2.get(f"{restarted.url}/v1/videos", headers=key).json()["data"]
                assert len(made) == 2
                assert restarted.stop() == 0
            assert front.stop() == 0
