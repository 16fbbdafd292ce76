"""The tables `webhooks` and `deliveries`: who is to be told about a video, and the messages to them.

A row of `webhooks` says who is to be told. When the video ends, one transaction turns the row into a delivery, so that
exactly one process does. A delivery keeps its body: all its tries send the same bytes, even when the video has been
deleted in between.

The column `worker` of a delivery names the process that makes its present try, and is empty again when the try has
failed. In a fleet each process claims due deliveries that no process has, or whose process is no longer in `workers`.

Sync code over SQLAlchemy Core, as in `records.py`; every change of a delivery is one guarded statement.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import tables
from reelwright.store.prepared import Prepared
from reelwright.store.transactions import Transactions
from reelwright.video import Video, Webhook

webhooks = sa.Table(
    "webhooks",
    tables,
    sa.Column("video_id", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("dialect", sa.Text, primary_key=True),
    sa.Column("events", sa.JSON, nullable=False),
    sa.Column("base_url", sa.Text, nullable=False),
    sa.Column("begun", sa.Boolean, nullable=False),
)

_PENDING = sa.text("state = 'pending'")
"""As text and not as a parameter: only then do the databases use the partial index."""

deliveries = sa.Table(
    "deliveries",
    tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("video_id", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("dialect", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("turn", sa.Integer, key="fence", nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("last_status", sa.Integer),
    sa.Column("problem", sa.Text),
    sa.Column("next_try_at", sa.Float),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Column("worker", sa.Text),
    sa.Index("deliveries_by_video", "video_id"),
    sa.Index("deliveries_by_end", "ended_at"),
    sa.Index("deliveries_due", "next_try_at", postgresql_where=_PENDING, sqlite_where=_PENDING),
)


class State(StrEnum):
    """PENDING: there is a next try. The others are terminal; DISABLED: the receiver has answered 410 (Gone)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DISABLED = "disabled"


_pending = deliveries.c.state == sa.literal_column("'pending'")

AT_A_TIME = 16
"""The most due deliveries that one process claims with one statement, so that the others get some, too."""


