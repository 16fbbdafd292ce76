"""The engine boundary, with real child processes."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.child import EngineChild, Phase, Spec
from reelwright.engines.engine import RenderJob
from reelwright.errors import Code, EngineError
from reelwright.testing import Recorder, job_for
from reelwright.video import Task, VideoSpec

TOY = "tests.fakes.engines:ToyEngine"


def spec(prompt: str, **changes: Any) -> VideoSpec:
    values: dict[str, Any] = {"engine": "toy", "model": "toy", "task": Task.TEXT_TO_VIDEO, "seed": 7}
    values |= {"width": 64, "height": 48, "num_frames": 5, "fps": 12}
    return VideoSpec(prompt=prompt, **(values | changes))


def job(prompt: str, folder: Path, seconds: float = 20, **more: Any) -> RenderJob:
    return job_for(spec(prompt), folder, seconds_left=seconds, **({"video_id": f"video_{prompt}"} | more))


async def start(log: list[str] | None = None, **options: Any) -> EngineChild:
    lines = log if log is not None else []
    more = {name: options.pop(name) for name in ("memory_mb", "cancel_grace_s", "upstream") if name in options}
    return await EngineChild.start(Spec(engine=TOY, options=options, **more), dict(os.environ), lines.append)


@pytest.fixture
async def child() -> AsyncIterator[EngineChild]:
    started = await start()
    yield started
    await started.kill()


async def test_frames_come_back_through_shared_memory(child: EngineChild, tmp_path: Path) -> None:
    heard = Recorder()
    assert child.phase is Phase.READY
    clip, facts = await child.render(job("paint", tmp_path), heard.listener())
    assert clip.frames is not None
    frames = clip.frames.array()
    assert frames.shape == (5, 48, 64, 3)
    assert frames[2, 0, 0].tolist() == [18, 7, 128]
    assert (clip.fps, clip.num_frames) == (12, 5)
    assert heard.progressed[-1] == (5, 5)
    assert facts["toy"] == "1.0"
    assert facts["pid"] == child.pid
    clip.frames.close()


async def test_the_child_is_reused(child: EngineChild, tmp_path: Path) -> None:
    pids = set()
    for number in range(3):
        clip, facts = await child.render(job(f"paint {number}", tmp_path), Recorder().listener())
        assert clip.frames
        clip.frames.close()
        pids.add(facts["pid"])
    assert pids == {child.pid}


async def test_a_cancel_ends_the_job_and_keeps_the_child(child: EngineChild, tmp_path: Path) -> None:
    begun = asyncio.Event()
    running = asyncio.create_task(child.render(job("slow 60", tmp_path), Recorder().listener(begun.set)))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert child.alive
    assert child.busy == 0
    clip, _ = await child.render(job("paint", tmp_path), Recorder().listener())
    assert clip.frames
    clip.frames.close()


async def test_a_job_that_does_not_listen_is_killed_with_its_process(child: EngineChild, tmp_path: Path) -> None:
    running = asyncio.create_task(child.render(job("deaf 60", tmp_path), Recorder().listener()))
    await asyncio.sleep(0)  # let it send the job
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert child.phase is Phase.GONE


async def test_a_deadline_ends_the_job(child: EngineChild, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"longer than its limit of 0\.1 s") as caught:
        await child.render(job("slow 60", tmp_path, seconds=0.1), Recorder().listener())
    assert caught.value.code == Code.TIMED_OUT


async def test_a_job_may_last_as_long_as_it_moves(child: EngineChild, tmp_path: Path) -> None:
    """Each wait is shorter than the limit, all of them together are four times as long."""
    heard = Recorder()
    clip, _ = await child.render(job("slow 2", tmp_path, math.inf, silence_s=0.5), heard.listener())
    assert clip.frames
    clip.frames.close()


@pytest.mark.parametrize("prompt", ["repeat 60", "stuck 60"])
async def test_a_job_without_progress_is_ended_whatever_else_it_says(
    prompt: str, child: EngineChild, tmp_path: Path
) -> None:
    """One tells the same unit of progress again and again, the other stands still in a stage of its own."""
    heard = Recorder()
    with pytest.raises(EngineError, match=r"made no progress for 0\.7 s") as caught:
        await child.render(job(prompt, tmp_path, math.inf, silence_s=0.7), heard.listener())
    assert caught.value.code == Code.TIMED_OUT
    if prompt.startswith("stuck"):
        assert "while it was loading the weights" in str(caught.value)
        assert not child.alive
        assert heard.stages == ["loading the weights"]


@pytest.mark.parametrize("prompt", ["load 1.6", "compile 1.6", "parts 1.6"])
async def test_what_moves_without_progress_lives(prompt: str, child: EngineChild, tmp_path: Path) -> None:
    """Work in this process, in one that it has started, and parts of a step."""
    heard = Recorder()
    clip, _ = await child.render(job(prompt, tmp_path, math.inf, silence_s=0.7), heard.listener())
    assert clip.frames
    clip.frames.close()
    told = {"load 1.6": ["loading the weights", None], "compile 1.6": ["compiling", None], "parts 1.6": []}
    assert heard.stages == told[prompt]


async def test_a_job_at_a_provider_has_the_limit_in_all(tmp_path: Path) -> None:
    child = await start(upstream=True)
    with pytest.raises(EngineError, match=r"longer than its limit of 0\.5 s"):
        await child.render(job("slow 60", tmp_path, math.inf, silence_s=0.5), Recorder().listener())
    await child.kill()


async def test_a_cancelled_job_may_take_its_time_while_nobody_waits_for_it(tmp_path: Path) -> None:
    """It is deaf for longer than the usual grace: its process lives on and takes the next job."""
    child = await start(cancel_grace_s=30)
    begun = asyncio.Event()
    running = asyncio.create_task(child.render(job("stuck 1.5", tmp_path), Recorder().listener(begun.set)))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert child.alive
    clip, facts = await child.render(job("paint", tmp_path), Recorder().listener())
    assert clip.frames
    clip.frames.close()
    assert facts["pid"] == child.pid
    await child.kill()


async def test_who_waits_for_a_cancelled_job_waits_no_longer_than_for_a_new_process(tmp_path: Path) -> None:
    child = await start(cancel_grace_s=60)
    begun = asyncio.Event()
    running = asyncio.create_task(child.render(job("stuck 60", tmp_path), Recorder().listener(begun.set), lambda: True))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 30)
    assert not child.alive


async def test_an_engine_that_is_lost_ends_its_process_with_its_job(child: EngineChild, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="The device is gone") as caught:
        await child.render(job("unplug", tmp_path), Recorder().listener())
    assert caught.value.code == Code.ENGINE_CRASHED
    assert child.phase is Phase.ENDING
    await asyncio.wait_for(child.gone(), 10)


async def test_a_crash_ends_the_job_with_a_clear_error(child: EngineChild, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"ended unexpectedly \(killed by SIGKILL\)") as caught:
        await child.render(job("crash", tmp_path), Recorder().listener())
    assert caught.value.code == Code.ENGINE_CRASHED
    assert not child.alive


async def test_out_of_memory_is_told_and_the_child_lives(tmp_path: Path) -> None:
    """The limit is of what it allocates: addresses alone, of which CUDA reserves many times the memory, are free."""
    child = await start(memory_mb=600)
    clip, _ = await child.render(job("reserve 64000", tmp_path), Recorder().listener())
    assert clip.frames
    clip.frames.close()
    with pytest.raises(EngineError) as caught:
        await child.render(job("hog 1000", tmp_path), Recorder().listener())
    assert caught.value.code == Code.OUT_OF_MEMORY
    clip, _ = await child.render(job("paint", tmp_path), Recorder().listener())
    assert clip.frames
    clip.frames.close()
    await child.kill()


@pytest.mark.parametrize("prompt", ["throng 2000", "choke"])
async def test_whoever_dies_for_want_of_memory_is_told_so(tmp_path: Path, prompt: str) -> None:
    """A thread that has no room for its stack, and native code that ends the process."""
    child = await start(memory_mb=400)
    with pytest.raises(EngineError, match="memory") as caught:
        await child.render(job(prompt, tmp_path), Recorder().listener())
    assert caught.value.code == Code.OUT_OF_MEMORY
    await child.kill()


async def test_an_unknown_error_tells_its_kind_but_not_its_text(tmp_path: Path) -> None:
    log: list[str] = []
    child = await start(log)
    with pytest.raises(EngineError, match="failed with RuntimeError") as caught:
        await child.render(job("raise 42", tmp_path), Recorder().listener())
    assert "secret" not in str(caught.value)
    await child.kill()
    assert any("secret /path/of/42" in line for line in log)


async def test_an_engine_error_keeps_code_and_details(child: EngineChild, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        await child.render(job("refuse", tmp_path), Recorder().listener())
    assert (caught.value.code, caught.value.details) == (Code.REFUSED, "not nice")


async def test_an_engine_that_cannot_load_says_why() -> None:
    with pytest.raises(EngineError, match="The toy is broken") as caught:
        await start(fail_to_load=True)
    assert caught.value.code == Code.ENGINE_NOT_CONFIGURED


async def test_jobs_run_side_by_side(tmp_path: Path) -> None:
    child = await start(slots=4)
    begun = [asyncio.Event() for _ in range(4)]
    jobs = [
        asyncio.create_task(child.render(job(f"slow {60 + n}", tmp_path), Recorder().listener(one.set)))
        for n, one in enumerate(begun)
    ]
    await asyncio.gather(*(one.wait() for one in begun))
    assert child.busy == 4
    for task in jobs:
        task.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert child.alive
    await child.kill()


async def test_a_checkpoint_is_durable_before_the_engine_goes_on(child: EngineChild, tmp_path: Path) -> None:
    heard, checkpoint = Recorder(), {"file": "frames-3"}
    resumed = job("resume 0", tmp_path, checkpoint=checkpoint)
    resumed.scratch.mkdir()
    (resumed.scratch / "frames-3").write_text("3")
    clip, facts = await child.render(resumed, heard.listener())
    assert heard.checkpoints == [{"file": "frames-4"}, {"file": "frames-5"}]
    assert facts["first_frame"] == 3
    assert clip.frames
    clip.frames.close()


async def test_a_child_that_cannot_go_on_ends_though_its_jobs_still_wait(child: EngineChild, tmp_path: Path) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def save(_state: Mapping[str, Any]) -> None:
        begun.set()
        await never.wait()

    listener = replace(Recorder().listener(), checkpoint=save)
    running = asyncio.create_task(child.render(job("resume 0", tmp_path / "job"), listener))
    await begun.wait()
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
