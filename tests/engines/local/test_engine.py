"""The engine over tiny pipelines: what goes in, what comes out, how it stops."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from reelwright.engines.local import devices
from reelwright.engines.local.engine import LocalEngine
from reelwright.errors import Cancelled, Code, EngineError
from reelwright.testing import Recorder, Take, run_here
from reelwright.video import Task
from tests import pictures
from tests.engines.local.conftest import REASON, TinyFolder, TinyHub
from tests.engines.local.studio import Stopping, a_request, an_image_request
from tests.fakes.spans import Recorded

pytest.importorskip("torch", reason=REASON)


@pytest.fixture(scope="module")
def engine(tiny_folder: TinyFolder) -> LocalEngine:
    svd = {"source": str(tiny_folder("svd")), "image": "sdxl-turbo", "image_source": str(tiny_folder("sdxl"))}
    models = {"svd": svd} | {name: str(tiny_folder(name)) for name in ("wan", "ltx", "cogvideox", "animatediff")}
    made = LocalEngine(models=models, preview_seconds=0)
    made.load()
    return made


def test_a_text_becomes_an_image_and_then_a_video_with_the_promised_defaults(
    engine: LocalEngine, tmp_path: Path
) -> None:
    report = Recorder()
    request = a_request("svd", num_frames=24)
    clip = run_here(engine, request, tmp_path, report)

    assert clip.clip.num_frames == 24
    assert clip.clip.fps == 12
    assert clip.frames.std() > 1
    assert len({frame.tobytes() for frame in clip.frames}) == 24
    assert report.progressed == [(done, 11) for done in range(1, 12)]
    assert clip.facts["image_stage"]["recipe"] == "sdxl-turbo"
    assert clip.facts["scheduler"] == "EulerDiscreteScheduler"
    assert {"torch", "diffusers", "device", "revision", "dtype", "steps"} <= clip.facts.keys()
    assert str(tmp_path.parent) not in str(clip.facts)


def test_a_trace_shows_the_stages(engine: LocalEngine, tmp_path: Path) -> None:
    span = Recorded()
    run_here(engine, a_request("svd"), tmp_path, span=span)
    assert [name for name, _ in span.tree] == ["image", "weights", "denoise", "decode"]
    assert all(part.over and part.failed is None for part in span.parts)


def test_a_model_may_be_loaded_before_its_first_job(
    tiny_folder: TinyFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = {"wan": str(tiny_folder("wan")), "ltx": str(tmp_path)}
    early = LocalEngine(models=models, preload="wan", preview_seconds=0)
    early.load()
    assert early.state()["warm"].keys() == {"video wan"}
    run_here(early, a_request("wan", num_inference_steps=1), tmp_path)
    assert early.state()["loads"] == 1
    late = LocalEngine(models=models, preload="ltx", preview_seconds=0)
    late.load()
    assert "ltx is not loaded at the start: Model 'ltx' is" in caplog.text
    run_here(late, a_request("wan", num_inference_steps=1), tmp_path)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(engine: LocalEngine, tmp_path: Path) -> None:
    first = run_here(engine, a_request("svd"), tmp_path)
    assert run_here(engine, a_request("svd"), tmp_path).sha256 == first.sha256
    assert run_here(engine, a_request("svd", seed=6), tmp_path).sha256 != first.sha256


@pytest.mark.parametrize(
    "changes", [{"motion_bucket_id": 20}, {"noise_aug_strength": 0.5}, {"fps": 24}, {"guidance_scale": 6.0}]
)
def test_each_field_that_svd_honours_changes_the_video(
    changes: dict[str, Any], engine: LocalEngine, tmp_path: Path, fox: Path
) -> None:
    plain = run_here(engine, an_image_request("svd"), tmp_path, image_path=fox)
    assert run_here(engine, an_image_request("svd", **changes), tmp_path, image_path=fox).sha256 != plain.sha256


def test_svd_defaults_are_motion_127_and_noise_002(engine: LocalEngine, tmp_path: Path, fox: Path) -> None:
    silent = run_here(engine, an_image_request("svd"), tmp_path, image_path=fox)
    spoken = an_image_request("svd", motion_bucket_id=127, noise_aug_strength=0.02, guidance_scale=3.0)
    assert run_here(engine, spoken, tmp_path, image_path=fox).sha256 == silent.sha256


@pytest.mark.parametrize("model", ["wan", "ltx", "cogvideox", "animatediff"])
def test_a_prompt_a_negative_prompt_and_guidance_act(model: str, engine: LocalEngine, tmp_path: Path) -> None:
    hashes = {
        run_here(engine, a_request(model, num_inference_steps=2, **changes), tmp_path).sha256
        for changes in ({}, {"prompt": "a blue whale"}, {"negative_prompt": "blur"}, {"guidance_scale": 9.0})
    }
    assert len(hashes) == 4


def test_frames_that_a_pipeline_must_make_beyond_the_wish_are_left_out(engine: LocalEngine, tmp_path: Path) -> None:
    clip = run_here(engine, a_request("wan", num_frames=6, num_inference_steps=2), tmp_path)
    full = run_here(engine, a_request("wan", num_frames=9, num_inference_steps=2), tmp_path)
    assert clip.frames.shape[0] == 6
    assert clip.facts["generated_frames"] == 9
    assert np.array_equal(clip.frames, full.frames[:6])


def test_an_image_is_animated(engine: LocalEngine, tmp_path: Path, fox: Path) -> None:
    with_fox = run_here(engine, an_image_request("ltx", num_inference_steps=2), tmp_path, image_path=fox)
    assert with_fox.facts["pipeline"] == "LTXImageToVideoPipeline"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("transparent PNG", pictures.badge("RGB", pictures.GREEN, pictures.WHITE)),
        ("16-bit grey", pictures.flat((128, 128, 128))),
        ("16-bit transparent", pictures.badge("RGB", pictures.GREEN, pictures.WHITE)),
        ("1 bit", pictures.badge("L", 0, 255)),
        ("coded PQ", pictures.flat(pictures.WHITE)),
    ],
)
def test_an_image_is_what_it_shows_however_it_is_encoded(
    engine: LocalEngine, tmp_path: Path, name: str, plain: PIL.Image.Image
) -> None:
    plain.save(tmp_path / "plain", "PNG")
    (tmp_path / "image").write_bytes(pictures.kinds()[name].data)
    made = [
        run_here(engine, an_image_request("svd", num_inference_steps=1), tmp_path, image_path=tmp_path / file).sha256
        for file in ("plain", "image")
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize("name", pictures.liars())
def test_an_image_that_lies_is_refused_by_name(engine: LocalEngine, tmp_path: Path, name: str) -> None:
    (tmp_path / "image").write_bytes(pictures.liars()[name])
    with pytest.raises(EngineError, match="Invalid image") as caught:
        run_here(engine, an_image_request("svd"), tmp_path, image_path=tmp_path / "image")
    assert (caught.value.code, caught.value.field) == (Code.INVALID_FIELD, "image")


def test_a_file_that_is_no_image_is_refused(engine: LocalEngine, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"GIF89a, or so it says")
    with pytest.raises(EngineError, match="Invalid image") as caught:
        run_here(engine, an_image_request("svd"), tmp_path, image_path=tmp_path / "image")
    assert caught.value.code == Code.INVALID_FIELD


def test_a_cancel_ends_the_run_at_that_step_and_harms_nobody(engine: LocalEngine, tmp_path: Path) -> None:
    before = run_here(engine, a_request("svd"), tmp_path / "before")
    report = Stopping(cancel_at=7)
    with pytest.raises(Cancelled):
        run_here(engine, a_request("svd"), tmp_path / "cancelled", report)
    assert report.progressed[-1][0] == 7
    assert run_here(engine, a_request("svd"), tmp_path / "after").sha256 == before.sha256


def test_a_cancel_in_the_image_stage_never_reaches_the_video(engine: LocalEngine, tmp_path: Path) -> None:
    report = Stopping(cancel_at=2)
    with pytest.raises(Cancelled):
        run_here(engine, a_request("svd"), tmp_path, report)
    assert report.progressed[-1][0] == 2


def test_an_unknown_model_and_a_task_it_does_not_do_are_named(engine: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no model 'nope'; it has svd, wan"):
        run_here(engine, a_request("nope"), tmp_path)
    with pytest.raises(EngineError, match="does not do image-to-video"):
        run_here(engine, a_request("wan", task=Task.IMAGE_TO_VIDEO), tmp_path)


def test_a_size_that_the_pipeline_refuses_fails_without_its_inner_words(engine: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        run_here(engine, a_request("svd", width=60), tmp_path)
    assert caught.value.message == "Model 'svd' failed: ValueError."


def test_a_gpu_that_torch_cannot_use_is_a_warning_or_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's devices are told, since there is no such machine here; torch is asked for real."""
    monkeypatch.setattr(devices, "look", lambda: devices.Machine(nvidia=1))
    engine = LocalEngine(models="wan")
    assert "warning" not in engine.load()
    warning = str(engine.state()["warning"])
    assert warning.startswith(
        "Videos are made on the CPU, which is very slow. This machine has an NVIDIA GPU, but torch"
    )
    assert warning.endswith("Install the one for CUDA: pip install --force-reinstall torch")
    with pytest.raises(EngineError) as caught:
        LocalEngine(models="wan", device="cuda").load()
    assert caught.value.message.startswith("Local engine option device: 'cuda' is not available here. This machine has")
    chosen = LocalEngine(models="wan", device="cpu")
    chosen.load()
    assert chosen.state()["device"] == "cpu, 1 threads"
    assert "warning" not in chosen.state()