@dataclass(frozen=True, slots=True)
class Due:
    """A try that is to be made now: the delivery's id, its fencing token and its receiver."""

    id: str
    fence: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one receiver. Its id is the `webhook-id` that all tries carry; times are aware UTC.

    `fence` is a fencing token: each scheduled try has a larger one, and the result of an earlier try changes nothing.
    `step` is the index in the schedule of pauses; `tries` counts the requests that were sent. `last_status`: the HTTP
    status of the last answer, None when there was none; `problem` says what was wrong with it. `worker`: the process
    that makes the present try; None: any process may.
    """

    id: str
    video_id: str
    owner: str
    url: str
    dialect: str
    event: str
    body: str
    state: State = State.PENDING
    fence: int = 1
    step: int = 0
    tries: int = 0
    last_status: int | None = None
    problem: str | None = None
    next_try_at: datetime | None = None
    created_at: datetime
    ended_at: datetime | None = None
    worker: str | None = None

    @property
    def due(self) -> Due:
        return Due(self.id, self.fence, self.url)


_ADD_WEBHOOK = sa.text(
    "INSERT INTO webhooks (video_id, url, dialect, events, base_url, begun)"
    " VALUES (:video_id, :url, :dialect, :events, :base_url, :begun) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("events", type_=sa.JSON))


def add_webhook(connection: sa.Connection, video_id: str, webhook: Webhook) -> None:
    """Store a webhook within the transaction that stores or finds its video. A repeated one changes nothing."""
    row = {
        "video_id": video_id,
        "url": webhook.url,
        "dialect": webhook.dialect,
        "events": list(webhook.events),
        "base_url": webhook.base_url,
        "begun": False,
    }
    connection.execute(_ADD_WEBHOOK, row)


class Deliveries:
    """The rows. Every method is one transaction. `me`: the present id of this process in `workers`."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        # Compiled once: every job asks twice, and nearly all have no webhook.
        dialect = database.engine.dialect
        own = webhooks.c.video_id == sa.bindparam("own")
        self._take_all = Prepared(sa.delete(webhooks).where(own).returning(webhooks), dialect)
        begun = sa.update(webhooks).where(own, webhooks.c.begun.is_(False)).values(begun=True)
        self._take_begun = Prepared(begun.returning(webhooks), dialect)
        words = _ON_SQLITE if database.sqlite else _ON_POSTGRES
        self._next_try = sa.text(_NEXT_TRY.format(**words))
        self._claim = sa.text((_READ if database.sqlite else _CLAIM).format(**words))

    def take(self, video: Video, write: Callable[[Webhook], Delivery | None]) -> Sequence[Delivery]:
        """Turn the webhooks of a video that has begun or ended into deliveries: each one once for each of the two
        events.

        `write` makes the delivery of a webhook, or None when the receiver does not want this event.
        """
        statement = self._take_all if video.status.terminal else self._take_begun
        with self._database.begin() as connection:
            due = [delivery for row in statement.all(connection, own=video.id) if (delivery := write(_webhook(row)))]
            for delivery in due:
                connection.execute(sa.insert(deliveries).values(_row(delivery)))
        return due

    def videos_without_delivery(self) -> Sequence[str]:
        """The ids of ended videos that still have webhooks: a crash came before their deliveries were recorded, or they
        are being recorded now."""
        ended = sa.text(
            "SELECT DISTINCT w.video_id FROM webhooks w JOIN videos v ON v.id = w.video_id"
            " WHERE v.completed_at IS NOT NULL"
        )
        with self._database.connect() as connection:
            return list(connection.execute(ended).scalars())

    def next_try(self, me: str, known: Collection[str]) -> datetime | None:
        """When the next try is due that this process could claim; None when there is none. `known`: see `claim`."""
        with self._database.connect() as connection:
            seconds = connection.execute(self._next_try, self._among(me, known)).scalar()
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def claim(self, me: str, now: datetime, known: Collection[str]) -> Sequence[Due]:
        """Claim due deliveries that no process is sending: at most `AT_A_TIME` on Postgres, all on SQLite.

        `known`: the ids of those that this process is sending already. Others that carry its id are claimed, too: the
        answer to their claim was lost.
        """
        values = {**self._among(me, known), "now": now.timestamp()}
        with self._database.connect() if self._database.sqlite else self._database.statement() as connection:
            return [Due(*row) for row in connection.execute(self._claim, values)]

    def _among(self, me: str, known: Collection[str]) -> dict[str, Any]:
        if self._database.sqlite:
            return {"known": json.dumps(list(known))}
        return {"known": list(known), "me": me}

    def list(self, video_id: str) -> Sequence[Delivery]:
        """A video's deliveries, oldest first."""
        return self._select(deliveries.c.video_id == video_id)

    def get(self, delivery_id: str) -> Delivery | None:
        return next(iter(self._select(deliveries.c.id == delivery_id)), None)

    def end(self, delivery: Delivery, state: State, status: int | None, problem: str | None, now: datetime) -> None:
        """End a delivery with its present try. Nothing changes when a newer try was scheduled meanwhile."""
        ended = {"state": state.value, "next_try_at": None, "ended_at": now.timestamp()}
        self._tried(delivery, last_status=status, problem=problem, **ended)

    def postpone(
        self, delivery: Delivery, status: int | None, problem: str | None, next_try_at: datetime
    ) -> Delivery | None:
        """Schedule the next try, which any process may make. None when a newer one was scheduled meanwhile."""
        return self._tried(
            delivery,
            fence=delivery.fence + 1,
            step=delivery.step + 1,
            last_status=status,
            problem=problem,
            next_try_at=next_try_at.timestamp(),
        )

    def disable(self, owner: str, url: str, now: datetime) -> None:
        """End all pending deliveries of the owner to a receiver that is gone."""
        ended = {"state": State.DISABLED.value, "next_try_at": None, "ended_at": now.timestamp()}
        there = (deliveries.c.owner == owner) & (deliveries.c.url == url)
        with self._database.statement() as connection:
            connection.execute(sa.update(deliveries).where(there, _pending).values(**ended))

    def reopen(self, delivery_id: str, me: str, now: datetime) -> Delivery | None:
        """Schedule a try by this process now, and begin the schedule anew, whatever the state is.

        None when there is no such row.
        """
        values = {
            "state": State.PENDING.value,
            "fence": deliveries.c.fence + 1,
            "step": 0,
            "next_try_at": now.timestamp(),
            "ended_at": None,
            "worker": me,
        }
        update = sa.update(deliveries).where(deliveries.c.id == delivery_id).values(values).returning(deliveries)
        with self._database.statement() as connection:
            row = connection.execute(update).mappings().first()
        return _delivery(row) if row else None

    def forget(self, before: datetime) -> None:
        """Remove deliveries that ended before that time, and the webhooks of deleted videos."""
        nobodys = sa.text("DELETE FROM webhooks WHERE NOT EXISTS (SELECT 1 FROM videos WHERE id = webhooks.video_id)")
        with self._database.begin() as connection:
            connection.execute(sa.delete(deliveries).where(deliveries.c.ended_at < before.timestamp()))
            connection.execute(nobodys)

    def _tried(self, delivery: Delivery, **values: Any) -> Delivery | None:
        counts = (deliveries.c.id == delivery.id, deliveries.c.fence == delivery.fence, _pending)
        update = sa.update(deliveries).where(*counts).values(tries=deliveries.c.tries + 1, worker=None, **values)
        with self._database.statement() as connection:
            row = connection.execute(update.returning(deliveries)).mappings().first()
        return _delivery(row) if row else None

    def _select(self, condition: sa.ColumnElement[bool]) -> Sequence[Delivery]:
        query = sa.select(deliveries).where(condition).order_by(deliveries.c.id)
        with self._database.connect() as connection:
            return [_delivery(row) for row in connection.execute(query).mappings()]


