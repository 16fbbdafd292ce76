"""Writes the tables of settings.md, errors.md and engines/local.md from the code: `python docs/build_tables.py`.

Names, defaults, bounds and HTTP statuses come from the code; what the code cannot tell (an option's purpose, an error's
remedy) stands here, and a name without its words fails. A test fails when the files are not what this would write.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from starlette.requests import Request

from reelwright.api.errors import Dialect
from reelwright.api.huggingface import HUGGINGFACE
from reelwright.api.native import NATIVE
from reelwright.api.openai import OPENAI
from reelwright.api.openrouter import OPENROUTER
from reelwright.api.replicate import REPLICATE
from reelwright.engines.comfyui.options import Options as ComfyUIOptions
from reelwright.engines.huggingface.options import Options as HuggingFaceOptions
from reelwright.engines.huggingface.options import Route
from reelwright.engines.local.footprint import WORDS, Kind, Room, needs, usable
from reelwright.engines.local.options import Options as LocalOptions
from reelwright.engines.local.recipe import GIB, ImageRecipe, Recipe
from reelwright.engines.local.recipes import IMAGE_RECIPES, RECIPES
from reelwright.engines.openai.options import Options as OpenAIOptions
from reelwright.engines.sketch.engine import SketchEngine
from reelwright.errors import Code, ReelwrightError
from reelwright.settings import Settings, environment_name

DOCS = Path(__file__).parent

GROUPS = {
    "hf_token": "Hugging Face and inference providers",
    "port": "Address and browsers",
    "database_url": "Database and files",
    "engine": "Engines and models",
    "api_keys": "API keys",
    "allowed_hosts": "What is refused",
    "mcp": "Assistants, proxies and networks",
    "workers": "Processes",
    "upscalers_dir": "Larger frames",
    "log_format": "Logs",
    "max_body_mb": "Limits of the server",
    "job_timeout_s": "Time",
    "engine_memory_mb": "Engine processes",
}
"""The headings of the settings' page, each before the setting that it names."""

SKETCH = {"threads": "How many frames are drawn in parallel. The picture does not depend on it."}

HUGGINGFACE_OPTIONS = {
    "text_to_video": "`[[provider, model], …]`: which providers are asked for text to video, in this order. A third "
    "item is the provider's own name of the model.",
    "image_to_video": "`[[provider, model], …]`: the same for image to video.",
    "endpoint_url": "The exact address of a dedicated endpoint. It is asked first; the two lists above are then empty "
    "unless they are given.",
    "chain": '`{"text_to_image": [provider, model]}`: an image is made from the prompt, then the video from it.',
    "slots": "How many jobs run at the same time.",
    "max_bytes": "Largest video that is accepted from the other server, in bytes.",
    "max_image_bytes": "Largest image of a chain, in bytes.",
    "connect_seconds": "Longest time that opening a connection may take.",
    "idle_seconds": "Longest time without a byte while an answer is being read.",
    "route_seconds": "Longest time an accepted job may take at one provider before the next is asked; null: the job's.",
    "tries": "How often those providers that answered “come back later” are asked, in all.",
    "first_wait_seconds": "The wait before such a provider is asked again, if it names none; it doubles each time.",
    "poll_seconds": "Shortest time between two requests for a job's state.",
    "breaker_failures": "A provider that failed this often in a row is asked last for `breaker_seconds`.",
    "breaker_seconds": "See `breaker_failures`.",
}

COMFYUI_OPTIONS = {
    "urls": "Addresses of running ComfyUIs; otherwise those of `REELWRIGHT_COMFYUI_URL`.",
    "workflows": "Folders and files; otherwise the folder of `REELWRIGHT_COMFYUI_WORKFLOWS`.",
    "jobs_per_url": "How many jobs one ComfyUI is given at a time; it renders one after the other.",
    "tries": "How often one job is submitted at most, if a ComfyUI loses it.",
    "poll_seconds": "Shortest time between two requests for a job's state.",
    "lost_looks": "A job counts as lost after a ComfyUI has not known it at this many requests in a row.",
    "stall_seconds": "A ComfyUI counts as down when jobs wait there and none has run for this long.",
    "previews": "How previews are made: `auto`, `latent2rgb`, `taesd` or `none`.",
    "preview_seconds": "Shortest time between two previews.",
    "max_bytes": "Largest video that is accepted from the other server, in bytes.",
    "max_image_bytes": "Largest picture that is uploaded, in bytes.",
    "connect_seconds": "Longest time that opening a connection may take.",
    "idle_seconds": "Longest time without a byte while an answer is being read.",
    "route_seconds": "Longest time a job may take at one ComfyUI before the next is asked; null: the job's.",
    "breaker_failures": "A ComfyUI that failed this often in a row is asked last for `breaker_seconds`.",
    "breaker_seconds": "See `breaker_failures`.",
    "exclusive": "Whether Reelwright alone uses these ComfyUIs. Versions before 0.3.57 can only stop whatever "
    "runs; a cancelled job is stopped there only if this is true.",
    "auth_header": "The header that carries `REELWRIGHT_COMFYUI_TOKEN`: after `Bearer` in `Authorization`, in another "
    "one as it is.",
}

