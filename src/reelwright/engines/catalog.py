"""Which engines there are, which of them can work here, and whether a draft is one that an engine can make.

All by data: cards, never engines. Nothing here imports torch, huggingface_hub or NumPy.
"""

from __future__ import annotations

import difflib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.engines.child import Spec
from reelwright.engines.engine import Card
from reelwright.engines.refinements import Refinements
from reelwright.engines.shape import choose_size
from reelwright.errors import BadRequest, Code, EngineError, invalid
from reelwright.video import MAX_PROMPT_CHARACTERS, MAX_SEED, Draft, Task, Unused, VideoSpec

OPTIONAL_FIELDS = (
    "negative_prompt",
    "num_inference_steps",
    "guidance_scale",
    "motion_bucket_id",
    "noise_aug_strength",
    "generate_audio",
    "last_image",
)
RETIRED_MODEL = re.compile(r"sora-2(-pro)?(-[0-9]{4}-[0-9]{2}-[0-9]{2})?")
"""Names that orphaned clients have hard-coded, dated ones too; they mean the configured engine."""

MAX_PARAMS_CHARACTERS = 16_384
"""Of the engine-specific extras, as JSON: they are stored with the video and told to the engine."""

MOST_UNUSED_PARAMS = 20
"""So many of them are named; they may be hundreds."""

DRAWN_SEED_BITS = 32
"""A drawn seed is told to JavaScript clients too, whose numbers hold 53 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What a model needs before it can make videos here. `why` is a sentence with the remedy; `pull`: the command that
    fetches it, None where none would. `damaged`: it is there, but not whole.
    """

    why: str
    pull: str | None
    damaged: bool


