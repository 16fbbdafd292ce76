"""In what the servers that speak `/v1/videos` differ, as data.

Read in the sources of vLLM-Omni (`entrypoints/openai/{api_server,stores,protocol/videos}.py`), SGLang
(`multimodal_gen/runtime/entrypoints/openai/{video_api,stores,protocol}.py`) and Aquiles-Image (`aquilesimage/main.py`,
`utils/task.py`). LiteLLM is no profile: it stands in front of one (`litellm.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Progress(StrEnum):
    """What the field `progress` does while a job runs."""

    ENDS = "ends"
    """0, then 100."""
    INVENTED = "invented"
    """0 to 90 within 5 s, whatever is done."""
    MEASURED = "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of server.

    `multipart`: `always` read, only `with an image`; `json`: whether JSON is. `reads`: the only fields that count
    (None: all). `sizes`: the only sizes (None: any). `whole_seconds`: other values of `seconds` are a 422. `bounds`:
    the greatest values of some fields. `takes_image`: whether there is a model that does. `served`: the one name that
    `model` may have (None: any). `running`: the word for a job that runs. `failed_status`: the HTTP status of a look at
    a failed job. `early_content`, `failed_content`: those of its content before the end and after a failure. `deletes`:
    whether DELETE also ends the work (`cancels`) or only `forgets` it. `lists`: with the `prompts`, or without
    (`plain`). `queues`: further jobs wait; else they are a 503. `once`: an `Idempotency-Key` is honoured.
    `openai_errors`: errors are `{"error": {…}}`, else `{"detail": …}`. `ranges`: parts of a file can be had.
    `open_content`: the content needs no key. `events`: there is a stream of them.
    """

    name: str
    multipart: str = "always"
    json: bool = True
    reads: frozenset[str] | None = None
    sizes: tuple[str, ...] | None = None
    whole_seconds: bool = False
    bounds: Mapping[str, float] | None = None
    takes_image: bool = True
    served: str | None = None
    default_frames: int = 24
    default_fps: int = 24
    running: str = "in_progress"
    progress: Progress = Progress.ENDS
    failed_status: int = 200
    early_content: int = 404
    failed_content: int = 404
    deletes: str = "forgets"
    lists: str = "plain"
    queues: bool = True
    once: bool = False
    openai_errors: bool = False
    ranges: bool = True
    open_content: bool = False
    events: bool = False


VLLM_OMNI = Profile(
    name="vllm-omni",
    json=False,
    whole_seconds=True,
    bounds={"num_inference_steps": 200, "guidance_scale": 20, "guidance_scale_2": 20},
    served="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
    failed_status=500,
    failed_content=422,
    deletes="cancels",
    lists="prompts",
)
SGLANG = Profile(name="sglang", whole_seconds=True, running="queued")
SGLANG_OLD = Profile(name="sglang-old", multipart="with an image", whole_seconds=True, running="queued")
AQUILES = Profile(
    name="aquiles",
    reads=frozenset({"prompt", "model", "size", "seconds", "input_reference"}),
    sizes=("720x1280", "1280x720", "1024x1792", "1792x1024"),
    takes_image=False,
    default_frames=9,
    default_fps=16,
    running="processing",
    progress=Progress.INVENTED,
    early_content=500,
    failed_content=500,
    queues=False,
    open_content=True,
)
REELWRIGHT = Profile(
    name="reelwright",
    default_fps=12,
    progress=Progress.MEASURED,
    early_content=409,
    failed_content=400,
    deletes="cancels",
    lists="prompts",
    once=True,
    openai_errors=True,
    events=True,
)

PROFILES: Mapping[str, Profile] = {one.name: one for one in (VLLM_OMNI, SGLANG, SGLANG_OLD, AQUILES, REELWRIGHT)}
