"""The table `request_buckets`: how many requests each key may still make, among many processes (Postgres).

A token bucket (https://en.wikipedia.org/wiki/Token_bucket): it holds at most a minute's requests and is filled evenly.
A process draws several at a time and gives them out itself, so that not every request is a write; what it has drawn is
gone from the row, so all processes together never give out more than the bucket allows. The table is UNLOGGED: after a
crash of Postgres the buckets are full.
"""

from __future__ import annotations

import sqlalchemy as sa

from reelwright.store.database import tables
from reelwright.store.transactions import Transactions

request_buckets = sa.Table(
    "request_buckets",
    tables,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("tokens", sa.Float, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)

# The same time in the whole statement. It may be older than the one in the row, if this waited for the row's lock.
_NOW = "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
_THERE = f"least(:size, b.tokens + greatest(0, {_NOW} - b.at) * :size / 60.0)"
_DRAW = f"""
INSERT INTO request_buckets AS b (key, tokens, taken, at)
VALUES (:key, CAST(:size AS double precision) - :wanted, :wanted, {_NOW})
ON CONFLICT (key) DO UPDATE SET tokens = {_THERE} - least(:wanted, floor({_THERE})),
    taken = least(:wanted, floor({_THERE})), at = greatest(b.at, {_NOW})
RETURNING taken, tokens
"""


class Buckets:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def draw(self, key: str, size: int, wanted: int) -> tuple[int, float]:
        """Take up to `wanted` requests (at most `size`, which is the number for a minute) out of the key's bucket.

        Returns how many that were, and how many are left in it.
        """
        with self._database.statement() as connection:
            (row,) = self._database.prepared(_DRAW).all(connection, key=key, size=size, wanted=wanted)
        return int(row["taken"]), float(row["tokens"])
