"""The engine boundary, with real child processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.child import EngineChild, Job, Spec, Watch
from reelwright.errors import Code, EngineError
from reelwright.video import Request, Task

TOY = "tests.fakes.engines:ToyEngine"


def request(prompt: str, **changes: Any) -> Request:
    values: dict[str, Any] = {"engine": "toy", "model": "toy", "task": Task.TEXT_TO_VIDEO, "seed": 7}
    values |= {"width": 64, "height": 48, "num_frames": 5, "fps": 12}
    return Request(prompt=prompt, **(values | changes))


class Heard:
    """Collects what a job reports."""

    def __init__(self) -> None:
        self.progress: list[tuple[int, int]] = []
        self.checkpoints: list[Mapping[str, Any]] = []
        self.begun = asyncio.Event()

    def watch(self) -> Watch:
        def on_progress(done: int, total: int) -> None:
            self.progress.append((done, total))
            self.begun.set()

        async def save(state: Mapping[str, Any]) -> None:
            self.checkpoints.append(state)
            self.begun.set()

        return Watch(progress=on_progress, preview=lambda data, kind: None, checkpoint=save)


def job(prompt: str, scratch: Path, seconds: float = 20, **more: Any) -> Job:
    values: dict[str, Any] = {"attempt": 1, "image_path": None, "checkpoint": None}
    return Job(
        video_id=f"video_{prompt}", request=request(prompt), scratch=scratch, seconds_left=seconds, **(values | more)
    )


async def start(log: list[str] | None = None, **options: Any) -> EngineChild:
    lines = log if log is not None else []
    memory = options.pop("memory_mb", None)
    return await EngineChild.start(Spec(engine=TOY, options=options, memory_mb=memory), dict(os.environ), lines.append)


@pytest.fixture
async def child() -> AsyncIterator[EngineChild]:
    started = await start()
    yield started
    await started.kill()


async def test_frames_come_back_through_shared_memory(child: EngineChild, tmp_path: Path) -> None:
    heard = Heard()
    clip, facts = await child.render(job("paint", tmp_path), heard.watch())
    assert clip.frames is not None
    frames = clip.frames.array()
    assert frames.shape == (5, 48, 64, 3)
    assert frames[2, 0, 0].tolist() == [18, 7, 128]
    assert (clip.fps, clip.num_frames) == (12, 5)
    assert heard.progress[-1] == (5, 5)
    assert facts["toy"] == "1.0"
    assert facts["pid"] == child.pid
    clip.frames.close()


async def test_the_child_is_reused(child: EngineChild, tmp_path: Path) -> None:
    pids = set()
    for number in range(3):
        clip, facts = await child.render(job(f"paint {number}", tmp_path), Heard().watch())
        assert clip.frames
        clip.frames.close()
        pids.add(facts["pid"])
    assert pids == {child.pid}


async def test_a_cancel_ends_the_job_and_keeps_the_child(child: EngineChild, tmp_path: Path) -> None:
    heard = Heard()
    running = asyncio.create_task(child.render(job("slow 60", tmp_path), heard.watch()))
    await heard.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert child.alive
    assert child.busy == 0
    clip, _ = await child.render(job("paint", tmp_path), Heard().watch())
    assert clip.frames
    clip.frames.close()


async def test_a_job_that_does_not_listen_is_killed_with_its_process(child: EngineChild, tmp_path: Path) -> None:
    running = asyncio.create_task(child.render(job("deaf 60", tmp_path), Heard().watch()))
    await asyncio.sleep(0)  # let it send the job
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not child.alive


async def test_a_deadline_ends_the_job(child: EngineChild, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"longer than its limit of 0\.1 s") as caught:
        await child.render(job("slow 60", tmp_path, seconds=0.1), Heard().watch())
    assert caught.value.code == Code.TIMED_OUT


async def test_a_crash_ends_the_job_with_a_clear_error(child: EngineChild, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"ended unexpectedly \(killed by SIGKILL\)") as caught:
        await child.render(job("crash", tmp_path), Heard().watch())
    assert caught.value.code == Code.ENGINE_CRASHED
    assert not child.alive


async def test_out_of_memory_is_told_and_the_child_lives(tmp_path: Path) -> None:
    child = await start(memory_mb=1500)
    with pytest.raises(EngineError) as caught:
        await child.render(job("hog 4000", tmp_path), Heard().watch())
    assert caught.value.code == Code.OUT_OF_MEMORY
    clip, _ = await child.render(job("paint", tmp_path), Heard().watch())
    assert clip.frames
    clip.frames.close()
    await child.kill()


async def test_an_unknown_error_tells_its_kind_but_not_its_text(tmp_path: Path) -> None:
    log: list[str] = []
    child = await start(log)
    with pytest.raises(EngineError, match="failed with RuntimeError") as caught:
        await child.render(job("raise 42", tmp_path), Heard().watch())
    assert "secret" not in str(caught.value)
    await child.kill()
    assert any("secret /path/of/42" in line for line in log)


async def test_an_engine_error_keeps_code_and_details(child: EngineChild, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        await child.render(job("refuse", tmp_path), Heard().watch())
    assert (caught.value.code, caught.value.details) == (Code.REFUSED, "not nice")


async def test_an_engine_that_cannot_load_says_why() -> None:
    with pytest.raises(EngineError, match="The toy is broken") as caught:
        await start(fail_to_load=True)
    assert caught.value.code == Code.ENGINE_NOT_CONFIGURED


async def test_jobs_run_side_by_side(tmp_path: Path) -> None:
    child = await start(slots=4)
    heard = [Heard() for _ in range(4)]
    jobs = [
        asyncio.create_task(child.render(job(f"slow {60 + n}", tmp_path), ears.watch())) for n, ears in enumerate(heard)
    ]
    await asyncio.gather(*(ears.begun.wait() for ears in heard))
    assert child.busy == 4
    for task in jobs:
        task.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert child.alive
    await child.kill()


async def test_a_checkpoint_is_durable_before_the_engine_goes_on(child: EngineChild, tmp_path: Path) -> None:
    heard, checkpoint = Heard(), {"file": "frames-3"}
    (tmp_path / "frames-3").write_text("3")
    clip, facts = await child.render(job("resume 0", tmp_path, checkpoint=checkpoint), heard.watch())
    assert heard.checkpoints == [{"file": "frames-4"}, {"file": "frames-5"}]
    assert facts["first_frame"] == 3
    assert clip.frames
    clip.frames.close()


async def test_a_child_that_cannot_go_on_ends_though_its_jobs_still_wait(child: EngineChild, tmp_path: Path) -> None:
    heard, never = Heard(), asyncio.Event()

    async def save(_state: Mapping[str, Any]) -> None:
        heard.begun.set()
        await never.wait()

    watch = replace(heard.watch(), checkpoint=save)
    running = asyncio.create_task(child.render(job("resume 0", tmp_path / "job"), watch))
    await heard.begun.wait()
    child._sock.send(b"not a message\n")
    with pytest.raises(EngineError) as failed:
        await asyncio.wait_for(running, 15)
    assert failed.value.code is Code.ENGINE_CRASHED


async def test_the_child_ends_with_the_server() -> None:
    child = await start()
    child._sock.shutdown(2)  # what the kernel does when the server is killed
    code = await asyncio.wait_for(child._process.wait(), 10)
    assert code in (0, -signal.SIGKILL)
    await child.kill()
