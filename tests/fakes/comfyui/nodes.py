"""The node classes of the fake: what goes in, what comes out, and what they compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tests.fakes.comfyui.media import Pictures, Shelf, read

FILES = "files"
"""A list of values that is the input folder's files."""
MODELS = "models"
"""A list of values that is the model files."""
BIG = 16384


class Bench(Protocol):
    """What a running node may use."""

    signature: str
    shelf: Shelf
    inputs: Path

    def steps(self, count: int) -> None:
        """So many steps of a sampler. Raises `Interrupted`, and whatever the knobs say."""
        ...

    def heavy(self) -> None:
        """Long work that nothing can interrupt."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """`kind`: INT, FLOAT, STRING, BOOLEAN, COMBO, or the type of a link."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    values: tuple[str, ...] | str = ()
    required: bool = True


Ran = tuple[tuple[Any, ...], dict[str, Any]]
"""A node's results, and what it tells the page (`ui`; only savers do)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClass:
    """One class. `modern`: its lists are told as `["COMBO", {"options": …}]`."""

    name: str
    inputs: Mapping[str, Input]
    returns: tuple[str, ...]
    run: Callable[[Bench, Mapping[str, Any]], Ran]
    is_output: bool = False
    modern: bool = False
    module: str = "nodes"


def whole(default: int, least: int = 1, most: int = BIG, step: int = 1) -> Input:
    return Input(kind="INT", options={"default": default, "min": least, "max": most, "step": step})


def real(default: float, least: float = 0.0, most: float = 1000.0) -> Input:
    return Input(kind="FLOAT", options={"default": default, "min": least, "max": most, "step": 0.01})


def text(default: str = "", *, multiline: bool = True) -> Input:
    return Input(kind="STRING", options={"default": default, "multiline": multiline})


def flag(default: bool = False) -> Input:
    return Input(kind="BOOLEAN", options={"default": default})


def one_of(*values: str) -> Input:
    return Input(kind="COMBO", options={"default": values[0]}, values=values)


def optional(base: Input) -> Input:
    return replace(base, required=False)


def link(kind: str) -> Input:
    return Input(kind=kind)


SEED = whole(0, 0, 2**64 - 1)
MODEL_FILE = Input(kind="COMBO", values=MODELS)
SAMPLERS = one_of("euler", "euler_ancestral", "dpmpp_2m", "uni_pc", "res_multistep", "gradient_estimation", "ddim")
SCHEDULERS = one_of("simple", "normal", "karras", "sgm_uniform", "beta", "kl_optimal")
GUIDED = {"positive": link("CONDITIONING"), "negative": link("CONDITIONING")}


# --- what they compute ------------------------------------------------------------------------------------------------


def nothing(count: int) -> Callable[[Bench, Mapping[str, Any]], Ran]:
    """What a loader or an encoder makes is passed on and never looked at."""
    return lambda bench, values: ((None,) * count, {})


def value(bench: Bench, values: Mapping[str, Any]) -> Ran:
    return (values["value"],), {}


def schedule(bench: Bench, values: Mapping[str, Any]) -> Ran:
    return (values["steps"],), {}


def latent(values: Mapping[str, Any], side: int, stride: int) -> Pictures:
    """What an empty latent decodes to: the grids of the model round down without a word."""
    length = values.get("length", values["batch_size"])
    frames = (length - 1) // stride * stride + 1
    return Pictures(width=values["width"] // side * side, height=values["height"] // side * side, count=frames)


def empty(side: int, stride: int) -> Callable[[Bench, Mapping[str, Any]], Ran]:
    return lambda bench, values: ((latent(values, side, stride),), {})


def from_image(side: int, stride: int, links: int = 2) -> Callable[[Bench, Mapping[str, Any]], Ran]:
    return lambda bench, values: ((None,) * links + (latent(values, side, stride),), {})


def sample(bench: Bench, values: Mapping[str, Any]) -> Ran:
    steps = values.get("steps", values.get("sigmas", 20))
    first, last = values.get("start_at_step", 0), min(steps, values.get("end_at_step", steps))
    bench.steps(max(0, last - first))
    made = replace(values["latent_image"], look=bench.signature)
    return (made, made), {}


def decode(bench: Bench, values: Mapping[str, Any]) -> Ran:
    bench.heavy()
    return (values["samples"],), {}


def plain_image(bench: Bench, values: Mapping[str, Any]) -> Ran:
    width, height, colour = values["width"], values["height"], values["color"]
    still = np.full((height, width, 3), (colour >> 16, colour >> 8 & 255, colour & 255), np.uint8)
    return (Pictures(width=width, height=height, count=values["batch_size"], still=still),), {}


def load_image(bench: Bench, values: Mapping[str, Any]) -> Ran:
    return (read(named_file(bench.inputs.parent, values["image"])), None), {}


def scale(bench: Bench, values: Mapping[str, Any]) -> Ran:
    return (values["image"].scaled(values["width"], values["height"]),), {}


def repeat(bench: Bench, values: Mapping[str, Any]) -> Ran:
    return (replace(values["image"], count=values["image"].count * values["amount"]),), {}


def composite(bench: Bench, values: Mapping[str, Any]) -> Ran:
    below, above = values["destination"].still.copy(), values["source"].still
    left, top = values["x"], values["y"]
    room = below[top : top + above.shape[0], left : left + above.shape[1]]
    room[:] = above[: room.shape[0], : room.shape[1]]
    return (replace(values["destination"], still=below),), {}


def length_of(bench: Bench, values: Mapping[str, Any]) -> Ran:
    return (len(values["string"]),), {}


def create_video(bench: Bench, values: Mapping[str, Any]) -> Ran:
    return (replace(values["images"], fps=values["fps"]),), {}


def named_file(folder: Path, name: str) -> Path:
    """The file that `LoadImage` means: of the input folder unless the name ends with `[temp]` or `[output]`."""
    for kind in ("temp", "output", "input"):
        if name.endswith(f" [{kind}]"):
            return folder / kind / name.removesuffix(f" [{kind}]")
    return folder / "input" / name


# --- the savers -------------------------------------------------------------------------------------------------------


def save_video(bench: Bench, values: Mapping[str, Any]) -> Ran:
    path, saved = bench.shelf.place(values["filename_prefix"], ".mp4")
    bench.shelf.video(path, values["video"], values["video"].fps, "libx264")
    return (), {"images": [saved.named()], "animated": [True]}


def save_webm(bench: Bench, values: Mapping[str, Any]) -> Ran:
    path, saved = bench.shelf.place(values["filename_prefix"], ".webm")
    bench.shelf.video(path, values["images"], values["fps"], "libvpx-vp9")
    return (), {"images": [saved.named()], "animated": [True]}


def save_webp(bench: Bench, values: Mapping[str, Any]) -> Ran:
    path, saved = bench.shelf.place(values["filename_prefix"], ".webp")
    bench.shelf.animation(path, values["images"], values["fps"])
    return (), {"images": [saved.named()], "animated": [True]}


def save_frames(kind: str) -> Callable[[Bench, Mapping[str, Any]], Ran]:
    def save(bench: Bench, values: Mapping[str, Any]) -> Ran:
        items = []
        for frame in values["images"].frames():
            path, saved = bench.shelf.place(values.get("filename_prefix", "ComfyUI_temp"), ".png", kind)
            bench.shelf.png(path, frame)
            items.append(saved.named())
        return (), {"images": items}

    return save


def combine(bench: Bench, values: Mapping[str, Any]) -> Ran:
    """VideoHelperSuite: beside the video lies a picture that carries the workflow; all paths are told."""
    if "meta_batch" in values:
        return (None,), {"unfinished_batch": [True]}
    kind = "output" if values["save_output"] else "temp"
    picture, workflow = bench.shelf.place(values["filename_prefix"], ".png", kind, "")
    bench.shelf.png(picture, next(values["images"].frames()))
    form = values["format"]
    path = picture.with_suffix("." + ("mp4" if form.endswith("mp4") else form.partition("/")[2]))
    if form.startswith("video/"):
        codec = "libx264" if path.suffix == ".mp4" else "libvpx-vp9"
        bench.shelf.video(path, values["images"], values["frame_rate"], codec)
    else:
        bench.shelf.animation(path, values["images"], values["frame_rate"])
    item = replace(workflow, filename=path.name).named()
    more = {"format": form, "frame_rate": values["frame_rate"], "workflow": picture.name, "fullpath": str(path)}
    return (None,), {"gifs": [item | more]}


# --- the table --------------------------------------------------------------------------------------------------------


def _plain(name: str, returns: str, **inputs: Input) -> NodeClass:
    kinds = tuple(returns.split())
    return NodeClass(name=name, inputs=inputs, returns=kinds, run=nothing(len(kinds)))


def _size(step: int, length: int = 1) -> dict[str, Input]:
    return {
        "width": whole(832, 16, BIG, step),
        "height": whole(480, 16, BIG, step),
        "length": whole(81, 1, BIG, length),
        "batch_size": whole(1, 1, 4096),
    }


def _loaders() -> list[NodeClass]:
    kind = one_of("wan", "stable_diffusion", "ltxv", "hunyuan_video", "sdxl", "flux", "hunyuan_video_15")
    dtype = one_of("default", "fp8_e4m3fn", "fp8_e5m2")
    return [
        _plain("CheckpointLoaderSimple", "MODEL CLIP VAE", ckpt_name=MODEL_FILE),
        _plain("UNETLoader", "MODEL", unet_name=MODEL_FILE, weight_dtype=dtype),
        _plain("CLIPLoader", "CLIP", clip_name=MODEL_FILE, type=kind, device=optional(one_of("default", "cpu"))),
        _plain("DualCLIPLoader", "CLIP", clip_name1=MODEL_FILE, clip_name2=MODEL_FILE, type=kind),
        _plain("VAELoader", "VAE", vae_name=MODEL_FILE),
        _plain("CLIPVisionLoader", "CLIP_VISION", clip_name=MODEL_FILE),
        _plain("LoraLoaderModelOnly", "MODEL", model=link("MODEL"), lora_name=MODEL_FILE, strength_model=real(1, -100)),
        _plain("ModelSamplingSD3", "MODEL", model=link("MODEL"), shift=real(3)),
    ]


def _conditioning() -> list[NodeClass]:
    conditioning = link("CONDITIONING")
    guided = {**GUIDED, "model": link("MODEL"), "cfg": real(8)}
    vision = {"clip_vision": link("CLIP_VISION"), "image": link("IMAGE"), "crop": one_of("center", "none")}
    return [
        _plain("CLIPTextEncode", "CONDITIONING", text=text(), clip=link("CLIP")),
        _plain("CLIPVisionEncode", "CLIP_VISION_OUTPUT", **vision),
        _plain("ConditioningCombine", "CONDITIONING", conditioning_1=conditioning, conditioning_2=conditioning),
        _plain("ConditioningZeroOut", "CONDITIONING", conditioning=conditioning),
        _plain("FluxGuidance", "CONDITIONING", conditioning=conditioning, guidance=real(3.5)),
        _plain("LTXVConditioning", "CONDITIONING CONDITIONING", **GUIDED, frame_rate=real(25)),
        _plain("RandomNoise", "NOISE", noise_seed=SEED),
        _plain("CFGGuider", "GUIDER", **guided),
        _plain("BasicGuider", "GUIDER", model=link("MODEL"), conditioning=conditioning),
        _plain("KSamplerSelect", "SAMPLER", sampler_name=SAMPLERS),
    ]


def _latents() -> list[NodeClass]:
    vae, start = link("VAE"), optional(link("IMAGE"))
    vision = optional(link("CLIP_VISION_OUTPUT"))
    both = ("CONDITIONING", "CONDITIONING", "LATENT")
    wan = {**GUIDED, "vae": vae, **_size(16, 4), "start_image": start, "clip_vision_output": vision}
    wan22 = {"vae": vae, **_size(32, 4), "start_image": start}
    ltx = {**GUIDED, "vae": vae, "image": link("IMAGE"), **_size(32, 8), "strength": real(1, 0, 1)}
    still = {name: one for name, one in _size(8).items() if name != "length"}
    rows: list[tuple[str, Mapping[str, Input], tuple[str, ...], Any]] = [
        ("EmptyLatentImage", still, ("LATENT",), empty(8, 1)),
        ("EmptyHunyuanLatentVideo", _size(16, 4), ("LATENT",), empty(8, 4)),
        ("EmptyLTXVLatentVideo", _size(32, 8), ("LATENT",), empty(32, 8)),
        ("WanImageToVideo", wan, both, from_image(8, 4)),
        ("WanFirstLastFrameToVideo", {**wan, "end_image": start}, both, from_image(8, 4)),
        ("EmptyMochiLatentVideo", _size(16, 6), ("LATENT",), empty(16, 6)),
        ("Wan22ImageToVideoLatent", wan22, ("LATENT",), empty(16, 4)),
        ("LTXVImgToVideo", ltx, both, from_image(32, 8)),
    ]
    return [NodeClass(name=name, inputs=inputs, returns=returns, run=run) for name, inputs, returns, run in rows]


def _samplers() -> list[NodeClass]:
    steps, to = {"steps": whole(20, 1, 10000)}, {"latent_image": link("LATENT")}
    usual = {"cfg": real(8, 0, 100), "sampler_name": SAMPLERS, "scheduler": SCHEDULERS, **GUIDED, **to}
    plain = {"model": link("MODEL"), "seed": SEED, **steps, **usual, "denoise": real(1, 0, 1)}
    switch = one_of("enable", "disable")
    part = {"start_at_step": whole(0, 0, 10000), "end_at_step": whole(10000, 0, 10000)}
    advanced = {"model": link("MODEL"), "add_noise": switch, "noise_seed": SEED, **steps, **usual, **part}
    advanced["return_with_leftover_noise"] = switch
    custom = {"noise": link("NOISE"), "guider": link("GUIDER"), "sampler": link("SAMPLER"), "sigmas": link("SIGMAS")}
    old = {"model": link("MODEL"), "add_noise": flag(True), "noise_seed": SEED, "cfg": real(8, 0, 100), **GUIDED}
    old |= {"sampler": link("SAMPLER"), "sigmas": link("SIGMAS"), **to}
    basic = {"model": link("MODEL"), "scheduler": SCHEDULERS, **steps, "denoise": real(1, 0, 1)}
    ltx = {**steps, "max_shift": real(2.05), "base_shift": real(0.95), "stretch": flag(True), "terminal": real(0.1)}
    rows: list[tuple[str, Mapping[str, Input], tuple[str, ...], Any]] = [
        ("KSampler", plain, ("LATENT",), sample),
        ("KSamplerAdvanced", advanced, ("LATENT",), sample),
        ("SamplerCustomAdvanced", {**custom, **to}, ("LATENT", "LATENT"), sample),
        ("SamplerCustom", old, ("LATENT", "LATENT"), sample),
        ("BasicScheduler", basic, ("SIGMAS",), schedule),
        ("LTXVScheduler", {**ltx, "latent": optional(link("LATENT"))}, ("SIGMAS",), schedule),
    ]
    return [NodeClass(name=name, inputs=inputs, returns=returns, run=run) for name, inputs, returns, run in rows]


def _pictures() -> list[NodeClass]:
    coded = {"samples": link("LATENT"), "vae": link("VAE")}
    tiled = {**coded, "tile_size": whole(512, 64, 4096, 32), "overlap": whole(64, 0, 4096, 32)}
    tiled |= {"temporal_size": whole(64, 8, 4096, 4), "temporal_overlap": whole(8, 4, 4096, 4)}
    sides = {"width": whole(512, 0), "height": whole(512, 0)}
    drawn = {**sides, "batch_size": whole(1, 1, 4096), "color": whole(0, 0, 0xFFFFFF)}
    scaled = {"image": link("IMAGE"), "upscale_method": one_of("nearest-exact", "bilinear", "area", "lanczos"), **sides}
    placed = {"destination": link("IMAGE"), "source": link("IMAGE"), "x": whole(0, 0), "y": whole(0, 0)}
    placed |= {"resize_source": flag(), "mask": optional(link("MASK"))}
    file = Input(kind="COMBO", values=FILES, options={"image_upload": True})
    video = {"images": link("IMAGE"), "fps": real(30, 1, 120), "audio": optional(link("AUDIO"))}
    rows: list[tuple[str, Mapping[str, Input], tuple[str, ...], Any]] = [
        ("VAEDecode", coded, ("IMAGE",), decode),
        ("VAEDecodeTiled", tiled, ("IMAGE",), decode),
        ("EmptyImage", drawn, ("IMAGE",), plain_image),
        ("LoadImage", {"image": file}, ("IMAGE", "MASK"), load_image),
        ("ImageScale", {**scaled, "crop": one_of("disabled", "center")}, ("IMAGE",), scale),
        ("RepeatImageBatch", {"image": link("IMAGE"), "amount": whole(1, 1, 4096)}, ("IMAGE",), repeat),
        ("ImageCompositeMasked", placed, ("IMAGE",), composite),
        ("StringLength", {"string": text()}, ("INT",), length_of),
        ("CreateVideo", video, ("VIDEO",), create_video),
        ("PrimitiveString", {"value": text(multiline=False)}, ("STRING",), value),
        ("PrimitiveStringMultiline", {"value": text()}, ("STRING",), value),
        ("PrimitiveInt", {"value": whole(0, -(2**63), 2**63 - 1)}, ("INT",), value),
        ("PrimitiveFloat", {"value": real(0, -1e18, 1e18)}, ("FLOAT",), value),
        ("PrimitiveBoolean", {"value": flag()}, ("BOOLEAN",), value),
    ]
    return [NodeClass(name=name, inputs=inputs, returns=returns, run=run) for name, inputs, returns, run in rows]


def _savers() -> list[NodeClass]:
    images, prefix = {"images": link("IMAGE")}, {"filename_prefix": text("ComfyUI", multiline=False)}
    video = {"video": link("VIDEO"), **prefix, "format": one_of("auto", "mp4"), "codec": one_of("auto", "h264")}
    webm = {**images, **prefix, "codec": one_of("vp9", "av1"), "fps": real(24, 0.01), "crf": real(32, 0, 63)}
    webp = {**images, **prefix, "fps": real(6, 0.01), "lossless": flag(True), "quality": whole(80, 0, 100)}
    webp["method"] = one_of("default", "fastest", "slowest")
    forms = one_of("image/gif", "image/webp", "video/h264-mp4", "video/webm")
    vhs = {**images, "frame_rate": real(8, 1), "loop_count": whole(0, 0, 100), **prefix, "format": forms}
    vhs |= {"pingpong": flag(), "save_output": flag(True), "meta_batch": optional(link("VHS_BatchManager"))}
    rows: list[tuple[str, Mapping[str, Input], Any, bool, str]] = [
        ("SaveVideo", video, save_video, True, "comfy_extras.nodes_video"),
        ("SaveWEBM", webm, save_webm, True, "comfy_extras.nodes_video"),
        ("SaveAnimatedWEBP", webp, save_webp, False, "comfy_extras.nodes_images"),
        ("SaveImage", {**images, **prefix}, save_frames("output"), False, "nodes"),
        ("PreviewImage", images, save_frames("temp"), False, "nodes"),
    ]
    made = [
        NodeClass(name=name, inputs=inputs, returns=(), run=run, is_output=True, modern=modern, module=module)
        for name, inputs, run, modern, module in rows
    ]
    suite = "custom_nodes.ComfyUI-VideoHelperSuite"
    names = ("VHS_FILENAMES",)
    made.append(
        NodeClass(name="VHS_VideoCombine", inputs=vhs, returns=names, run=combine, is_output=True, module=suite)
    )
    return [*made, _plain("VHS_BatchManager", "VHS_BatchManager", frames_per_batch=whole(16))]


NODES: Mapping[str, NodeClass] = {
    one.name: one for one in [*_loaders(), *_conditioning(), *_latents(), *_samplers(), *_pictures(), *_savers()]
}