OPENAI_OPTIONS = {
    "upstreams": "Addresses, or objects with more than that ([details](engines/openai.md#settings-of-each-server)); "
    "otherwise those of `REELWRIGHT_UPSTREAM_URL`.",
    "models": "The models' cards: names, cards, or a file with a server's answer to `GET /v1/models` "
    "([details](engines/openai.md#models)).",
    "auth_header": "The header that carries `REELWRIGHT_UPSTREAM_TOKEN`: after `Bearer` in `Authorization`, in another "
    "one as it is.",
    "jobs_per_url": "How many jobs each server has at a time, on average. A job that waits there is outside the fair "
    "queue, and its time limit runs already.",
    "max_bytes": "Largest video that is accepted from the other server, in bytes.",
    "connect_seconds": "Longest time that opening a connection may take.",
    "idle_seconds": "Longest time without a byte while an answer is being read.",
    "route_seconds": "Longest time a job may take at one server before the next is asked; null: the job's.",
    "poll_seconds": "Shortest time between two requests for a job's state.",
    "lost_seconds": "A job counts as lost after its server has not known it for this long, at three requests or more.",
    "gone_seconds": "A server that does not answer for this long is given up, if there is another one and "
    "`when_lost` allows it.",
    "file_seconds": "How long the file of a completed job may still be missing.",
    "submissions": "How often one job is sent at most, if a server fails or loses it.",
    "tries": "How often busy servers are asked, in all.",
    "first_wait_seconds": "Wait before they are asked again; it doubles each time.",
    "breaker_failures": "A server that failed this often in a row is asked last for `breaker_seconds`.",
    "breaker_seconds": "See `breaker_failures`.",
}

LOCAL_OPTIONS = {
    "models": "What is offered: a list of names, or names with folders, Hub ids or settings "
    "([details](engines/local.md#your-own-models)).",
    "device": "`auto`, `cuda`, `cuda:1`, `mps` or `cpu`.",
    "placement": "Where the weights are during a job: `resident`, `model`, `grouped` or `lean`; null: the fastest "
    "that fits.",
    "memory": "Bytes of the device's memory that may be used; null: all of it.",
    "share": "The part of the device's memory that one engine process may use; the server sets it when several "
    "share a GPU.",
    "speed": "`plain` (as diffusers runs it), `exact` (equal within rounding) or `fast` (approximations); `auto`: "
    "`exact` on a GPU, else `plain`.",
    "gpus_per_video": "How many GPUs compute each video together "
    "([details](engines/local.md#several-gpus-for-one-video)).",
    "quantization": "`int8` or `float8`: the weights of transformers and text encoders in 8 bits, half of their "
    "memory; `layerwise`: those of the denoising network alone, UNets too; null: as the model has them.",
    "attention": "diffusers' name of an attention backend, such as `sage_hub` or `_flash_3_hub` (these fetch compiled "
    "code from the Hub); null: torch's own.",
    "compile": "Whether `exact` and `fast` compile the model; null: on CUDA.",
    "batch": "How many compatible requests may share one run; 1: every result is exact.",
    "batch_window": "Seconds that the first of them waits for others.",
    "idle_seconds": "Seconds until unused weights are removed from memory.",
    "preload": "A model that is loaded when the server starts, not by its first job.",
    "checkpoint_steps": "A checkpoint is saved after so many steps or `checkpoint_seconds`, whichever comes first.",
    "checkpoint_seconds": "See `checkpoint_steps`.",
    "preview_seconds": "Seconds between two previews; 0: none.",
    "lora_folder": "Folder with the LoRA files that requests may name; null: requests may name none.",
    "lora_hub": "Whether requests may name LoRAs of the Hub that were fetched with `reelwright pull --lora`.",
    "image": "The text-to-image model of recipes that animate an image: `sdxl-turbo`, `sd-turbo`, `sdxl`, "
    "`flux-schnell`, `z-image-turbo`.",
}

