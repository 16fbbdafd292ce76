"""The live state in memory: one terminal state, positions, those who wait, and what is deleted."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from reelwright.jobs import events
from reelwright.jobs.events import LiveVideos
from reelwright.video import Status, Task, Video, VideoSpec

SPEC = VideoSpec(
    prompt="paint", engine="toy", model="toy", task=Task.TEXT_TO_VIDEO, width=64, height=64, num_frames=4, fps=8, seed=1
)


def video(number: int = 1, status: Status = Status.QUEUED, engine: str = "toy") -> Video:
    spec = dataclasses.replace(SPEC, engine=engine)
    return Video(id=f"video_{number}", owner="", status=status, spec=spec, created_at=datetime.now(UTC))


def test_the_first_terminal_state_is_the_last_word() -> None:
    live = LiveVideos()
    for status in (Status.QUEUED, Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED, Status.IN_PROGRESS):
        live.publish(video(status=status))
    live.progress("video_1", 50)
    seen = live.get("video_1")
    assert seen
    assert seen.status is Status.COMPLETED
    assert live.active() == []


def test_progress_never_goes_back_and_never_says_100_before_the_end() -> None:
    live = LiveVideos()
    live.publish(video(status=Status.IN_PROGRESS))
    shown = []
    for percent in (10, 5, 10, 60, 100, 200):
        live.progress("video_1", percent)
        seen = live.get("video_1")
        assert seen
        shown.append(seen.progress)
    assert shown == [10, 10, 10, 60, 99, 99]


def positions(live: LiveVideos, *numbers: int) -> list[int | None]:
    seen = [live.get(f"video_{number}") for number in numbers]
    return [one and one.position for one in seen]


def test_positions_are_counted_by_engine_and_turn() -> None:
    live = LiveVideos()
    for number, fair_tag in ((1, 5), (2, 3), (3, 9), (4, 3)):
        live.publish(video(number), fair_tag)
    live.publish(video(5, engine="other"), 100)
    assert positions(live, 2, 4, 1, 3, 5) == [1, 2, 3, 4, 1]
    live.publish(video(4, Status.IN_PROGRESS))
    assert positions(live, 2, 4, 1, 3) == [1, None, 2, 3]
    live.publish(video(2, Status.FAILED))
    assert positions(live, 1, 9) == [1, None]


async def test_all_who_wait_are_woken_with_the_end() -> None:
    live = LiveVideos()
    live.publish(video(status=Status.IN_PROGRESS))
    ends = [live.completion("video_1") for _ in range(3)]
    live.publish(video(status=Status.COMPLETED))
    for end in ends:
        assert end
        assert (await end).status is Status.COMPLETED
    assert live.completion("video_1") is None


async def test_who_no_longer_waits_is_not_counted_from_that_moment() -> None:
    live = LiveVideos()
    live.publish(video())
    first, second = live.completion("video_1"), live.completion("video_1")
    assert first
    assert second
    assert live.wanted_by_others("video_1")
    first.cancel()
    assert not live.wanted_by_others("video_1")
    live.mark_promised("video_1")
    assert live.wanted_by_others("video_1")


def test_what_is_told_of_a_deleted_video_is_dropped() -> None:
    live = LiveVideos()
    live.publish(video())
    live.publish(video(status=Status.FAILED))
    live.mark_deleted("video_1")
    live.publish(video(status=Status.IN_PROGRESS))  # a late word of its worker
    live.cache(video(status=Status.FAILED))  # a late read of its row
    assert live.get("video_1") is None
    assert live.active() == []


def test_finished_videos_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "REMEMBERED", 3)
    live = LiveVideos()
    for number in range(5):
        live.publish(video(number, Status.COMPLETED))
    assert [live.get(f"video_{number}") is not None for number in range(5)] == [False, False, True, True, True]


def test_a_listener_who_leaves_is_forgotten() -> None:
    live = LiveVideos()
    live.publish(video())
    with live.listen("video_1") as queue:
        assert queue
        assert queue.qsize() == 1
        live.progress("video_1", 1)
        assert queue.qsize() == 2
    live.progress("video_1", 2)
    assert queue.qsize() == 2
    with live.listen("video_2") as nothing:
        assert nothing is None
