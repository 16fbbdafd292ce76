"""From a body's fields to a checked request: the one way that all dialects take."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from reelwright.api.fields import read_fields, to_wish
from reelwright.api.uploads import Intake
from reelwright.api.vocabulary import PICTURES, Vocabulary
from reelwright.engines.catalog import Catalog
from reelwright.errors import BadRequest
from reelwright.video import Request, Unused


class Drafting:
    """Reads what was asked for, takes its pictures in, and checks it against the card of the model."""

    def __init__(self, catalog: Catalog, intake: Intake) -> None:
        self._catalog = catalog
        self._intake = intake

    async def request(
        self,
        fields: Mapping[str, Any],
        names: Vocabulary,
        *,
        typed: bool,
        model: str | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> Request:
        """The complete request. `typed` false (forms) takes numbers from strings.

        `model` was named beside the fields (in a path, say); `defaults` are the dialect's own. Raises `BadRequest` that
        names the field as the client sent it; `EngineError` when the engine asked for cannot work here.
        """
        sent = names.translate(fields)
        values = {**sent.values, **({"model": model} if model else {})}
        try:
            read = read_fields({name: value for name, value in values.items() if name not in PICTURES}, typed=typed)
            first, last = [await self._intake.take(values.get(one), names.label(one, sent.names)) for one in PICTURES]
            wanted = self._catalog.admit(to_wish(read, first, defaults or {}, last))
        except BadRequest as error:
            raise names.relabel(error, sent.names) from None
        # Of what the model cannot do, only what the client itself sent is worth telling.
        asked = []
        for one in wanted.unused:
            own, dot, inner = one.field.partition(".")
            if own in sent.names:
                asked.append(Unused(field=f"{sent.names[own]}{dot}{inner}", reason=one.reason))
        unknown = f"the model {wanted.model} has no such option."
        asked += [Unused(field=name, reason=unknown) for name in sent.unused]
        return dataclasses.replace(wanted, unused=tuple(asked))