ERRORS: Mapping[Code, tuple[str, str]] = {
    Code.PROMPT_MISSING: ("No `prompt`, or not a string", "Send `prompt`"),
    Code.PROMPT_EMPTY: ("The prompt is only white space", "Send words"),
    Code.INVALID_FIELD: (
        "A field has the wrong type or is out of range",
        "The message names the field and what is allowed",
    ),
    Code.MALFORMED_REQUEST: (
        "The request is not valid HTTP/1.1; the connection is closed",
        "The message says what is wrong",
    ),
    Code.MALFORMED_BODY: ("The body is not valid JSON, form or UTF-8", "The message says what is wrong and where"),
    Code.UNSUPPORTED_MEDIA_TYPE: (
        "A `Content-Type` or `Content-Encoding` that this server does not read",
        "Send JSON or a form, uncompressed or in gzip",
    ),
    Code.HEAD_TOO_LARGE: ("The head of the request, or the trailer of its body, is larger than 64 KiB", "Send less"),
    Code.BODY_TOO_LARGE: (
        "The body is larger than `REELWRIGHT_MAX_BODY_MB`",
        "Send a smaller image, or raise the limit",
    ),
    Code.BODY_TOO_SLOW: ("The body arrived too slowly", "Send it faster"),
    Code.PRECONDITION_FAILED: (
        "`If-Match` or `If-Unmodified-Since` names another version than there is",
        "Fetch the file anew",
    ),
    Code.METHOD_NOT_ALLOWED: ("The path exists, but not for this method", "`Allow` and the message name the methods"),
    Code.RANGE_NOT_SATISFIABLE: ("A `Range` beyond the end of the file", "`Content-Range` tells its size"),
    Code.MODEL_NOT_FOUND: ("The server has no model of this name", "The message lists the models there are"),
    Code.MODEL_NOT_READY: (
        "The model's weights are not on the server's machine, or a file of them is damaged",
        "The message names the command that fetches them",
    ),
    Code.IDEMPOTENCY_CONFLICT: (
        "The `Idempotency-Key` came before with another body",
        "Use a new key for a new request",
    ),
    Code.NOT_IMPLEMENTED: (
        "A `Transfer-Encoding` other than chunked, or CONNECT; the connection is closed",
        "Name a compressed body with `Content-Encoding`",
    ),
    Code.UNAUTHORIZED: ("The API key is missing or wrong", "`Authorization: Bearer <key>`"),
    Code.FORBIDDEN: (
        "A web page of an origin that is not listed, or an API key without the scope",
        "The message says which: add the origin to `CLIENT_URL`, or use a key with the scope",
    ),
    Code.MISDIRECTED: ("A host name that this server does not answer to", "Add it to `REELWRIGHT_ALLOWED_HOSTS`"),
    Code.NOT_FOUND: ("No such video or route, or not yours", "Check the id and the key"),
    Code.CONFLICT: ("The video's present state does not allow this", "Read its `status` first"),
    Code.RATE_LIMITED: ("Too many requests", "Wait for `Retry-After` seconds"),
    Code.QUEUE_FULL: (
        "The queue is full, for everybody or for this API key",
        "Wait for `Retry-After` seconds; `REELWRIGHT_MAX_QUEUED`, `REELWRIGHT_KEY_MAX_WAITING`",
    ),
    Code.QUOTA_EXCEEDED: (
        "The API key has used up its daily limit, or its space for stored videos",
        "Wait for `Retry-After` seconds, or delete videos; [limits](keys.md#limits)",
    ),
    Code.UNAVAILABLE: ("The database is busy", "Wait for `Retry-After` seconds"),
    Code.STORAGE_FULL: ("The disk is full", "Free some space, or set `REELWRIGHT_KEEP_GB`"),
    Code.ENGINE_NOT_CONFIGURED: (
        "The engine that was asked for cannot work here",
        "`reelwright doctor` says what it lacks",
    ),
    Code.UPSTREAM_UNAUTHORIZED: ("The provider refuses the token or the key", "Check it with `reelwright doctor`"),
    Code.UPSTREAM_FORBIDDEN: ("The token may not do this", "Give it the Inference Providers permission"),
    Code.UPSTREAM_NOT_FOUND: ("The provider does not have the model", "Choose another model or provider"),
    Code.UPSTREAM_PAYMENT_REQUIRED: ("The account's credits are used up", "Add credits at the provider"),
    Code.UPSTREAM_RATE_LIMITED: ("The provider limits the rate", "Wait for `Retry-After` seconds"),
    Code.UPSTREAM_LOADING: ("The provider is still loading the model", "Wait for `Retry-After` seconds"),
    Code.UPSTREAM_EMPTY: ("The provider sent nothing", "Try again; another provider may help"),
    Code.UPSTREAM_ERROR: ("The provider failed or was not reachable", "Try again; another provider may help"),
    Code.REFUSED: ("The provider's moderation, or this server's own, refused the prompt", "Change the prompt"),
    Code.BAD_OUTPUT: (
        "The file that the provider or endpoint sent is not a complete video",
        "Try again; another provider may help",
    ),
    Code.TIMED_OUT: (
        "The job made no progress for too long, or took longer than its limit",
        "Fewer frames, or raise `REELWRIGHT_JOB_TIMEOUT_S`",
    ),
    Code.UNKNOWN_OUTCOME: (
        "The server was killed while it sent the request to a provider, which may have billed it",
        "Look at the provider's account before you ask again",
    ),
    Code.OUT_OF_MEMORY: ("The engine ran out of memory", "Fewer frames or a smaller size"),
    Code.ENGINE_CRASHED: (
        "The engine's process died; the next job gets a new one",
        "Try again; the log has the reason",
    ),
    Code.ENGINE_FAILED: ("The engine failed", "The message says how; the log has more"),
    Code.CANCELLED: ("Somebody cancelled the job, or its caller hung up", "Ask again if it was not you"),
    Code.CORRUPT: ("The finished file is damaged or gone", "Make the video again; check the disk"),
    Code.CONFIGURATION: (
        "A setting is wrong; the server does not start (exit code 2)",
        "The message names the setting",
    ),
    Code.INTERNAL: ("A fault of this server", "Report it with the `request_id` and the log"),
}


