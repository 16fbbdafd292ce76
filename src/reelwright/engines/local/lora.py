"""LoRA adapters of one request: which ones it may name, and putting them on a pipeline for the length of one run.

Safetensors files only, from the configured folder or (if allowed) the Hub's local cache; a few, and of bounded size.
Torch is not imported here: the pipeline is handed in.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.engines.local import weights
from reelwright.engines.local.hub_cache import Repository
from reelwright.engines.local.overrides import MAX_WEIGHT
from reelwright.engines.local.recipe import Expert, Variant
from reelwright.errors import Code, EngineError
from reelwright.store.files import sha256_of

if TYPE_CHECKING:
    from reelwright.engines.local.options import Model, Options

MAX_LORAS = 4
MAX_BYTES = 2 * 1024**3

_FILE = re.compile(r"[\w][\w .-]*\.safetensors")
_HUB = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:/([\w][\w .-]*\.safetensors))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """`source` as the request named it, `file` where it is on this machine, `weight` how strongly it acts, `expert` on
    which of two denoisers.
    """

    source: str
    file: Path
    weight: float
    expert: Expert = Expert.BOTH

    @property
    def fact(self) -> dict[str, Any]:
        """What the record says of it."""
        fact: dict[str, Any] = {"source": self.source, "weight": self.weight}
        return fact if self.expert is Expert.BOTH else fact | {"expert": self.expert.value}

    def stamp(self) -> list[Any]:
        """Tells another file under the same name, too, without reading it: a distilled one has gigabytes.

        In the Hub's cache the file that the name leads to is called by its content.
        """
        status = self.file.stat()
        return [self.file.resolve().name, status.st_size, status.st_mtime_ns, self.weight, self.expert]

    def digest(self) -> str:
        """The SHA-256 of the file, hex: another one may lie under the same name."""
        return sha256_of(self.file)


def parse(value: object, model: Model, variant: Variant, options: Options) -> tuple[Lora, ...]:
    """The adapters in `params["loras"]`: a list of names or of {"source": name, "weight": 1.0}; for a model with two
    experts also {"high": name, "low": name}, where a single name acts on both.

    Raises EngineError (`invalid_field`) naming what is wrong.
    """
    if not value:
        return ()
    takes = model.image is not None and model.image.loras if variant.via_image else model.recipe.loras
    if not takes:
        raise _wrong(f"model {model.name!r} takes none for {variant.task.value}")
    if options.gpus_per_video > 1:
        raise _wrong(f"this server computes a video on {options.gpus_per_video} GPUs, which takes none")
    if options.quantization == "layerwise" and not variant.via_image:
        raise _wrong("this server's weights are kept in 8 bits layerwise, which takes none; int8 and float8 do")
    if not isinstance(value, list) or len(value) > MAX_LORAS:
        raise _wrong(f"it takes a list of at most {MAX_LORAS}")
    pairs = variant.via_image is False and "transformer_2" in model.recipe.parameters
    return tuple(lora for item in value for lora in _parse_one(item, options, pairs=pairs))


def _parse_one(item: object, options: Options, *, pairs: bool) -> Iterator[Lora]:
    fields = {"source": item} if isinstance(item, str) else item
    names = fields.keys() - {"weight"} if isinstance(fields, dict) else set()
    if not isinstance(fields, dict) or names not in ({"source"}, {"high", "low"}):
        raise _wrong('each is a name, {"source": name, "weight": number} or {"high": name, "low": name}')
    if "high" in names and not pairs:
        raise _wrong("only a model with two experts takes a pair")
    if not all(isinstance(fields[name], str) for name in names):
        raise _wrong("a name is a text")
    weight = fields.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
        raise _wrong(f"a weight lies between -{MAX_WEIGHT:g} and {MAX_WEIGHT:g}")
    for name in sorted(names):
        file = _find(fields[name], options)
        if file.stat().st_size > MAX_BYTES:
            raise _wrong(f"{fields[name]!r} is larger than {MAX_BYTES // 1024**3} GiB")
        expert = Expert.BOTH if name == "source" else Expert(name)
        yield Lora(source=fields[name], file=file, weight=float(weight), expert=expert)


def _find(source: str, options: Options) -> Path:
    if _FILE.fullmatch(source):
        file = Path(options.lora_folder).expanduser() / source if options.lora_folder else None
        if file is None or not file.is_file():
            raise _wrong(f"{source!r} is not in the server's LoRA folder")
        return file
    hub = _HUB.fullmatch(source)
    if hub is None:
        raise _wrong(f"{source!r} is neither the name of a .safetensors file nor a Hugging Face repository")
    if not options.lora_hub:
        raise _wrong("this server takes none from the Hugging Face Hub")
    return _find_in_cache(source, hub[1], hub[2])


def _find_in_cache(source: str, repo: str, name: str | None) -> Path:
    folder = Repository.of(repo).snapshot(None)
    if folder is None:
        raise _wrong(f"{source!r} is not on this machine; fetch it with: reelwright pull --lora {repo}")
    files = [folder / name] if name else sorted(folder.glob("*.safetensors"))
    if len(files) != 1 or not files[0].is_file():
        raise _wrong(f"{source!r} does not name exactly one .safetensors file; add the file's name")
    return files[0]


def always(model: Model) -> tuple[Lora, ...]:
    """The adapters that `model` always has on. Raises EngineError (`model_not_ready`) when one is not here."""
    found: list[Lora] = []
    for adapter in model.recipe.adapters:
        file = weights.find_adapter(model.name, adapter.repo, adapter.file).files[0]
        # A path is nobody's business.
        source = adapter.file if weights.is_folder(adapter.repo) else f"{adapter.repo}/{adapter.file}"
        found.append(Lora(source=source, file=file, weight=adapter.weight, expert=adapter.expert))
    return tuple(found)


def put_on(pipe: Any, loras: tuple[Lora, ...]) -> None:
    """For as long as `pipe` is loaded."""
    for number, lora in enumerate(loras):
        _put_on(pipe, f"always_{number}", lora)
    if loras:
        pipe.set_adapters([f"always_{number}" for number in range(len(loras))], [lora.weight for lora in loras])


@contextmanager
def applied(pipe: Any, loras: tuple[Lora, ...], standing: tuple[Lora, ...] = ()) -> Iterator[None]:
    """The adapters act on `pipe` inside the block, beside the `standing` ones, and are gone after it."""
    if not loras:
        yield
        return
    names = [f"lora_{number}" for number in range(len(loras))]
    stand = [f"always_{number}" for number in range(len(standing))]
    try:
        for name, lora in zip(names, loras, strict=True):
            _put_on(pipe, name, lora)
        pipe.set_adapters(stand + names, [lora.weight for lora in (*standing, *loras)])
        yield
    finally:
        if standing:
            pipe.delete_adapters(names)
            pipe.set_adapters(stand, [lora.weight for lora in standing])
        else:
            pipe.unload_lora_weights()


def _put_on(pipe: Any, name: str, lora: Lora) -> None:
    from safetensors import SafetensorError

    two = pipe.components.get("transformer_2") is not None
    # diffusers' own word for the expert of the last steps, which Wan's pipelines know.
    into: list[dict[str, bool]] = [{}] if lora.expert is not Expert.LOW else []
    into += [{"load_into_transformer_2": True}] if two and lora.expert is not Expert.HIGH else []
    try:
        for more in into:
            with warnings.catch_warnings():
                # Several adapters at a time are what is meant.
                warnings.filterwarnings("ignore", "Already found a `peft_config` attribute")
                pipe.load_lora_weights(
                    lora.file.parent,
                    weight_name=lora.file.name,
                    adapter_name=name,
                    use_safetensors=True,
                    local_files_only=True,
                    **more,
                )
    except (SafetensorError, ValueError, KeyError, OSError, RuntimeError) as error:
        raise _wrong(f"{lora.source!r} does not fit {type(pipe).__name__}") from error


def _wrong(why: str) -> EngineError:
    return EngineError(f"Invalid loras: {why}.", code=Code.INVALID_FIELD)
