"""A job's life as hypothesis imagines it: rules in any order against one running server, on SQLite and on Postgres.

Two owners create, repeat, look, list, cancel, delete, resume and download; an admin pauses and resumes the engine; the
server is killed and started. What must hold is compared after each step with what the test remembers.

`LIFE_EXAMPLES` (the suite's own are few): how many lives are tried on each database; they are then different each time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.api.keyholders import House, house
from tests.databases import Settings, run_sql
from tests.servers import eventually

EXAMPLES = int(os.environ.get("LIFE_EXAMPLES", "0"))
STEPS = 40 if EXAMPLES else 25
RANKS = {"queued": 0, "in_progress": 1, "completed": 2, "failed": 2}
MOVING = {"progress", "queue_position", "estimated_seconds_left", "eta_s", "stage"}
LIMITS = {"waiting": 200, "running": 5}
_numbers = itertools.count()


@dataclass
class Known:
    """What is remembered of a video."""

    id: str
    owner: int
    rank: int = 0
    progress: int = 0
    ended: dict[str, Any] | None = None
    deleted: bool = False
    cancelled: bool = False
    held_back: bool = False
    """It was created while the engine was paused, which it still is."""


@dataclass
class Begun:
    """An idempotency key that was used: its body, and the video that it leads to."""

    body: dict[str, Any]
    video: Known


class Life(RuleBasedStateMachine):
    """`place` is the running server, set by the test."""

    place: House
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.gate = self.folder / f"gate-{next(_numbers)}"
        self.clients = []
        for name in ("ann", "bob"):
            key = self.place.make(name=name, limits=LIMITS)
            client = httpx2.Client(headers={"Authorization": f"Bearer {key['key']}"}, timeout=60)
            self.clients.append(client)
        self.videos: list[Known] = []
        self.begun: dict[tuple[int, str], Begun] = {}
        self.paused = False
        self.kills = 0

    def ask(self, owner: int, method: str, path: str, **request: Any) -> httpx2.Response:
        answer = self.clients[owner].request(method, f"{self.place.server.url}{path}", **request)
        assert answer.status_code < 500, answer.text
        return answer

    # --- what is remembered ---

    def seen(self, video: Known, told: dict[str, Any]) -> None:
        """Compare what the server tells of a video with what it told before."""
        rank = RANKS[told["status"]]
        assert rank >= video.rank, f"{told['status']} after rank {video.rank}"
        if rank == 1 and video.rank == 1:
            assert told["progress"] >= video.progress
        if video.held_back:
            assert told["status"] != "in_progress"
        if video.cancelled and rank == 2 and not (video.ended and video.ended["status"] == "completed"):
            assert told["error"]["code"] == "cancelled"
        if video.ended is not None:
            assert told == video.ended
        elif rank == 2:
            video.ended = told
            assert (told["error"] is None) == (told["status"] == "completed")
            assert told["completed_at"] >= (told["started_at"] or told["created_at"]) >= told["created_at"]
        video.rank, video.progress = rank, told["progress"] or 0

    def look(self, video: Known) -> dict[str, Any]:
        answer = self.ask(video.owner, "GET", f"/v1/videos/{video.id}")
        assert answer.status_code == 200, answer.text
        told = dict(answer.json())
        self.seen(video, told)
        return told

    def live(self) -> list[Known]:
        return [video for video in self.videos if not video.deleted]

    def pick(self, number: int) -> Known:
        living = self.live()
        return living[number % len(living)]

    # --- rules ---

    @rule(
        owner=st.integers(0, 1),
        prompt=st.sampled_from(["paint", "slow 0.2", "resume 0.02", "until", "fail upstream_error", "crash"]),
        seed=st.sampled_from([None, 1, 2]),
        once=st.sampled_from([None, "a", "b"]),
        priority=st.sampled_from([None, 1, 9]),
        metadata=st.sampled_from([None, {"of": "life"}]),
    )
    def create(
        self,
        owner: int,
        prompt: str,
        seed: int | None,
        once: str | None,
        priority: int | None,
        metadata: dict[str, str] | None,
    ) -> None:
        prompt = f"until {self.gate}" if prompt == "until" else prompt
        asked = {"prompt": prompt, "seed": seed, "priority": priority, "metadata": metadata}
        body = {"model": "toy", "size": "64x64", "num_frames": 4, **{k: v for k, v in asked.items() if v is not None}}
        self.submit(owner, body, once)

    @precondition(lambda self: any(not one.video.deleted for one in self.begun.values()))
    @rule(number=st.integers(0, 99))
    def repeat(self, number: int) -> None:
        known = sorted(key for key, one in self.begun.items() if not one.video.deleted)
        owner, once = known[number % len(known)]
        self.submit(owner, self.begun[owner, once].body, once)

    def submit(self, owner: int, body: dict[str, Any], once: str | None) -> None:
        headers = {"Idempotency-Key": once} if once else {}
        answer = self.ask(owner, "POST", "/v1/videos", json=body, headers=headers)
        before = self.begun.get((owner, once)) if once else None
        if before and not before.video.deleted:
            if before.body != body:
                assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_conflict")
                return
            assert answer.status_code == 200, answer.text
            assert answer.json()["id"] == before.video.id
            self.seen(before.video, answer.json())
            return
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["id"] not in {one.id for one in self.videos}
        video = Known(id=told["id"], owner=owner, held_back=self.paused)
        assert told["metadata"] == body.get("metadata", {})
        assert "seed" not in body or told["seed"] == body["seed"]
        self.videos.append(video)
        self.seen(video, told)
        if once:
            self.begun[owner, once] = Begun(body=body, video=video)

    @precondition(lambda self: self.live())
    @rule(number=st.integers(0, 99))
    def poll(self, number: int) -> None:
        self.look(self.pick(number))

    @precondition(lambda self: self.live())
    @rule(number=st.integers(0, 99))
    def wait_for_the_end(self, number: int) -> None:
        video = self.pick(number)
        if not self.paused and self.gate.exists():
            eventually(lambda: self.look(video)["status"] in ("completed", "failed"), 60)

    @rule(owner=st.integers(0, 1), order=st.sampled_from(["asc", "desc"]), size=st.sampled_from([2, 100]))
    def list_all(self, owner: int, order: str, size: int) -> None:
        """Page by page; what it tells agrees with what each tells alone."""
        found: list[dict[str, Any]] = []
        after: dict[str, Any] = {}
        while True:
            page = self.ask(owner, "GET", "/v1/videos", params={"limit": size, "order": order, **after}).json()
            found += page["data"]
            if not page["has_more"]:
                break
            after = {"after": page["last_id"]}
        own = [video for video in self.live() if video.owner == owner]
        assert [one["id"] for one in found] == [one.id for one in (own if order == "asc" else own[::-1])]
        by_id = {video.id: video for video in own}
        for told in found:
            video = by_id[told["id"]]
            self.seen(video, told)
            alone = self.look(video)
            if told["status"] == alone["status"]:
                assert {k: v for k, v in told.items() if k not in MOVING} == {
                    k: v for k, v in alone.items() if k not in MOVING
                }

    @precondition(lambda self: self.live())
    @rule(number=st.integers(0, 99))
    def cancel(self, number: int) -> None:
        video = self.pick(number)
        answer = self.ask(video.owner, "POST", f"/v1/videos/{video.id}/cancel")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["status"] in ("completed", "failed")
        if video.ended is None and told["error"] and told["error"]["code"] == "cancelled":
            video.cancelled = True
        self.seen(video, told)

    @precondition(lambda self: self.live())
    @rule(number=st.integers(0, 99))
    def delete(self, number: int) -> None:
        video = self.pick(number)
        answer = self.ask(video.owner, "DELETE", f"/v1/videos/{video.id}")
        assert answer.json() == {"id": video.id, "object": "video.deleted", "deleted": True}
        video.deleted = True

    @precondition(lambda self: any(one.deleted for one in self.videos))
    @rule(number=st.integers(0, 99))
    def a_deleted_one_is_gone_for_ever(self, number: int) -> None:
        gone = [one for one in self.videos if one.deleted]
        video = gone[number % len(gone)]
        self.nobody_has(video.owner, video)

    @precondition(lambda self: self.videos)
    @rule(number=st.integers(0, 99))
    def another_owner_sees_nothing(self, number: int) -> None:
        video = self.videos[number % len(self.videos)]
        self.nobody_has(1 - video.owner, video)

    def nobody_has(self, owner: int, video: Known) -> None:
        path = f"/v1/videos/{video.id}"
        requests = [("GET", path), ("DELETE", path), ("POST", f"{path}/cancel"), ("POST", f"{path}/resume")]
        for method, where in (*requests, ("GET", f"{path}/content"), ("GET", f"{path}/events")):
            assert self.ask(owner, method, where).status_code == 404

    @precondition(lambda self: self.live())
    @rule(number=st.integers(0, 99))
    def resume(self, number: int) -> None:
        video = self.pick(number)
        answer = self.ask(video.owner, "POST", f"/v1/videos/{video.id}/resume")
        if answer.status_code == 200:
            assert self.look(video)["status"] == "failed"
            self.videos.append(Known(id=answer.json()["id"], owner=video.owner, held_back=self.paused))
            self.seen(self.videos[-1], answer.json())
        else:
            assert answer.status_code == 409, answer.text

    @precondition(lambda self: self.live())
    @rule(number=st.integers(0, 99))
    def download(self, number: int) -> None:
        video = self.pick(number)
        status = self.look(video)["status"]
        answer = self.ask(video.owner, "GET", f"/v1/videos/{video.id}/content")
        if status == "completed":
            assert answer.status_code == 200, answer.text
            assert answer.content[4:8] == b"ftyp"
        else:
            assert answer.status_code == 409 or self.look(video)["status"] == "completed"

    @rule()
    def open_the_gate(self) -> None:
        self.gate.touch()

    @rule()
    def pause_or_go_on(self) -> None:
        self.paused = not self.paused
        word = "pause" if self.paused else "resume"
        answer = httpx2.post(
            f"{self.place.server.url}/v1/admin/engines/toy/{word}", headers=self.place.admin.headers, timeout=60
        )
        assert (answer.status_code, answer.json()["paused"]) == (200, self.paused)
        if not self.paused:
            for video in self.videos:
                video.held_back = False

    @precondition(lambda self: self.kills < (10 if EXAMPLES else 1) and len(self.videos) > 2)
    @rule()
    def kill(self) -> None:
        self.kills += 1
        self.place.server.kill()
        self.place.server.start()
        for video in self.videos:
            video.progress = 0

    def teardown(self) -> None:
        """All that was accepted ends, and each key's use is what was made."""
        self.gate.touch()
        if self.paused:
            self.pause_or_go_on()
        for video in self.live():
            eventually(lambda one=video: self.look(one)["status"] in ("completed", "failed"), 60)
        for owner, client in enumerate(self.clients):
            (told,) = self.ask(owner, "GET", "/v1/usage").json()["data"] or [{"jobs": 0, "completed": 0, "failed": 0}]
            assert told["jobs"] == sum(one.owner == owner for one in self.videos)
            assert told["completed"] + told["failed"] == told["jobs"]
            limits = self.ask(owner, "GET", "/v1/usage").json()["limits"]
            assert {name: limits[name]["left"] for name in LIMITS} == LIMITS
            client.close()


@pytest.fixture(scope="module")
def place(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("life")
    with house(folder / "data", shared_database, TOY_OPTIONS='{"slots": 2}') as running:
        yield running


def test_whatever_happens_to_a_job_its_life_goes_one_way(place: House, tmp_path: Path) -> None:
    lives = type("Lives", (Life,), {"place": place, "folder": tmp_path})
    run_state_machine_as_test(
        lives,
        settings=settings(
            max_examples=EXAMPLES or 3,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=not EXAMPLES,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert run_sql(place.server, "SELECT count(*) FROM videos WHERE completed_at IS NULL") == [(0,)]
    assert "Traceback" not in place.server.log_text()