def settings_table() -> str:
    groups: list[tuple[str, list[tuple[str, ...]]]] = []
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            groups.append((GROUPS[name], []))
        bounds = "; ".join(
            f"{sign} {getattr(one, key):,}" for one in field.metadata for key, sign in _SIGNS if hasattr(one, key)
        )
        default = "" if field.default in (None, (), {}, "") else f"`{_plain(field.default)}`"
        words = ", ".join(f"`{word}`" for word in _words(field.annotation))
        told = " ".join(part for part in (field.description, f"({words or bounds})" if words or bounds else "") if part)
        groups[-1][1].append((f"`{environment_name(name)}`", f"`--{name.replace('_', '-')}`", default, told))
    head = ("Variable", "Flag of `serve`", "Default", "Meaning")
    return "\n\n".join(f"### {title}\n\n{_table(head, rows)}" for title, rows in groups)


def options_tables() -> str:
    threads = inspect.signature(SketchEngine.__init__).parameters
    sketch = {name: one.default for name, one in threads.items() if name != "self"}
    huggingface = _defaults(HuggingFaceOptions)
    huggingface["chain"] = huggingface.pop("text_to_image")
    del huggingface["left_out"]  # follows from the keys
    openai = _defaults(OpenAIOptions)
    openai["models"] = None
    parts = []
    for engine, defaults, words in (
        ("sketch", sketch, SKETCH),
        ("huggingface", huggingface, HUGGINGFACE_OPTIONS),
        ("local", _defaults(LocalOptions), LOCAL_OPTIONS),
        ("comfyui", _defaults(ComfyUIOptions), COMFYUI_OPTIONS),
        ("openai", openai, OPENAI_OPTIONS),
    ):
        if set(defaults) != set(words):
            raise SystemExit(
                f"docs/build_tables.py: the options of {engine} and their words differ: {set(defaults) ^ set(words)}"
            )
        rows = [(f"`{name}`", f"`{json.dumps(defaults[name])}`", words[name]) for name in words]
        parts.append(f"### `{engine}`\n\n" + _table(("Option", "Default", "Meaning"), rows))
    return "\n\n".join(parts)


def errors_table() -> str:
    if missing := set(Code) - set(ERRORS):
        raise SystemExit(f"docs/build_tables.py: no words for {', '.join(sorted(missing))}")
    dialects = (NATIVE, OPENAI, HUGGINGFACE, REPLICATE, OPENROUTER)
    rows = [
        (f"`{code}`", ERRORS[code][0], *(str(_status(dialect, code)) for dialect in dialects), ERRORS[code][1])
        for code in Code
    ]
    return _table(("Code", "Meaning", "native", "OpenAI", "Hugging Face", "Replicate", "OpenRouter", "Remedy"), rows)


