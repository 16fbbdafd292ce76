"""Periodic work that one of the processes on a database does for all of them."""

from __future__ import annotations

import sqlalchemy as sa

from reelwright.store.database import tables
from reelwright.store.fleet_queue import NOW
from reelwright.store.transactions import Transactions

chores = sa.Table(
    "chores",
    tables,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("done_at", sa.Float, nullable=False),
)

_TAKE = f"""
INSERT INTO chores (name, done_at) VALUES (:name, {NOW})
ON CONFLICT (name) DO UPDATE SET done_at = excluded.done_at WHERE chores.done_at <= excluded.done_at - :each_s
RETURNING name
"""

_IDLE_OWNERS = """
DELETE FROM lines WHERE owner <> '*' AND NOT EXISTS (
    SELECT 1 FROM videos v WHERE v.engine = lines.line AND v.owner = lines.owner AND v.completed_at IS NULL)
"""
_NOT_FOLLOWED = (
    f"DELETE FROM watching WHERE until < {NOW}",
    "DELETE FROM previews WHERE NOT EXISTS (SELECT 1 FROM videos v WHERE v.id = video_id AND v.completed_at IS NULL)",
)


class Chores:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def take(self, name: str, each_s: float) -> bool:
        """Take a piece of work: True when no process has taken it within that many seconds."""
        if self._database.sqlite:
            return True
        with self._database.statement() as connection:
            return self._database.prepared(_TAKE).first(connection, name=name, each_s=each_s) is not None

    def tidy(self) -> None:
        """Remove rows that nothing needs any more: the fair tags of owners who have no job that waits or runs, the
        marks of followers that have gone, and the previews of jobs that have ended."""
        statements = (_IDLE_OWNERS,) if self._database.sqlite else (_IDLE_OWNERS, *_NOT_FOLLOWED)
        for statement in statements:
            with self._database.statement() as connection:
                self._database.prepared(statement).all(connection)
