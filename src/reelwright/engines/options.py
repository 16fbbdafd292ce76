"""What the options of all engines (`REELWRIGHT_ENGINE_OPTIONS`) have in common."""

from __future__ import annotations

from collections.abc import Collection

from reelwright.errors import ConfigurationError


def check_names(engine: str, given: Collection[str], known: Collection[str]) -> None:
    """Raises `ConfigurationError` for an option that the engine does not have."""
    if unknown := sorted(set(given) - set(known)):
        raise ConfigurationError(
            f"Unknown option of the {engine} engine: {unknown[0]!r}. Known: {', '.join(sorted(known))}."
        )
