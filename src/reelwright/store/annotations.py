"""What clients write on videos that have ended: entries of their metadata, a favourite for one."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from reelwright.store.transactions import Transactions
from reelwright.store.video_rows import video_of, videos
from reelwright.video import Video


class TooMuchMetadata(Exception):
    """A video would have more entries than it may."""


class Annotations:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def change(self, video_id: str, changes: Mapping[str, str | None], most: int) -> Video | None:
        """Set these entries of an ended video's metadata; None removes one. Returns the video as it is then.

        None when there is no such video, or it has not ended. Raises `TooMuchMetadata` for more than `most` entries;
        then nothing is changed.
        """
        row = (videos.c.id == video_id, videos.c.completed_at.is_not(None))
        with self._database.begin() as connection:
            held = connection.execute(sa.select(videos.c.metadata).where(*row).with_for_update()).scalar()
            if held is None:
                return None
            merged = {name: value for name, value in {**held, **changes}.items() if value is not None}
            if len(merged) > most:
                raise TooMuchMetadata
            change = sa.update(videos).where(*row).values(metadata=merged).returning(videos)
            return video_of(connection.execute(change).mappings().one())
