"""Makes a checked spec from a body's fields, in the same way for all dialects."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from reelwright.api.fields import read_fields, to_draft
from reelwright.api.input_images import InputImages
from reelwright.api.moderation import Moderation
from reelwright.api.vocabulary import PICTURES, TranslatedFields, Vocabulary
from reelwright.engines.catalog import Catalog
from reelwright.errors import BadRequest
from reelwright.video import Draft, Image, Source, Task, Unused, Video, VideoSpec

KEPT = ("size", "resolution", "aspect_ratio", "width", "height", "fps", "interpolate", "upscale")
"""Fields that an extension takes from its source; values that a client sends for them are not used."""


class Drafting:
    """Reads the fields, stores the input images, and checks the draft against the model's card and the moderation."""

    def __init__(self, catalog: Catalog, input_images: InputImages, moderation: Moderation) -> None:
        self._catalog = catalog
        self._input_images = input_images
        self._moderation = moderation

    async def spec(
        self,
        fields: Mapping[str, Any],
        names: Vocabulary,
        *,
        typed: bool,
        model: str | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> VideoSpec:
        """The complete spec. `typed` false (forms) takes numbers from strings.

        `model` was named beside the fields (in a path, say); `defaults` are the dialect's own. Raises `BadRequest` that
        names the field as the client sent it, also for a prompt that is refused; `EngineError` when the engine asked
        for cannot work here; `Busy` when nobody can say whether the prompt is refused.
        """
        sent = names.translate(fields)
        values = {**sent.values, **({"model": model} if model else {})}
        try:
            draft = await self._draft(values, names, sent, typed, defaults)
            wanted = self._catalog.resolve(draft)
            await self._moderation.check(wanted)
        except BadRequest as error:
            raise names.relabel(error, sent.names) from None
        return _telling(wanted, sent)

    async def extension(
        self,
        fields: Mapping[str, Any],
        names: Vocabulary,
        *,
        typed: bool,
        source: Source,
        image: Image,
        of: Video | None,
        defaults: Mapping[str, Any] | None = None,
    ) -> VideoSpec:
        """The spec for what comes after `source`, whose last frame is `image`; `of` is its video, if it is one.

        A length that is asked for is that of what is added. Raises as `spec`.
        """
        sent = names.translate(fields)
        if "image" in sent.values:
            label = names.label("image", sent.names)
            raise BadRequest(
                f"Invalid {label}: an extension begins with the video's last frame. Leave it out.", field=label
            )
        try:
            asked = await self._draft(sent.values, names, sent, typed, defaults)
            draft = self._going_on(asked, source, image, of)
            wanted = self._lengthened(draft)
            await self._moderation.check(wanted)
        except BadRequest as error:
            raise names.relabel(error, sent.names) from None
        told = _telling(dataclasses.replace(wanted, extends=source), sent)
        kept = [
            Unused(field=sent.names[own], reason="an extension has the size and the rate of what it goes on from.")
            for own in KEPT
            if sent.values.get(own) is not None
        ]
        return dataclasses.replace(told, unused=(*told.unused, *kept))

    async def _draft(
        self,
        values: Mapping[str, Any],
        names: Vocabulary,
        sent: TranslatedFields,
        typed: bool,
        defaults: Mapping[str, Any] | None,
    ) -> Draft:
        read = read_fields({name: value for name, value in values.items() if name not in PICTURES}, typed=typed)
        first, last = [
            await self._input_images.store(values.get(one), names.label(one, sent.names)) for one in PICTURES
        ]
        return to_draft(read, first, defaults or {}, last)

    def _going_on(self, asked: Draft, source: Source, image: Image, of: Video | None) -> Draft:
        """The draft with the size and frame rate of the source, for a model that makes a video from a picture."""
        engine, model = asked.engine, asked.model
        if engine is None and model is None and of is not None:
            engine, model = of.spec.engine, of.spec.model
            if Task.IMAGE_TO_VIDEO not in self._catalog.card(engine, model, Task.IMAGE_TO_VIDEO).tasks:
                model = None  # another one of its engine may
        card = self._catalog.card(engine, model, Task.IMAGE_TO_VIDEO)
        if Task.IMAGE_TO_VIDEO not in card.tasks:
            able = [one.model for one in self._catalog.cards() if Task.IMAGE_TO_VIDEO in one.tasks]
            remedy = f"Name one that can: {', '.join(able)}." if able else "No model of this server can."
            raise BadRequest(
                f"The engine {card.engine} cannot extend videos with its model {card.model}, which begins with no "
                f"picture. {remedy}",
                field="model",
            )
        return dataclasses.replace(
            asked,
            engine=card.engine,
            model=card.model,
            width=source.width,
            height=source.height,
            resolution=None,
            aspect_ratio=None,
            default_size=None,
            fps=max(1, round(source.fps)),
            interpolate=None,
            upscale=None,
            image=image,
        )

    def _lengthened(self, draft: Draft) -> VideoSpec:
        """The spec with one frame more than was asked for, where the card allows it: the first one repeats the source's
        last."""
        added = draft.num_frames
        if added is None and draft.seconds is not None and draft.fps is not None:
            added = round(draft.seconds * draft.fps)
        if added is None or added < 1:
            return self._catalog.resolve(draft)
        try:
            return self._catalog.resolve(dataclasses.replace(draft, num_frames=added + 1, seconds=None))
        except BadRequest as error:
            if error.field != "num_frames":
                raise
            return self._catalog.resolve(draft)


def _telling(wanted: VideoSpec, sent: TranslatedFields) -> VideoSpec:
    """The spec whose `unused` has only fields that the client itself sent, under the names that it used."""
    asked = []
    for one in wanted.unused:
        own, dot, inner = one.field.partition(".")
        if own in sent.names:
            asked.append(Unused(field=f"{sent.names[own]}{dot}{inner}", reason=one.reason))
    unknown = f"the model {wanted.model} has no such option."
    asked += [Unused(field=name, reason=unknown) for name in sent.unused]
    return dataclasses.replace(wanted, unused=tuple(asked))