CARDS = {"8 GB": 7.6, "12 GB": 11.76, "16 GB": 15.7, "24 GB": 23.64, "32 GB": 31.4, "48 GB": 47.4, "80 GB": 79.1}
"""What cards of these names report, in GiB."""


def recipes_table() -> str:
    rows = []
    for name, recipe in RECIPES.items():
        defaults = f"{recipe.width}x{recipe.height}, {recipe.frames} frames, {recipe.fps} fps, {recipe.steps} steps"
        rows.append(
            (
                f"`{name}`",
                f"{recipe.title}" + (f": `{recipe.repo}`" if recipe.repo else ""),
                ", ".join(variant.task.removesuffix("-to-video") for variant in recipe.variants),
                defaults,
                _download(recipe),
                "yes" if recipe.resumes else "no",
                recipe.license,
            )
        )
    return _table(("Name", "Model", "From", "Defaults", "Download", "Resumes", "Licence"), rows)


def _download(recipe: Recipe) -> str:
    """In GB, with two bytes a number, as most repositories keep them; with the stage that makes an image, if any."""
    stages: list[Recipe | ImageRecipe] = [recipe]
    if any(variant.via_image for variant in recipe.variants):
        stages.append(IMAGE_RECIPES["sdxl-turbo"])
    numbers = sum(sum(stage.parameters.values()) for stage in stages) * 1e6
    return f"{numbers * 2 / 1e9:.0f} GB" if recipe.parameters else "–"


def cards_table() -> str:
    """Where each model's weights are at its default size, on cards with nothing else on them."""
    rows = []
    for name, recipe in RECIPES.items():
        if not recipe.parameters:
            continue
        on_card, without = needs(recipe, Kind.CARD), needs(recipe, Kind.CPU)
        size = (recipe.width, recipe.height, recipe.frames)
        places = []
        for gib in CARDS.values():
            room = Room(kind=Kind.CARD, device=usable(round(gib * GIB)), main=10**15)
            tier = on_card.choose(room, *size)
            fits = tier is not None and on_card.takes(tier, Kind.CARD, *size).device <= room.device
            places.append((WORDS[tier.placement] + (", tiles" * tier.tiled_decode)) if tier and fits else "–")
        lean = without.possible(Kind.CPU)[-1]
        main = on_card.takes(on_card.tiers[1], Kind.CARD, *size).main
        alone = without.takes(lean, Kind.CPU, *size).main
        rows.append((f"`{name}`", *places, f"{main / GIB:.0f}", f"{alone / GIB:.0f}"))
    return _table(("Model", *CARDS, "Main memory", "Without a GPU"), rows)


def page(path: Path) -> str:
    """The file's text with its generated parts as they should be."""
    tables = {
        "settings": settings_table,
        "options": options_tables,
        "errors": errors_table,
        "recipes": recipes_table,
        "cards": cards_table,
    }
    text = path.read_text()
    for name, table in tables.items():
        marked = re.compile(rf"(<!-- {name}: written by build_tables.py -->\n).*?(<!-- end -->)", re.DOTALL)
        text = marked.sub(lambda match, table=table: f"{match[1]}\n{table()}\n\n{match[2]}", text)
    return text


def pages() -> Iterable[Path]:
    return (DOCS / "settings.md", DOCS / "errors.md", DOCS / "engines" / "local.md")


def _status(dialect: Dialect, code: Code) -> int:
    """The HTTP status of an error, from the dialect itself."""
    scope: dict[str, Any] = {"type": "http", "headers": [], "path": "/", "state": {"begun": 0.0, "request_id": "req_0"}}
    return dialect.render(Request(scope), ReelwrightError("", code=code), datetime.now(UTC)).status_code


def _defaults(options: type[Any]) -> dict[str, Any]:
    """The options as they are when none is given, as JSON has them."""
    values = {field.name: getattr(options.parse({}), field.name) for field in dataclasses.fields(options)}
    return {name: _as_json(value) for name, value in values.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return list(value)
    if isinstance(value, tuple):
        return [[one.provider, one.model] if isinstance(one, Route) else str(one) for one in value]
    return value


def _words(annotation: Any) -> list[str]:
    options = [annotation, *get_args(annotation)]
    return [str(word) for option in options if get_origin(option) is Literal for word in get_args(option)]


_SIGNS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"))


def _plain(value: object) -> str:
    return (
        ",".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else str(value)
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    for one in pages():
        one.write_text(page(one))
