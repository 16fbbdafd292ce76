"""How the fake misbehaves: set in process (`fake.turn(…)`) or over HTTP (`POST /_fake/knobs`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OUT_OF_MEMORY = ("torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 9.50 GiB. GPU 0 has 24 GiB.")
MODELS = (
    "clip_vision_h.safetensors",
    "hunyuan_video_t2v_720p_bf16.safetensors",
    "hunyuan_video_vae_bf16.safetensors",
    "clip_l.safetensors",
    "llava_llama3_fp8_scaled.safetensors",
    "ltx-video-2b-v0.9.5.safetensors",
    "t5xxl_fp16.safetensors",
    "umt5_xxl_fp8_e4m3fn_scaled.safetensors",
    "v1-5-pruned-emaonly-fp16.safetensors",
    "wan2.1_t2v_1.3B_fp16.safetensors",
    "wan2.1_i2v_480p_14B_fp16.safetensors",
    "wan2.1_i2v_480p_14B_fp8_scaled.safetensors",
    "wan2.2_ti2v_5B_fp16.safetensors",
    "wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors",
    "wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors",
    "wan2.2_vae.safetensors",
    "wan_2.1_vae.safetensors",
)
"""The model files that every loader of the fake lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How one route answers instead of (`before`) or after having done its work.

    `hang`: no answer at all until the knob is turned; `delay`: seconds before it. `late`: the work is done so many
    seconds later, also when the client is gone by then; `last`: when the next request of this route has been answered.
    `cut`: the connection breaks after so many bytes of the body (0: before the status); `drip`: seconds between two
    pieces of the body.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    before: bool = False
    delay: float = 0.0
    late: float | None = None
    last: bool = False
    hang: bool = False
    cut: int | None = None
    drip: float | None = None


@dataclass(slots=True, kw_only=True)
class Knobs:
    """The state of all faults; as made, there is none.

    `replies` has, by route (`prompt`, `view`, `history`, `queue`, `system_stats`, `upload`, `jobs`, …), how often and
    how the next requests are answered: `[times, Reply]`, times -1 for ever.
    """

    step_seconds: float = 0.0
    decode_seconds: float = 0.0
    """A node that never looks whether it was interrupted takes so long."""
    hold_at: int | None = None
    """Samplers wait before this step (counted from 0) until the knob is turned, or they are interrupted."""
    fail_at: int | None = None
    fail_with: tuple[str, str] = ("RuntimeError", "The size of tensor a (8) must match the size of tensor b (4)")
    fail_times: int = -1
    stall: bool = False
    """The worker takes nothing from the queue."""
    previews: bool = False
    """As `--preview-method auto`; without it only newer versions send previews, to whoever asks for them."""
    ws_silent: bool = False
    ws_refused: int | None = None
    """The status that a WebSocket's handshake gets."""
    ws_drop_after: int | None = None
    """A WebSocket breaks after so many messages."""
    auth: str | None = None
    """Where `token` has to be: `bearer`, `query` (`?token=`), or `header` (`X-API-Key`)."""
    token: str = "comfy-secret-1"
    ws_auth: bool = True
    signed_views: bool = False
    """`/view` answers 302 to a signed address on another host, as Comfy Cloud does. To be set from the start."""
    max_upload: int = 100 * 1024 * 1024
    models: tuple[str, ...] = MODELS
    without: tuple[str, ...] = ()
    """Node classes that are not installed."""
    keep_cache: bool | None = None
    """Whether results outlive the next prompt; None: as the version does."""
    replies: dict[str, tuple[int, Reply]] = field(default_factory=dict)

    def turn(self, **values: Any) -> None:
        """Set knobs by their names, from Python or from JSON."""
        for name, value in values.items():
            if name == "replies":
                value = {route: (times, _reply(reply)) for route, (times, reply) in value.items()}
            elif isinstance(value, list):
                value = tuple(value)
            if name not in self.__slots__:
                raise KeyError(f"There is no knob {name}")
            setattr(self, name, value)

    def reply(self, route: str) -> Reply | None:
        """How this request is answered, if not as it should be."""
        times, reply = self.replies.get(route, (0, None))
        if reply is None or times == 0:
            return None
        self.replies[route] = (max(-1, times - 1), reply)
        return reply

    def failure(self, step: int) -> tuple[str, str] | None:
        """The type and the message of the exception that this step raises."""
        if self.fail_at != step or self.fail_times == 0:
            return None
        self.fail_times = max(-1, self.fail_times - 1)
        return self.fail_with


def _reply(value: Reply | Mapping[str, Any]) -> Reply:
    return value if isinstance(value, Reply) else Reply(**value)