def lacks_nothing(_model: str, _task: Task) -> Lack | None:
    """Of an engine whose models need nothing on this machine."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One engine as this server offers it. `problem` is None when it can work here, else why not and what would help.

    `slots` is how many jobs one child takes side by side.
    `lack` tells what a model lacks for a task at this moment; `empty` is the problem of an engine whose models all
    lack something. `children`: how many processes it has; None: as many as every engine.
    """

    spec: Spec
    cards: tuple[Card, ...]
    slots: int = 1
    problem: str | None = None
    lack: Callable[[str, Task], Lack | None] = lacks_nothing
    empty: str = "No model of this engine is ready"
    children: int | None = None

    @property
    def trouble(self) -> str | None:
        """Why the engine could not make any video now; None when it could."""
        if self.problem or any(self.lacks(card, task) is None for card in self.cards for task in card.tasks):
            return self.problem
        return self.empty

    def lacks(self, card: Card, task: Task | None = None) -> Lack | None:
        """What the card's model lacks for this task, or for any of its tasks."""
        tasks = card.tasks if task is None else (task,)
        return next((lack for one in tasks if (lack := self.lack(card.model, one))), None)

    def makes(self) -> list[str]:
        """The models that are ready now, for one of their tasks at least."""
        return [card.model for card in self.cards if any(self.lacks(card, task) is None for task in card.tasks)]

    @property
    def ordered(self) -> tuple[Card, ...]:
        """The cards; those whose models are ready come first, and those that are ready for one task before the rest."""

        def unready(card: Card) -> float:
            return sum(self.lacks(card, task) is not None for task in card.tasks) / len(card.tasks)

        return tuple(sorted(self.cards, key=unready))


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The offers by engine name, the default engine and the reason for the choice, and what can be done to any clip."""

    offers: Mapping[str, Offer]
    default: str
    reason: str
    aliases: Mapping[str, str] = field(default_factory=dict)
    refinements: Refinements = field(default_factory=Refinements)

    def cards(self) -> tuple[Card, ...]:
        """The cards of all engines that can work here, the default engine's first, and of each those that are ready.

        The default engine's are told also when none of its models is ready: each says what it lacks.
        """
        ordered = sorted(self.offers, key=lambda name: name != self.default)
        usable = [self.offers[name] for name in ordered if self._is_told(name)]
        return tuple(card for offer in usable for card in offer.ordered)

    def possible_cards(self) -> tuple[Card, ...]:
        """The cards of every engine that can be started here, whatever their models lack now."""
        return tuple(card for offer in self.offers.values() if not offer.problem for card in offer.cards)

    def _is_told(self, engine: str) -> bool:
        offer = self.offers[engine]
        return not (offer.problem if engine == self.default else offer.trouble)

    @property
    def default_card(self) -> Card:
        return self.offers[self.default].ordered[0]

    def lack(self, card: Card) -> Lack | None:
        """What the card's model lacks for any of its tasks."""
        return self.offers[card.engine].lacks(card)

    @property
    def damages(self) -> tuple[str, ...]:
        """What is wrong with weights that are here, in words."""
        usable = [offer for offer in self.offers.values() if not offer.problem]
        found = [offer.lacks(card, task) for offer in usable for card in offer.cards for task in card.tasks]
        return tuple(dict.fromkeys(lack.why for lack in found if lack and lack.damaged))

    def card(self, engine: str | None, model: str | None, task: Task) -> Card:
        """The card for what was asked: where no model is named, the first that is ready.

        Raises `BadRequest` for an unknown name, `EngineError` when it cannot work.
        """
        if model is not None:
            model = self.aliases.get(model, model)
            if RETIRED_MODEL.fullmatch(model):
                model = None
        if engine is None and model in self.offers:
            engine, model = model, None
        if engine is not None and engine not in self.offers:
            raise BadRequest(
                f"Invalid engine: {engine[:80]!r}. This server has {', '.join(sorted(self.offers))}.", field="engine"
            )
        if model is None:
            return self._for_task(engine or self.default, task)
        return self._by_model(engine, model)

    def named(self, path: str) -> str | None:
        """The model that an `owner/name` path means: a model's own name, an alias, or `reelwright/<model or engine>`.

        `reelwright/default` is None, the configured engine. Raises `BadRequest` for any other path.
        """
        path = self.aliases.get(path, path)
        if path in ("reelwright/default", "reelwright/auto"):
            return None
        for card in self.cards():
            if path in (card.model, f"reelwright/{card.model}", f"reelwright/{card.engine}"):
                return card.model
        names = [card.model if "/" in card.model else f"reelwright/{card.model}" for card in self.cards()]
        raise BadRequest(
            f"Model {path[:160]} not found. This server has {', '.join(names)}.",
            code=Code.MODEL_NOT_FOUND,
            field="model",
        )

    def _for_task(self, engine: str, task: Task) -> Card:
        """The engine's first card that does the task, one that is ready before others; its first card at all when none
        does (the check then tells)."""
        offer = self._usable(engine)
        able = [card for card in offer.ordered if task in card.tasks]
        ready = (card for card in able if offer.lacks(card, task) is None)
        return next(ready, able[0] if able else offer.ordered[0])

    def _by_model(self, engine: str | None, model: str) -> Card:
        names = [engine] if engine else sorted(self.offers, key=lambda name: name != self.default)
        for name in names:
            for card in self.offers[name].cards:
                if card.model == model:
                    self._usable(name)
                    return card
        known = [card.model for card in self.cards()]
        close = difflib.get_close_matches(model[:120], known, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise BadRequest(
            f"Invalid model: {model[:120]!r}. This server has {', '.join(known)}.{hint}",
            code=Code.MODEL_NOT_FOUND,
            field="model",
        )

    def _usable(self, engine: str) -> Offer:
        offer = self.offers[engine]
        if offer.problem:
            raise EngineError(offer.problem, code=Code.ENGINE_NOT_CONFIGURED)
        return offer

    def resolve(
        self, draft: Draft, draw: Callable[[int], int] = secrets.randbits, *, only_ready: bool = True
    ) -> VideoSpec:
        """The complete, checked spec of a draft. `draw(bits)` draws a seed when none is given. `only_ready` false: a
        model whose weights are not here is as good as any.

        Raises `BadRequest` that names the field, the value and what is allowed; `EngineError` when the engine asked for
        cannot work here.
        """
        prompt = check_prompt(draft.prompt)
        task = Task.IMAGE_TO_VIDEO if draft.image else Task.TEXT_TO_VIDEO
        card = self.card(draft.engine, draft.model, task)
        _check_task(card, task)
        if only_ready and (lack := self.offers[card.engine].lacks(card, task)):
            raise BadRequest(lack.why, code=Code.MODEL_NOT_READY, field="model")
        size, unused = choose_size(card, draft)
        width, height = size
        fps = card.default_fps if draft.fps is None else draft.fps
        _check_range("fps", fps, 1, card.max_fps)
        num_frames = _frames(card, draft, fps)
        if draft.num_frames is not None and draft.seconds is not None and abs(draft.seconds * fps - num_frames) > 0.5:
            unused.append(Unused(field="seconds", reason=f"num_frames says {num_frames}, and the frames win."))
        _check_pixel_frames(card, draft, size, num_frames, fps)
        _check_optional(card, draft)
        interpolate, upscale = self.refinements.resolve(draft, width=width, height=height, num_frames=num_frames)
        kept = _honoured(card, draft)
        unused += _unused_options(card, draft, kept)
        return VideoSpec(
            prompt=prompt,
            engine=card.engine,
            model=card.model,
            task=task,
            width=width,
            height=height,
            num_frames=num_frames,
            fps=fps,
            seed=draw(DRAWN_SEED_BITS) if draft.seed is None else draft.seed,
            seed_given=draft.seed is not None,
            image=draft.image,
            params=dict(draft.params),
            interpolate=interpolate,
            upscale=upscale,
            unused=tuple(unused),
            **kept,
        )


def _check_task(card: Card, task: Task) -> None:
    if task in card.tasks:
        return
    need = "an image" if task is Task.TEXT_TO_VIDEO else "no image"
    raise BadRequest(
        f"Invalid image: the model {card.model} does {' and '.join(card.tasks)} only. Send {need}.", field="image"
    )


def _check_pixel_frames(card: Card, draft: Draft, size: tuple[int, int], num_frames: int, fps: int) -> None:
    """The error names the field that asked for the length: `seconds` or `num_frames`."""
    width, height = size
    if width * height * num_frames <= card.max_pixel_frames:
        return
    most = card.max_pixel_frames // (width * height)
    at = f"At {width}x{height} the model {card.model} makes at most"
    if draft.num_frames is None and draft.seconds is not None:
        raise invalid("seconds", draft.seconds, f"{at} {most / fps:.3g} seconds; ask for fewer.")
    raise invalid("num_frames", num_frames, f"{at} {most:,} frames; ask for fewer.")


def _unused_options(card: Card, draft: Draft, kept: Mapping[str, Any]) -> list[Unused]:
    """The optional fields and engine options of the draft that the card cannot honour. `kept`: those that it can."""
    fields = [
        Unused(field=name, reason=_why_unused(card, name))
        for name in OPTIONAL_FIELDS
        # `generate_audio` false is honoured by a model without sound: there is none.
        if name not in kept and getattr(draft, name) not in (None, False)
    ]
    options = [
        Unused(field=f"extra_params.{name[:80]}", reason=f"the model {card.model} has no such option.")
        for name in list(draft.params)[:MOST_UNUSED_PARAMS]
        if name not in card.params
    ]
    return fields + options


def check_prompt(prompt: str) -> str:
    """The prompt without surrounding white space, otherwise kept exactly. Raises `BadRequest`."""
    if prompt == "":
        raise BadRequest("The prompt is missing", code=Code.PROMPT_MISSING, field="prompt")
    trimmed = prompt.strip()
    if not trimmed:
        raise BadRequest("Prompt cannot be empty", code=Code.PROMPT_EMPTY, field="prompt")
    check_text("prompt", trimmed, MAX_PROMPT_CHARACTERS)
    return trimmed


def check_text(name: str, text: str, longest: int) -> None:
    """Text that every database keeps exactly: no NUL, no half of a surrogate pair, at most `longest` characters."""
    if len(text) > longest:
        raise BadRequest(
            f"Invalid {name}: {len(text):,} characters. At most {longest:,} are allowed; shorten it.", field=name
        )
    if "\x00" in text:
        raise BadRequest(f"Invalid {name}: it contains a NUL character (U+0000). Remove it.", field=name)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadRequest(f"Invalid {name}: it contains half of a surrogate pair. Send valid Unicode.", field=name)


def _honoured(card: Card, draft: Draft) -> dict[str, Any]:
    """The optional fields that shape the video, with their values."""
    kept = {name: getattr(draft, name) for name in OPTIONAL_FIELDS if name in card.honours}
    if draft.image is None and not card.ends_alone:
        kept.pop("last_image", None)
    return kept


def _why_unused(card: Card, name: str) -> str:
    if name in card.honours:
        return f"the model {card.model} takes it beside an image only."
    return f"the model {card.model} cannot do it."


def _frames(card: Card, draft: Draft, fps: int) -> int:
    if draft.seconds is not None and draft.num_frames is None:
        low, high = max(card.min_frames / fps, 0.01), card.max_frames / fps
        if not low <= draft.seconds <= high:
            raise invalid("seconds", draft.seconds, f"At {fps} fps it must be between {low:g} and {high:g}.")
        return max(card.min_frames, round(draft.seconds * fps))
    frames = card.default_frames if draft.num_frames is None else draft.num_frames
    _check_range("num_frames", frames, card.min_frames, card.max_frames)
    return frames


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise invalid(name, value, f"Must be between {low:,} and {high:,}.")


def optional_bounds(card: Card) -> Mapping[str, tuple[float, float]]:
    """The least and the greatest value of the fields that not every engine honours."""
    return {
        "seed": (0, MAX_SEED),
        "num_inference_steps": (1, card.max_steps),
        "guidance_scale": (0, 100),
        "motion_bucket_id": (1, 255),
        "noise_aug_strength": (0, 1),
    }


def _check_optional(card: Card, draft: Draft) -> None:
    """Bounds of the fields that not every engine honours: a value out of range is refused even where it is dropped."""
    for name, (low, high) in optional_bounds(card).items():
        value = getattr(draft, name)
        if value is not None:
            _check_range(name, value, low, high)
    if draft.params:
        check_text("extra_params", json.dumps(draft.params, ensure_ascii=False), MAX_PARAMS_CHARACTERS)
    if draft.negative_prompt is not None:
        check_text("negative_prompt", draft.negative_prompt, MAX_PROMPT_CHARACTERS)
