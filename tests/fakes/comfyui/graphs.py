"""Small graphs of our own, in the API format, that stand for what people run."""

from __future__ import annotations

from typing import Any

Graph = dict[str, Any]


def node(kind: str, title: str = "", **inputs: Any) -> Graph:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind}}


def wan(
    *,
    prompt: str = "a red fox",
    seed: int = 1,
    steps: int = 4,
    width: int = 64,
    height: int = 64,
    frames: int = 5,
    fps: float = 8,
    prefix: str = "video/wan",
) -> Graph:
    """Text to video with a single sampler; 50 is the output."""
    conditioned = {"model": ["1", 0], "positive": ["4", 0], "negative": ["5", 0], "latent_image": ["6", 0]}
    sampled = {"cfg": 6.0, "sampler_name": "uni_pc", "scheduler": "simple", "denoise": 1.0}
    return {
        "1": node("UNETLoader", unet_name="wan2.1_t2v_1.3B_fp16.safetensors", weight_dtype="default"),
        "2": node("CLIPLoader", clip_name="umt5_xxl_fp8_e4m3fn_scaled.safetensors", type="wan", device="default"),
        "3": node("VAELoader", vae_name="wan_2.1_vae.safetensors"),
        "4": node("CLIPTextEncode", "Positive", text=prompt, clip=["2", 0]),
        "5": node("CLIPTextEncode", "Negative", text="blurry", clip=["2", 0]),
        "6": node("EmptyHunyuanLatentVideo", width=width, height=height, length=frames, batch_size=1),
        "7": node("KSampler", seed=seed, steps=steps, **sampled, **conditioned),
        "8": node("VAEDecode", samples=["7", 0], vae=["3", 0]),
        "49": node("CreateVideo", images=["8", 0], fps=fps),
        "50": node("SaveVideo", video=["49", 0], filename_prefix=prefix, format="auto", codec="auto"),
    }


def saved_by(saver: str, **inputs: Any) -> Graph:
    """The same with another saver as 50: of frames, not of a video."""
    graph = {name: one for name, one in wan().items() if name != "49"}
    return graph | {"50": node(saver, images=["8", 0], **inputs)}


def from_picture(picture: str = "fox.png", **more: Any) -> Graph:
    """Image to video."""
    size = {"width": more.get("width", 64), "height": more.get("height", 64), "length": more.get("frames", 5)}
    given = {"positive": ["4", 0], "negative": ["5", 0], "vae": ["3", 0], "start_image": ["9", 0]}
    graph = wan(**more) | {"9": node("LoadImage", image=picture)}
    graph["6"] = node("WanImageToVideo", **given, **size, batch_size=1)
    graph["7"]["inputs"] |= {"positive": ["6", 0], "negative": ["6", 1], "latent_image": ["6", 2]}
    return graph


def stills(
    *,
    seed: int = 1,
    steps: int = 0,
    width: int = 64,
    height: int = 48,
    frames: int = 4,
    fps: float = 8,
    prefix: str = "video/still",
) -> Graph:
    """Core nodes that need no model: a colour, as a video; with `steps`, through a sampler all the same (fake only)."""
    if steps:
        return wan(seed=seed, steps=steps, width=width, height=height, frames=frames, fps=fps, prefix=prefix)
    return {
        "1": node("EmptyImage", width=width, height=height, batch_size=1, color=seed % 0xFFFFFF),
        "2": node("RepeatImageBatch", image=["1", 0], amount=frames),
        "49": node("CreateVideo", images=["2", 0], fps=fps),
        "50": node("SaveVideo", video=["49", 0], filename_prefix=prefix, format="mp4", codec="h264"),
    }
