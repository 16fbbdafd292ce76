"""Failed videos whose last checkpoint is kept, so that a new video can go on from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reelwright.store.transactions import Transactions
from reelwright.store.video_rows import videos

_kept = videos.c.completed_at.is_not(None) & videos.c.checkpoint.is_not(None)


class Resumable:
    """Every method is one transaction. `Records.fail` keeps a checkpoint."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def checkpoint(self, video_id: str) -> Mapping[str, Any] | None:
        """The last checkpoint of that video; None when none is kept."""
        query = sa.select(videos.c.checkpoint).where(videos.c.id == video_id, _kept)
        with self._database.connect() as connection:
            kept = connection.execute(query).scalar()
        return json.loads(kept) if kept else None

    def ids(self) -> frozenset[str]:
        """The ids of all resumable videos."""
        with self._database.connect() as connection:
            return frozenset(connection.execute(sa.select(videos.c.id).where(_kept)).scalars())

    def forget(self, before: datetime) -> None:
        """Remove the checkpoints of videos that failed before that time."""
        old = sa.update(videos).where(_kept, videos.c.completed_at < before.timestamp())
        with self._database.statement() as connection:
            connection.execute(old.values(checkpoint=None))
