"""The order in which waiting jobs begin: one queue an engine, fair between owners.

A job's fair tag is a start-time fair queueing tag (Goyal, Vin, Cheng 1996) with every job of weight 1: one more than
the tag of its owner's last job, and never less than the largest tag that has begun. Jobs begin in the order of their
tags. So an owner with a thousand waiting jobs delays another owner's first job by one job, not by a thousand.

The column is called `turn` in the database: a renamed column would break the release before on the same database.
"""

from __future__ import annotations

import sqlalchemy as sa

from reelwright.store.database import tables
from reelwright.store.prepared import run

lines = sa.Table(
    "lines",
    tables,
    sa.Column("line", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("turn", sa.BigInteger, key="fair_tag", nullable=False),
)
"""The last fair tag of each owner in the queue of each engine (`line`). The owner `*` stands for the engine itself: its
tag is the largest one that has begun."""

_NEXT = """
INSERT INTO lines (line, owner, turn)
SELECT {line}, {owner}, coalesce((SELECT turn FROM lines WHERE line = {line} AND owner = '*'), 0) WHERE true
ON CONFLICT (line, owner) DO UPDATE
SET turn = CASE WHEN lines.turn + 1 > excluded.turn THEN lines.turn + 1 ELSE excluded.turn END
RETURNING turn
"""
_BEGUN = """
INSERT INTO lines (line, owner, turn) VALUES ({line}, '*', {turn})
ON CONFLICT (line, owner) DO UPDATE SET turn = excluded.turn WHERE lines.turn < excluded.turn
"""


class FairTags:
    """Gives fair tags. Both methods work within the caller's transaction."""

    def __init__(self, *, on_sqlite: bool) -> None:
        named = ":{}" if on_sqlite else "%({})s"
        words = {name: named.format(name) for name in ("line", "owner", "turn")}
        self._next, self._begun = _NEXT.format(**words), _BEGUN.format(**words)

    def next(self, connection: sa.Connection, engine: str, owner: str) -> int:
        """The fair tag of the owner's next job.

        On Postgres other submissions of the same owner and engine wait until the transaction ends: no tag is given
        twice.
        """
        return int(run(connection, self._next, {"line": engine, "owner": owner})[0][0][0])

    def begun(self, connection: sa.Connection, engine: str, fair_tag: int) -> None:
        """Note that a job with that tag has begun: no later submission gets a smaller tag."""
        run(connection, self._begun, {"line": engine, "turn": fair_tag})
