"""The order in which jobs are served: each engine's line, fair between owners.

A turn is a start-time fair queueing tag (Goyal, Vin, Cheng 1996) with every job of weight 1: one more than the owner's
last one, and never less than the turn that was served last. So an owner with a thousand jobs delays another owner's
first job by one job, not by a thousand.
"""

from __future__ import annotations

import sqlalchemy as sa

from reelwright.store.database import tables

lines = sa.Table(
    "lines",
    tables,
    sa.Column("line", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("turn", sa.BigInteger, nullable=False),
)
"""The last turn that was given to each owner in each engine's line; that of owner `*` is the one served last."""

_NEXT = """
INSERT INTO lines (line, owner, turn)
SELECT {line}, {owner}, coalesce((SELECT turn FROM lines WHERE line = {line} AND owner = '*'), 0) WHERE true
ON CONFLICT (line, owner) DO UPDATE
SET turn = CASE WHEN lines.turn + 1 > excluded.turn THEN lines.turn + 1 ELSE excluded.turn END
RETURNING turn
"""
_SERVED = """
INSERT INTO lines (line, owner, turn) VALUES ({line}, '*', {turn})
ON CONFLICT (line, owner) DO UPDATE SET turn = excluded.turn WHERE lines.turn < excluded.turn
"""


class Turns:
    """Within the transactions of those who ask."""

    def __init__(self, *, on_sqlite: bool) -> None:
        named = ":{}" if on_sqlite else "%({})s"
        words = {name: named.format(name) for name in ("line", "owner", "turn")}
        self._next, self._served = _NEXT.format(**words), _SERVED.format(**words)

    def next(self, connection: sa.Connection, engine: str, owner: str) -> int:
        """The turn of the owner's next job. Others of the same owner and engine wait for the end of the transaction."""
        return int(connection.exec_driver_sql(self._next, {"line": engine, "owner": owner}).scalar_one())

    def served(self, connection: sa.Connection, engine: str, turn: int) -> None:
        """A job of that turn has begun: later comers come behind it."""
        connection.exec_driver_sql(self._served, {"line": engine, "turn": turn})
