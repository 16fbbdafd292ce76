"""A span that keeps what was begun below it, for engines that run in the test's own process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, Self

from reelwright.errors import ReelwrightError
from reelwright.tracing import Facts, Kind


class Recorded:
    """`tree`: the names below, each with its own tree."""

    traceparent: str | None = None

    def __init__(self, name: str = "", facts: Facts | None = None) -> None:
        self.name = name
        self.facts: dict[str, Any] = dict(facts or {})
        self.parts: list[Recorded] = []
        self.failed: str | None = None
        self.over = False

    @property
    def tree(self) -> list[tuple[str, Any]]:
        return [(part.name, part.tree) for part in self.parts]

    def begin(self, name: str, facts: Facts | None = None, *, kind: Kind = Kind.INTERNAL) -> Recorded:
        self.parts.append(Recorded(name, facts))
        return self.parts[-1]

    def current(self) -> AbstractContextManager[None]:
        return nullcontext()

    def rename(self, name: str) -> None:
        self.name = name

    def note(self, facts: Mapping[str, Any]) -> None:
        self.facts |= facts

    def link(self, traceparent: str | None) -> None:
        raise AssertionError("an engine knows of no other traces")

    def fail(self, kind: str) -> None:
        self.failed = kind

    def end(self, at: datetime | None = None) -> None:
        self.over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ReelwrightError):
            self.fail(error.code)
        self.end()