def test_missing_weights_name_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    engine = LocalEngine(models={"wan": "nobody/has-this"})
    engine.load()
    with pytest.raises(EngineError, match="reelwright pull wan") as caught:
        run_here(engine, a_request("wan"), tmp_path)
    assert caught.value.code == Code.MODEL_NOT_READY


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"scheduler": "MagicScheduler"}, "'MagicScheduler' is no scheduler of diffusers"),
        ({"scheduler": {"solver": 3}}, "UniPCMultistepScheduler has no setting 'solver'; it has .*solver_order"),
        ({"scheduler": "DDIMScheduler", "flow_shift": 3}, "DDIMScheduler has no flow shift"),
        (
            {"arguments": {"max_sequence": 3}},
            "'max_sequence' is no argument of WanPipeline; it takes .*max_sequence_length",
        ),
        (
            {"scheduler": {"class": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True}, "flow_shift": 3},
            "shifts by the size",
        ),
        (
            {"loras": ["/nowhere/a.safetensors"]},
            "the folder configured for it does not exist",
        ),
    ],
)
def test_a_setting_that_the_pipeline_does_not_have_is_named(
    settings: dict[str, Any], why: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    engine = LocalEngine(models={"tuned": {"recipe": "wan", "source": str(tiny_folder("wan")), **settings}})
    engine.load()
    with pytest.raises(EngineError, match=why) as caught:
        run_here(engine, a_request("tuned"), tmp_path)
    assert caught.value.code in (Code.ENGINE_NOT_CONFIGURED, Code.MODEL_NOT_READY)


def test_settings_of_a_model_shape_the_video_and_stand_in_the_record(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    def made(**settings: Any) -> Take:
        engine = LocalEngine(models={"wan": {"source": str(tiny_folder("wan")), **settings}}, preview_seconds=0)
        engine.load()
        return run_here(engine, a_request("wan", num_inference_steps=3), tmp_path)

    takes = [
        made(),
        made(flow_shift=9),
        made(scheduler="FlowMatchEulerDiscreteScheduler"),
        made(negative_prompt="fog"),
        made(arguments={"max_sequence_length": 8}),
    ]
    assert len({one.sha256 for one in takes}) == 5
    assert [one.facts["flow_shift"] for one in takes] == [3.0, 9.0, 3.0, 3.0, 3.0]
    assert takes[2].facts["scheduler"] == "FlowMatchEulerDiscreteScheduler"
    assert takes[3].facts["negative_prompt"] == "fog"


def test_a_generic_pipeline_is_asked_in_its_own_words(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    """Frames by its VAE, a frame rate under its name, and its own defaults for what nobody named."""
    engine = LocalEngine(models={"mine": str(tiny_folder("ltx")), "wans": str(tiny_folder("wan"))}, preview_seconds=0)
    engine.load()
    asked = a_request("wans", num_frames=6, num_inference_steps=None)
    clip = run_here(engine, asked, tmp_path)
    assert clip.facts["pipeline"] == "WanPipeline"
    assert clip.facts["generated_frames"] == 9
    assert clip.facts["steps"] == 50
    assert "guidance_scale" not in clip.facts
    assert "ignored" not in clip.facts
    same = run_here(engine, replace(asked, num_inference_steps=50, guidance_scale=5.0, fps=30), tmp_path)
    assert same.sha256 == clip.sha256
    slow, quick = (run_here(engine, a_request("mine", fps=fps, num_inference_steps=2), tmp_path) for fps in (6, 24))
    assert slow.facts["generated_frames"] == quick.facts["generated_frames"] == 9
    assert slow.sha256 != quick.sha256


def test_a_generic_pipeline_says_what_it_does_not_take(tiny_hub: TinyHub, tmp_path: Path) -> None:
    tiny_hub("hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_i2v")
    model = {"source": "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_i2v", "tasks": ["image-to-video"]}
    engine = LocalEngine(models={"mine": model}, preview_seconds=0)
    engine.load()
    pictures.badge("RGB", pictures.GREEN, pictures.WHITE).save(tmp_path / "image", "PNG")
    request = an_image_request("mine", num_inference_steps=1, num_frames=5)
    free, guided = (
        run_here(engine, replace(request, guidance_scale=scale), tmp_path, image_path=tmp_path / "image")
        for scale in (1.0, 9.0)
    )
    assert free.facts["ignored"] == ["width", "height"]
    assert free.sha256 != guided.sha256


def test_a_frame_rule_that_the_pipeline_does_not_have_is_told_before_the_run(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    engine = LocalEngine(models={"mine": {"source": str(tiny_folder("wan")), "frame_rule": [6, 1]}}, preview_seconds=0)
    engine.load()
    report = Recorder()
    with pytest.raises(EngineError, match=r"frame_rule: \[6, 1\] makes 7 frames, and WanPipeline makes 4 x k \+ 1"):
        run_here(engine, a_request("mine", num_frames=7), tmp_path, report)
    assert report.progressed == []


@pytest.mark.parametrize("index", ["model_index.json", "modular_model_index.json"])
def test_a_pipeline_made_of_blocks_is_refused_with_what_works(index: str, tmp_path: Path) -> None:
    (tmp_path / index).write_text('{"_class_name": "WanModularPipeline"}')
    engine = LocalEngine(models={"mine": str(tmp_path)})
    engine.load()
    with pytest.raises(EngineError, match=r"made of blocks, .*name a repository with a model_index.json"):
        run_here(engine, a_request("mine"), tmp_path / "scratch")


def test_previews_are_small_moving_pictures(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    engine = LocalEngine(models={"wan": str(tiny_folder("wan"))}, preview_seconds=1e-9)
    engine.load()
    report = Recorder()
    run_here(engine, a_request("wan", num_frames=9), tmp_path, report)

    assert [media_type for _, media_type in report.previews] == ["image/webp"] * 5
    with PIL.Image.open(io.BytesIO(report.previews[-1][0])) as picture:
        assert picture.format == "WEBP"
        assert picture.size == (256, 256)
        assert getattr(picture, "n_frames", 1) == 3


def test_pipelines_are_let_go_when_nobody_uses_them_and_come_back(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    engine = LocalEngine(models={"wan": str(tiny_folder("wan"))}, idle_seconds=0.01, preview_seconds=0)
    engine.load()
    first = run_here(engine, a_request("wan"), tmp_path)
    assert run_here(engine, a_request("wan"), tmp_path).sha256 == first.sha256
