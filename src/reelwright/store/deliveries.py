"""The tables `webhooks` and `deliveries`: who wants to be told about a video, and the messages that came of it.

A row of `webhooks` is a wish that is still open. When the video ends, one transaction turns it into a delivery, so a
wish is fulfilled once, whoever comes first. A delivery keeps its body: all its tries send the same bytes, even when the
video has been deleted in between.

Sync code over SQLAlchemy Core, as in `records.py`; every change of a delivery is one guarded statement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
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
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("last_status", sa.Integer),
    sa.Column("problem", sa.Text),
    sa.Column("next_try_at", sa.Float),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Column("worker", sa.Text),
    sa.Index("deliveries_by_video", "video_id"),
    sa.Index("deliveries_by_state", "state"),
)


class State(StrEnum):
    """PENDING has a next try; the others are ends. DISABLED: the receiver said that it is gone (410)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DISABLED = "disabled"


_pending = deliveries.c.state == State.PENDING.value


@dataclass(frozen=True, slots=True)
class Due:
    """A try that is to be made now: which delivery, which try, and where to."""

    id: str
    turn: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one receiver. Its id is the `webhook-id` that all tries carry; times are aware UTC.

    `turn` counts what was scheduled and fences off the try of an earlier turn; `step` is the place in the schedule;
    `tries` counts what was really sent. `last_status` is the HTTP status of the last answer, if there was one, and
    `problem` says what was wrong with it.
    """

    id: str
    video_id: str
    owner: str
    url: str
    dialect: str
    event: str
    body: str
    state: State = State.PENDING
    turn: int = 1
    step: int = 0
    tries: int = 0
    last_status: int | None = None
    problem: str | None = None
    next_try_at: datetime | None = None
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def due(self) -> Due:
        return Due(self.id, self.turn, self.url)


_ADD_WEBHOOK = sa.text(
    "INSERT INTO webhooks (video_id, url, dialect, events, base_url, begun)"
    " VALUES (:video_id, :url, :dialect, :events, :base_url, :begun) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("events", type_=sa.JSON))


def add_webhook(connection: sa.Connection, video_id: str, webhook: Webhook) -> None:
    """Store the wish within the transaction that stores or finds its video. A repeated one changes nothing."""
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
    """The rows. Every method is one transaction."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        # Every job asks twice, and nearly all have none.
        dialect = database.engine.dialect
        own = webhooks.c.video_id == sa.bindparam("own")
        self._take_all = Prepared(sa.delete(webhooks).where(own).returning(webhooks), dialect)
        begun = sa.update(webhooks).where(own, webhooks.c.begun.is_(False)).values(begun=True)
        self._take_begun = Prepared(begun.returning(webhooks), dialect)

    def take(self, video: Video, write: Callable[[Webhook], Delivery | None]) -> Sequence[Delivery]:
        """Turn the open wishes about a video that has begun or ended into deliveries, each wish once for each moment.

        `write` makes the delivery of a wish, or None when it is not about this moment.
        """
        statement = self._take_all if video.status.terminal else self._take_begun
        with self._database.begin() as connection:
            due = [delivery for row in statement.all(connection, own=video.id) if (delivery := write(_webhook(row)))]
            for delivery in due:
                connection.execute(sa.insert(deliveries).values(_row(delivery)))
        return due

    def untold(self) -> Sequence[str]:
        """The ids of videos that have open wishes: a crash may have come between their end and its deliveries."""
        with self._database.connect() as connection:
            return list(connection.execute(sa.select(webhooks.c.video_id).distinct()).scalars())

    def due(self, after: datetime | None, until: datetime) -> Sequence[Due]:
        """The tries whose time is after `after` (None: from the beginning of time) and not after `until`."""
        table = deliveries.c
        query = sa.select(table.id, table.turn, table.url).where(_pending, table.next_try_at <= until.timestamp())
        if after is not None:
            query = query.where(table.next_try_at > after.timestamp())
        with self._database.connect() as connection:
            return [Due(*row) for row in connection.execute(query.order_by(table.next_try_at, table.id))]

    def next_after(self, moment: datetime) -> datetime | None:
        """When the first try after that moment is due; None when there is none."""
        earliest = sa.select(sa.func.min(deliveries.c.next_try_at))
        with self._database.connect() as connection:
            later = deliveries.c.next_try_at > moment.timestamp()
            seconds = connection.execute(earliest.where(_pending, later)).scalar()
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def list(self, video_id: str) -> Sequence[Delivery]:
        """A video's deliveries, oldest first."""
        return self._select(deliveries.c.video_id == video_id)

    def get(self, delivery_id: str) -> Delivery | None:
        return next(iter(self._select(deliveries.c.id == delivery_id)), None)

    def end(self, delivery: Delivery, state: State, status: int | None, problem: str | None, now: datetime) -> None:
        """The try of this turn was the last one; if it no longer counts, nothing changes."""
        ended = {"state": state.value, "next_try_at": None, "ended_at": now.timestamp()}
        self._tried(delivery, last_status=status, problem=problem, **ended)

    def postpone(
        self, delivery: Delivery, status: int | None, problem: str | None, next_try_at: datetime
    ) -> Delivery | None:
        """The try of this turn failed; there is another one. None when it no longer counts."""
        return self._tried(
            delivery,
            turn=delivery.turn + 1,
            step=delivery.step + 1,
            last_status=status,
            problem=problem,
            next_try_at=next_try_at.timestamp(),
        )

    def disable(self, owner: str, url: str, now: datetime) -> None:
        """The receiver is gone: what the owner still wants to send there ends."""
        ended = {"state": State.DISABLED.value, "next_try_at": None, "ended_at": now.timestamp()}
        there = (deliveries.c.owner == owner) & (deliveries.c.url == url)
        with self._database.begin() as connection:
            connection.execute(sa.update(deliveries).where(there, _pending).values(**ended))

    def reopen(self, delivery_id: str, now: datetime) -> Delivery | None:
        """Try again now, at the beginning of the schedule, whatever the state is. None when there is no such row."""
        values = {
            "state": State.PENDING.value,
            "turn": deliveries.c.turn + 1,
            "step": 0,
            "next_try_at": now.timestamp(),
            "ended_at": None,
        }
        update = sa.update(deliveries).where(deliveries.c.id == delivery_id).values(values).returning(deliveries)
        with self._database.begin() as connection:
            row = connection.execute(update).mappings().first()
        return _delivery(row) if row else None

    def forget(self, before: datetime) -> None:
        """Remove what ended before that time."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(deliveries).where(deliveries.c.ended_at < before.timestamp()))

    def _tried(self, delivery: Delivery, **values: Any) -> Delivery | None:
        counts = (deliveries.c.id == delivery.id, deliveries.c.turn == delivery.turn, _pending)
        update = sa.update(deliveries).where(*counts).values(tries=deliveries.c.tries + 1, **values)
        with self._database.begin() as connection:
            row = connection.execute(update.returning(deliveries)).mappings().first()
        return _delivery(row) if row else None

    def _select(self, condition: sa.ColumnElement[bool]) -> Sequence[Delivery]:
        query = sa.select(deliveries).where(condition).order_by(deliveries.c.id)
        with self._database.connect() as connection:
            return [_delivery(row) for row in connection.execute(query).mappings()]


_TIMES = ("next_try_at", "created_at", "ended_at")


def _webhook(row: Any) -> Webhook:
    return Webhook(url=row["url"], dialect=row["dialect"], events=tuple(row["events"]), base_url=row["base_url"])


def _row(delivery: Delivery) -> dict[str, Any]:
    values = dataclasses.asdict(delivery)
    return {**values, **{name: values[name].timestamp() if values[name] else None for name in _TIMES}}


def _delivery(row: Any) -> Delivery:
    values = {name: value for name, value in row.items() if name != "worker"}
    times = {name: None if row[name] is None else datetime.fromtimestamp(row[name], UTC) for name in _TIMES}
    return Delivery(**{**values, **times, "state": State(row["state"])})
