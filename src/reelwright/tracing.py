"""Spans: a module reports which piece of work it does, when and for which request.

It is given a `Tracer` and knows nothing of OpenTelemetry; without traces it is given `NO_TRACES`, whose spans do
nothing. The attributes of a span are what an operator looks for (ids, names, sizes, codes), never prompts, addresses of
clients or secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

Facts = Mapping[str, str | int | float | bool]
"""Named after OpenTelemetry's semantic conventions where these have a name, else `reelwright.…`."""


class Kind(StrEnum):
    """Which end of a conversation a span is (https://opentelemetry.io/docs/specs/otel/trace/api/#spankind)."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Span(Protocol):
    """One piece of work under way. As a context manager it ends when left; what was raised then marks it as failed."""

    @property
    def traceparent(self) -> str | None:
        """Names this span to other processes (https://www.w3.org/TR/trace-context/#traceparent-header)."""
        ...

    def begin(self, name: str, facts: Facts = ..., *, kind: Kind = ...) -> Span:
        """A part of this piece of work. May be called from any thread."""
        ...

    def current(self) -> AbstractContextManager[None]:
        """A context in which spans that this task begins without a parent become children of this span."""
        ...

    def rename(self, name: str) -> None: ...

    def note(self, facts: Facts) -> None: ...

    def link(self, traceparent: str | None) -> None:
        """Link this span to a span of another trace."""
        ...

    def fail(self, kind: str) -> None:
        """The work failed; `kind` is an error's code or class, never its text."""
        ...

    def end(self, at: datetime | None = None) -> None:
        """`at`: when it ended, if not now."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None: ...


class Tracer(Protocol):
    """Makes spans. `on` is False when spans are not recorded; work that is only needed for them can then be left
    out."""

    @property
    def on(self) -> bool: ...

    def begin(
        self,
        name: str,
        facts: Facts = ...,
        *,
        kind: Kind = ...,
        parent: str | None = None,
        begun: datetime | None = None,
    ) -> Span:
        """A span below `parent` (a traceparent), else below the current one, else of a trace of its own.

        `begun`: when it began, if not now.
        """
        ...

    def flush(self) -> None:
        """Export the ended spans in the background, without waiting: the process may be killed soon."""
        ...

    def close(self) -> None:
        """Export the ended spans and wait until they are sent."""
        ...


class _NoSpan:
    traceparent: str | None = None

    def begin(self, name: str, facts: Facts | None = None, *, kind: Kind = Kind.INTERNAL) -> Span:
        return self

    def current(self) -> AbstractContextManager[None]:
        return nullcontext()

    def rename(self, name: str) -> None:
        pass

    def note(self, facts: Facts) -> None:
        pass

    def link(self, traceparent: str | None) -> None:
        pass

    def fail(self, kind: str) -> None:
        pass

    def end(self, at: datetime | None = None) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        pass


class _NoTraces:
    on: bool = False

    def begin(
        self,
        name: str,
        facts: Facts | None = None,
        *,
        kind: Kind = Kind.INTERNAL,
        parent: str | None = None,
        begun: datetime | None = None,
    ) -> Span:
        return NO_SPAN

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


NO_SPAN: Span = _NoSpan()
NO_TRACES: Tracer = _NoTraces()
