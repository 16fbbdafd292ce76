"""What a version of ComfyUI can do, as its releases changed it."""

from __future__ import annotations

from dataclasses import dataclass

OLD = "0.3.50"
"""`/interrupt` knows no ids."""
USUAL = "0.3.64"
MIDDLE = "0.20.0"
"""Cached outputs are missing from the history of a prompt that was sent without `client_id`."""
NEW = "0.38.1"
"""Ids are UUIDs; a job can be asked for, and cancelled, by its id."""


@dataclass(frozen=True, slots=True)
class Version:
    """One release, by its number (`0.3.64`)."""

    name: str

    def _since(self, *number: int) -> bool:
        return tuple(int(part) for part in self.name.split(".")) >= number

    @property
    def interrupts_by_id(self) -> bool:
        return self._since(0, 3, 57)

    @property
    def has_jobs(self) -> bool:
        """`GET /api/jobs/{id}`"""
        return self._since(0, 6, 0)

    @property
    def cancels_jobs(self) -> bool:
        """`POST /api/jobs/{id}/cancel`"""
        return self._since(0, 26, 0)

    @property
    def forgets_cached_outputs(self) -> bool:
        """Of a prompt without `client_id`."""
        return self._since(0, 3, 65) and not self._since(0, 28, 0)

    @property
    def wants_uuids(self) -> bool:
        return self._since(0, 38, 0)

    @property
    def names_missing_nodes(self) -> bool:
        """`missing_node_type` with the node's title, and `dependency_cycle`."""
        return self._since(0, 38, 0)

    @property
    def previews_by_prompt(self) -> bool:
        """`extra_data.preview_method` is obeyed."""
        return self._since(0, 38, 0)

    @property
    def keeps_cache(self) -> bool:
        """Results live on over other prompts; before, only those of the last prompt did."""
        return self._since(0, 38, 0)
