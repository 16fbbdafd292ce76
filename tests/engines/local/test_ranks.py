"""One video on several GPUs, to the point where a GPU is needed: two processes on the CPU stand for two of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.child import EngineChild, RenderListener, Spec
from reelwright.engines.local.engine import LocalEngine
from reelwright.engines.local.options import Options
from reelwright.errors import Code, ConfigurationError, EngineError
from reelwright.testing import job_for, run_here
from reelwright.video import VideoSpec
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import a_request, an_image_request

pytest.importorskip("torch", reason=REASON)

import os

import psutil
import torch

from reelwright.engines.local.memory import Device
from reelwright.engines.local.ranks import Ranks

TWO = {"device": "cpu", "gpus_per_video": 2, "checkpoint_steps": 2, "preview_seconds": 0}


@dataclass
class Follower:
    """Does `then` once, from step `at` on, when there is a checkpoint."""

    at: int = 1000
    then: Any = None
    checkpoint: dict[str, Any] | None = None

    def listener(self) -> RenderListener:
        def progress(done: int, _: int) -> None:
            if done >= self.at and self.checkpoint:  # not each step is told where they are quick
                self.at = 1000
                self.then()

        async def keep(state: Mapping[str, Any]) -> None:
            self.checkpoint = dict(state)

        return RenderListener(progress=progress, stage=lambda _: None, preview=lambda *_: None, checkpoint=keep)


class Studio:
    """An engine's process, and the jobs that it is given."""

    def __init__(self, child: EngineChild, folder: Path) -> None:
        self.child = child
        self.others = [one for one in psutil.Process(child.pid).children() if "rank" in " ".join(one.cmdline())]
        self._folder = folder

    async def take(self, spec: VideoSpec, follower: Follower | None = None, **more: Any) -> tuple[str, dict[str, Any]]:
        follower = follower or Follower()
        clip, facts = await self.child.render(job_for(spec, self._folder, **more), follower.listener())
        assert clip.frames is not None
        digest = hashlib.sha256(clip.frames.array().tobytes()).hexdigest()
        clip.frames.close()
        return digest, dict(facts)


@asynccontextmanager
async def studio(options: dict[str, Any], folder: Path) -> AsyncIterator[Studio]:
    spec = Spec(engine="tests.engines.local.attentive:Attentive", options=options, cancel_grace_s=60.0)
    child = await EngineChild.start(spec, dict(os.environ), print)
    try:
        yield Studio(child, folder)
    finally:
        await child.kill()


async def test_two_make_what_one_makes_and_die_together(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    models = {"wan": str(tiny_folder("wan")), "svd": {"source": str(tiny_folder("svd")), "image": None}}
    options = {"models": models, **TWO}
    spec = a_request("wan", num_inference_steps=10)
    odd = a_request("wan", width=48, height=80, num_frames=5)  # 15 tokens a frame, two frames, then one part of 15
    alone = LocalEngine(models=models, preview_seconds=0)
    await asyncio.to_thread(alone.load)
    whole, odd_whole = [(await asyncio.to_thread(run_here, alone, each, tmp_path)).sha256 for each in (spec, odd)]

    async with studio(options, tmp_path / "two") as first:
        assert len(first.others) == 1
        made, facts = await first.take(spec)
        assert (made, facts["gpus"], facts["tokens"]) == (whole, 2, [24, 48])  # the first block is given all
        assert (await first.take(odd))[0] == odd_whole

        with pytest.raises(EngineError, match=r"'svd' cannot be computed by several GPUs. Set .* gpus_per_video"):
            await first.take(an_image_request("svd"))
        with pytest.raises(EngineError, match="computes a video on 2 GPUs, which takes none"):
            await first.take(a_request("wan", params={"loras": ["x.safetensors"]}))

        begun = asyncio.Event()
        long = a_request("wan", num_inference_steps=50)
        task = asyncio.create_task(first.take(long, Follower(at=2, then=begun.set)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await first.take(spec))[0] == whole  # the same processes

        follower = Follower(at=5, then=first.others[0].kill)
        with pytest.raises(EngineError) as caught:  # told by the process itself, or by its end
            await first.take(spec, follower)
        assert caught.value.code is Code.ENGINE_CRASHED

    async with studio(options, tmp_path / "two") as second:
        again, facts = await second.take(spec, checkpoint=follower.checkpoint)
        assert (again, facts["resumed_exactly"]) == (whole, True)
        assert facts["resumed_from_step"] >= 2

        with pytest.raises(EngineError, match="could not go on together: RuntimeError"):
            await second.take(a_request("wan", prompt="break"))
        await second.child.gone()
        await asyncio.to_thread(psutil.wait_procs, second.others, 20)
        assert not any(one.is_running() for one in second.others)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"placement": "model"}, "placement: 'model' is not allowed; it takes auto or resident with gpus_per_video 2"),
        ({"batch": 4}, "batch: 4 is not allowed; it takes 1 with gpus_per_video 2"),
        ({"device": "cuda:1"}, "device: 'cuda:1' is not allowed; it takes auto or cuda with gpus_per_video 2"),
        ({"gpus_per_video": 0}, "gpus_per_video: 0 is not allowed; it takes a whole number of at least 1"),
    ],
)
def test_what_several_cannot_do_is_told_by_its_option(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Options.parse({"gpus_per_video": 2, **options})


def test_too_few_gpus_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(EngineError, match=r"gpus_per_video: 4, but torch has 2 GPU\(s\) here"):
        Ranks(4, Device(torch_device=torch.device("cuda")), {}).start()


async def test_a_machine_without_a_gpu_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="gpus_per_video: 2, but torch has no GPU here"):
        async with studio({"gpus_per_video": 2}, tmp_path):
            pass