_ON_SQLITE = {"free": "id NOT IN (SELECT value FROM json_each(:known))"}
_ON_POSTGRES = {
    "free": "id <> ALL(CAST(:known AS text[])) AND (worker IS NULL OR worker = :me"
    " OR NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = deliveries.worker))"
}
_NEXT_TRY = "SELECT next_try_at FROM deliveries WHERE state = 'pending' AND {free} ORDER BY next_try_at LIMIT 1"
_READ = (
    "SELECT id, turn, url FROM deliveries WHERE state = 'pending' AND next_try_at <= :now AND {free}"
    " ORDER BY next_try_at, id"
)
_CLAIM = f"""
WITH due AS MATERIALIZED (
    SELECT id FROM deliveries WHERE state = 'pending' AND next_try_at <= :now AND {{free}}
    ORDER BY next_try_at LIMIT {AT_A_TIME} FOR UPDATE SKIP LOCKED
)
UPDATE deliveries SET worker = :me FROM due WHERE deliveries.id = due.id
RETURNING deliveries.id, deliveries.turn, deliveries.url
"""
"""A row that another process has locked is being claimed by that one, so it is skipped."""

_TIMES = ("next_try_at", "created_at", "ended_at")


def _webhook(row: Any) -> Webhook:
    return Webhook(url=row["url"], dialect=row["dialect"], events=tuple(row["events"]), base_url=row["base_url"])


def _row(delivery: Delivery) -> dict[str, Any]:
    values = dataclasses.asdict(delivery)
    return {**values, **{name: values[name].timestamp() if values[name] else None for name in _TIMES}}


def _delivery(row: Any) -> Delivery:
    values = {column.key: row[column] for column in deliveries.c}
    times = {name: None if values[name] is None else datetime.fromtimestamp(values[name], UTC) for name in _TIMES}
    return Delivery(**{**values, **times, "state": State(values["state"])})
