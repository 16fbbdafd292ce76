"""Changes the metadata of videos that have ended, for clients that mark a video as a favourite, for example."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from reelwright.store.transactions import Transactions
from reelwright.store.video_rows import video_of, videos
from reelwright.video import Video


class TooMuchMetadata(Exception):
    """With the change, the metadata would have more entries than are allowed."""


class Annotations:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def change(self, video_id: str, changes: Mapping[str, str | None], most: int) -> Video | None:
        """Set these entries of an ended video's metadata; the value None removes an entry. Returns the changed video.

        Returns None when there is no such video or it has not ended. Raises `TooMuchMetadata` when there would be more
        than `most` entries; nothing is changed then.
        """
        row = (videos.c.id == video_id, videos.c.completed_at.is_not(None))
        with self._database.begin() as connection:
            present = connection.execute(sa.select(videos.c.metadata).where(*row).with_for_update()).scalar()
            if present is None:
                return None
            merged = {name: value for name, value in {**present, **changes}.items() if value is not None}
            if len(merged) > most:
                raise TooMuchMetadata
            change = sa.update(videos).where(*row).values(metadata=merged).returning(videos)
            return video_of(connection.execute(change).mappings().one())
