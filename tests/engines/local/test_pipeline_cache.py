"""The cached pipelines on a simulated small card: how often weights are read, where they lie, that bits stay equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import Code, EngineError
from reelwright.testing import run_here
from reelwright.video import VideoSpec
from tests.engines.local.conftest import REASON, TinyFolder
from tests.engines.local.studio import a_request, an_image_request
from tests.engines.local.test_lora import a_lora

pytest.importorskip("torch", reason=REASON)

import torch

from reelwright.engines.local import memory
from reelwright.engines.local.footprint import Kind, Room
from reelwright.engines.local.memory import Device

MIB = 1024**2
LARGE = 10**6


class Card(Device):
    """The CPU, counted as a card with memory of its own. The memory is what the bytes of the weights say."""

    sizes: tuple[int, int] = (LARGE, LARGE)

    @property
    def kind(self) -> Kind:
        return Kind.CARD

    def room(self, held: int) -> Room:
        return Room(kind=Kind.CARD, device=self.sizes[0] * MIB, main=self.sizes[1] * MIB)


Machine = Callable[..., LocalEngine]


@pytest.fixture
def machine(tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """An engine on a card with so many MiB, in a machine with so many."""

    def start(device: int = LARGE, main: int = LARGE, **options: Any) -> LocalEngine:
        kind = type("Sized", (Card,), {"sizes": (device, main)})
        monkeypatch.setattr(memory, "find_device", lambda *_: kind(torch_device=torch.device("cpu")))
        svd = {"source": str(tiny_folder("svd")), "image": "sdxl-turbo", "image_source": str(tiny_folder("sdxl"))}
        models = {"svd": svd} | {name: str(tiny_folder(name)) for name in ("wan", "ltx")}
        engine = LocalEngine(**({"models": models, "preview_seconds": 0} | options))
        engine.load()
        return engine

    return start


def work(engine: LocalEngine, folder: Path, *requests: VideoSpec, image: Path | None = None) -> list[str]:
    """Where the weights were, job by job."""
    clips = [run_here(engine, one, folder, image_path=image if one.image else None) for one in requests]
    return [clip.facts["placement"] for clip in clips]


def test_text_and_image_jobs_of_one_model_share_its_weights(machine: Machine, tmp_path: Path, fox: Path) -> None:
    engine = machine()
    jobs = [kind("ltx", num_frames=9, num_inference_steps=1) for kind in (a_request, an_image_request) * 3]
    assert work(engine, tmp_path, *jobs, image=fox) == ["resident"] * 6
    assert engine.state() == {"device": "cpu, 1 threads", "warm": {"video ltx": "resident"}, "loads": 1}


def test_two_stages_that_do_not_fit_side_by_side_are_read_once(machine: Machine, tmp_path: Path) -> None:
    """Each is whole on the card while it works, and in main memory while the other one does."""
    engine = machine(device=22)  # 21 for the video, 20 for the image; the weights of each take 2.6 and 1.5
    still = a_request("svd", num_inference_steps=1, num_frames=2)
    assert work(engine, tmp_path, *[still] * 3) == ["resident"] * 3
    assert engine.state()["loads"] == 2


def test_what_main_memory_cannot_hold_is_read_again(machine: Machine, tmp_path: Path) -> None:
    engine = machine(device=22, main=3)
    work(engine, tmp_path, *[a_request("svd", num_inference_steps=1, num_frames=2)] * 2)
    assert engine.state()["loads"] == 3  # the video's, the image's in its place, and the video's again


def test_a_larger_job_gets_a_leaner_placement_from_the_same_weights(machine: Machine, tmp_path: Path) -> None:
    """Tiny Wan has a third of a MiB; what differs is the work: 1.6 and 6.3 MiB a frame's decoding, and more."""
    engine = machine(device=180)
    small, large = (
        a_request("wan", num_inference_steps=1),
        a_request("wan", width=128, height=96, num_inference_steps=1),
    )
    assert work(engine, tmp_path, small, large, small) == ["resident", "grouped", "resident"]


@pytest.mark.parametrize("placement", ["model", "grouped"])
@pytest.mark.parametrize("model", ["svd", "wan", "ltx"])
def test_the_bits_are_those_of_the_whole_pipeline(
    model: str, placement: str, machine: Machine, tmp_path: Path, fox: Path
) -> None:
    frames = 2 if model == "svd" else 5  # all are decoded at once, in each placement
    spec = (an_image_request if model == "svd" else a_request)(model, num_inference_steps=2, num_frames=frames)
    whole, other = (
        run_here(engine, spec, tmp_path, image_path=fox if spec.image else None)
        for engine in (machine(), machine(placement=placement))
    )
    again = run_here(machine(placement=placement), spec, tmp_path, image_path=fox if spec.image else None)
    assert (whole.facts["placement"], other.facts["placement"]) == ("resident", placement)
    if model == "wan" and placement == "grouped":
        assert other.facts["tiled_decode"]
    assert whole.sha256 == other.sha256 == again.sha256


def test_a_lora_acts_also_on_layers_that_come_and_go(machine: Machine, tmp_path: Path) -> None:
    a_lora(tmp_path / "snow.safetensors", 24)
    spec = a_request("wan", params={"loras": ["snow.safetensors"]}, num_inference_steps=2)
    bare = a_request("wan", num_inference_steps=2)
    whole, other = (machine(placement=where, lora_folder=str(tmp_path)) for where in ("resident", "grouped"))
    assert run_here(other, spec, tmp_path).sha256 == run_here(whole, spec, tmp_path).sha256
    assert (
        run_here(other, bare, tmp_path).sha256
        == run_here(whole, bare, tmp_path).sha256
        != run_here(other, spec, tmp_path).sha256
    )


def test_a_placement_that_does_not_exist_here_is_an_error_not_another_one(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(
        EngineError, match=r"Local engine option placement: 'lean' does not exist on .*; 'wan' takes "
    ) as told:
        run_here(machine(placement="lean"), a_request("wan"), tmp_path)
    assert told.value.code is Code.ENGINE_NOT_CONFIGURED


def test_a_model_that_main_memory_cannot_hold_is_refused_with_both_numbers(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"'wan' takes .* GiB of main memory at 64x64; .* GiB are free") as told:
        run_here(machine(device=1, main=0), a_request("wan"), tmp_path)
    assert told.value.code is Code.OUT_OF_MEMORY


def test_a_decoding_that_runs_out_of_memory_is_done_again_in_tiles(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps were done: they are not done again."""
    from diffusers import AutoencoderKLWan

    decode = AutoencoderKLWan.decode

    def short(vae: Any, *args: Any, **kwargs: Any) -> Any:
        if not vae.use_tiling:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 5.00 GiB.")
        return decode(vae, *args, **kwargs)

    engine = machine()
    plain = run_here(engine, a_request("wan"), tmp_path)
    monkeypatch.setattr(AutoencoderKLWan, "decode", short)
    tiled = run_here(engine, a_request("wan"), tmp_path)
    assert tiled.facts["tiled_decode"]
    assert tiled.facts["placement"] == "resident"
    assert engine.state()["loads"] == 1
    assert tiled.sha256 == plain.sha256  # at 64x64 a tile is the whole frame
    assert "tiled_decode" not in plain.facts
