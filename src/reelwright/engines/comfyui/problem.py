"""A workflow file that cannot be a model."""

from __future__ import annotations

from reelwright.errors import ConfigurationError


class Problem(ConfigurationError):
    """Why this file is no model, and what to do: `file` is its name without folders, `remedy` a sentence."""

    def __init__(self, file: str, what: str, remedy: str) -> None:
        super().__init__(f"{file}: {what}. {remedy}")
        self.file = file
        self.what = what
        self.remedy = remedy
