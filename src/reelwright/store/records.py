"""The `videos` table: one row a video. Every change of state is one guarded statement.

Sync code over SQLAlchemy Core; the same statements run on SQLite and Postgres. Callers in async code use a thread.
A row ends in exactly one terminal state, once: whoever comes second changes nothing and is told so.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reelwright.store.audit import Audit, Entry
from reelwright.store.channels import NEWS
from reelwright.store.deliveries import add_webhook
from reelwright.store.fair_tags import FairTags
from reelwright.store.keys import NO_LIMITS, KeyLimits
from reelwright.store.prepared import Prepared
from reelwright.store.search import NO_FILTER, VideoFilter, conditions
from reelwright.store.transactions import Transactions
from reelwright.store.usage import Usage
from reelwright.store.video_rows import (
    Claimed,
    active,
    claimed,
    idempotency_keys,
    insertion,
    newest_duplicate,
    notice,
    row_of,
    video_of,
    videos,
)
from reelwright.video import Failure, MadeFile, Status, Video, Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A client's `Idempotency-Key`, the digest (hex SHA-256) of the body that came with it, and how many seconds it is
    kept."""

    key: str
    digest: str
    kept_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertResult:
    """What became of a submission: the id of its video, and its fair tag; that is None when the idempotency key has led
    to an earlier video, and nothing was stored.

    `left`: how much the API key may still use, by the names of the limits that it has.
    """

    video_id: str
    fair_tag: int | None
    left: Mapping[str, int] = field(default_factory=dict)


# A row that is there already is written as it is: so it is locked, and returned, which DO NOTHING would not.
_CLAIM_KEY = sa.text(
    "INSERT INTO idempotency_keys (owner, key, digest, video_id, created_at)"
    " VALUES (:owner, :key, :digest, :video_id, :created_at)"
    " ON CONFLICT (owner, key) DO UPDATE SET key = excluded.key RETURNING digest, video_id"
)


class IdempotencyConflict(Exception):
    """The key came before with another body."""


class QueueFull(Exception):
    """As many jobs wait as may wait."""


class Records:
    """The rows. Every method is one transaction. None repeats a failed one, and none waits longer than the database's
    time-outs."""

    def __init__(self, database: Transactions, audit: Audit | None = None) -> None:
        """`audit`: gets the entries about submissions, cancels and deletes."""
        self._database = database
        self._audit = audit or Audit(database, kept=False)
        dialect = database.engine.dialect
        self._fair_tags = FairTags(on_sqlite=database.sqlite)
        self._usage = Usage(database)
        self._insertion = Prepared(insertion(database.sqlite), dialect)
        self._duplicate = Prepared(newest_duplicate(), dialect)
        this = videos.c.id == sa.bindparam("this")
        self._one = Prepared(sa.select(videos).where(this), dialect)
        self._own = Prepared(sa.select(videos).where(this, videos.c.owner == sa.bindparam("its_owner")), dialect)
        open_row = sa.update(videos).where(this, active)
        own_attempt = sa.or_(
            sa.bindparam("of", type_=sa.Integer).is_(None), videos.c.attempt == sa.bindparam("of", type_=sa.Integer)
        )
        latest = (
            sa.func.max if database.sqlite else sa.func.greatest
        )  # a clock that was set back makes no time negative
        now = sa.bindparam("now", type_=sa.Float)
        ended = latest(now, sa.func.coalesce(videos.c.started_at, videos.c.created_at))
        claim = open_row.values(
            status=Status.IN_PROGRESS.value,
            worker=sa.bindparam("its_worker"),
            attempt=videos.c.attempt + 1,
            started_at=sa.func.coalesce(videos.c.started_at, latest(now, videos.c.created_at)),
        )
        self._claim = Prepared(claim.returning(videos), dialect)
        attempt_row = open_row.where(own_attempt)
        save = attempt_row.values(checkpoint=sa.bindparam("its_checkpoint"))
        self._save = Prepared(save.returning(videos.c.id), dialect)
        complete = attempt_row.values(
            status=Status.COMPLETED.value,
            file=sa.bindparam("its_file"),
            made_with=sa.bindparam("its_made_with"),
            bytes=sa.bindparam("its_bytes"),
            completed_at=ended,
            checkpoint=None,
        )
        told = [] if database.sqlite else [notice(NEWS, videos.c.id + " " + videos.c.status)]
        self._complete = Prepared(complete.returning(videos, *told), dialect)
        fail = attempt_row.values(
            status=Status.FAILED.value,
            failure=sa.bindparam("its_failure"),
            completed_at=ended,
            checkpoint=sa.case((sa.bindparam("kept", type_=sa.Boolean), videos.c.checkpoint), else_=None),
        )
        self._fail = Prepared(fail.returning(videos, *told), dialect)

    def check_writable(self) -> None:
        """Begin a write that changes nothing. Raises SQLAlchemy's errors when the database does not take it."""
        with self._database.begin() as connection:
            connection.execute(sa.update(videos).where(sa.false()).values(fair_tag=0))

    def insert(
        self,
        video: Video,
        max_queued: int,
        priority: int = 0,
        idempotency_key: IdempotencyKey | None = None,
        fingerprint: str | None = None,
        webhook: Webhook | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        worker: str | None = None,
        detached: bool = True,
        limits: KeyLimits = NO_LIMITS,
        entry: Entry | None = None,
    ) -> InsertResult:
        """Store a new video in one transaction, or find the one that its idempotency key has led to before.

        The video is queued, or begun at once, or completed already (with the file of a duplicate). It is stored only if
        fewer than `max_queued` jobs wait. `priority` is added to its fair tag (see `FairTags`). `fingerprint`: the
        digest of a deterministic request (see `Duplicates`). `webhook`: the receiver that is told about the video.
        `checkpoint`: the one that the job goes on from. `worker`: the process that makes a video that has begun.
        `detached`: it is made even if nobody waits for it. `limits`: those of the video's API key. `entry`: what the
        audit keeps, if the video is stored.

        Raises `IdempotencyConflict` for a known key with another body, `OverLimit`, `QueueFull`; then nothing is
        stored.
        """
        told = {"owner": video.owner, "fingerprint": fingerprint, "worker": worker, "detached": detached}
        with self._database.begin() as connection:
            if idempotency_key and (earlier := self._claim_key(connection, video, idempotency_key)):
                return InsertResult(video_id=earlier, fair_tag=None)
            before, more = self._audit.beside(entry)
            left = self._usage.reserve(connection, video, limits, before, more)
            fair_tag = priority + (
                0 if video.status.terminal else self._fair_tags.next(connection, video.spec.engine, video.owner)
            )
            saved = json.dumps(checkpoint) if checkpoint else None
            row = {**row_of(video), **told, "fair_tag": fair_tag, "priority": priority, "checkpoint": saved}
            if self._insertion.first(connection, **row, max_queued=max_queued) is None:
                raise QueueFull
            if video.status is Status.COMPLETED:
                self._usage.completed(connection, video)
            if video.status is Status.IN_PROGRESS:
                self._fair_tags.begun(connection, video.spec.engine, fair_tag - priority)
            if webhook:
                add_webhook(connection, video.id, webhook)
            if not before:
                self._audit.add(connection, entry)
        return InsertResult(video_id=video.id, fair_tag=fair_tag, left=left)

    def _claim_key(self, connection: sa.Connection, video: Video, idempotency_key: IdempotencyKey) -> str | None:
        """Claim the idempotency key for the new video. Returns the id of the earlier video if it is taken, else
        None."""
        same = (idempotency_keys.c.owner == video.owner) & (idempotency_keys.c.key == idempotency_key.key)
        now = video.created_at.timestamp()
        connection.execute(
            sa.delete(idempotency_keys).where(same, idempotency_keys.c.created_at < now - idempotency_key.kept_s)
        )
        row = {
            "owner": video.owner,
            "key": idempotency_key.key,
            "digest": idempotency_key.digest,
            "video_id": video.id,
            "created_at": now,
        }
        held = connection.execute(_CLAIM_KEY, row).mappings().one()
        if held["digest"] != idempotency_key.digest:
            raise IdempotencyConflict
        return None if held["video_id"] == video.id else str(held["video_id"])

    def completed_duplicate(self, owner: str, fingerprint: str) -> Video | None:
        """The owner's newest completed video with that fingerprint."""
        with self._database.connect() as connection:
            row = self._duplicate.first(connection, owner=owner, fingerprint=fingerprint)
        return video_of(row) if row else None

    def get(self, video_id: str, owner: str | None = None) -> Video | None:
        """The video; with `owner` only if it is theirs. The query is then the same for another owner's id and for an
        unknown one, so its time tells nothing."""
        with self._database.connect() as connection:
            if owner is None:
                row = self._one.first(connection, this=video_id)
            else:
                row = self._own.first(connection, this=video_id, its_owner=owner)
        return video_of(row) if row else None

    def page(
        self,
        *,
        owner: str | None,
        after: str | None,
        limit: int,
        newest_first: bool,
        filter_by: VideoFilter = NO_FILTER,
    ) -> Sequence[Video]:
        """At most `limit` videos after the id `after`, in the order of their ids, which is that of their creation."""
        query = sa.select(videos).limit(limit)
        query = query.order_by(videos.c.id.desc() if newest_first else videos.c.id.asc())
        if owner is not None:
            query = query.where(videos.c.owner == owner)
        if after is not None:
            query = query.where(videos.c.id < after if newest_first else videos.c.id > after)
        query = query.where(*conditions(filter_by, videos, on_sqlite=self._database.sqlite))
        with self._database.connect() as connection:
            return [video_of(row) for row in connection.execute(query).mappings()]

    def delete(self, video_id: str, entry: Entry | None = None) -> bool:
        """Remove the row of a video that has ended. False when there is none, or it has not ended.

        `entry`: for the audit, if it is removed.
        """
        row = sa.delete(videos).where(videos.c.id == video_id, ~active)
        with self._database.begin() as connection:
            if connection.execute(row.returning(videos.c.id)).first() is None:
                return False
            connection.execute(sa.delete(idempotency_keys).where(idempotency_keys.c.video_id == video_id))
            self._audit.add(connection, entry)
        return True

    def stop_sharing(self, video_id: str) -> None:
        """The video's file is damaged: from now on no duplicate gets it, and its idempotency key leads to a new
        video."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(idempotency_keys).where(idempotency_keys.c.video_id == video_id))
            connection.execute(sa.update(videos).where(videos.c.id == video_id).values(fingerprint=None))

    def expired(self, now: datetime) -> Sequence[str]:
        """The ids of ended videos whose `expires_at` is over."""
        query = sa.select(videos.c.id).where(videos.c.expires_at < now.timestamp(), ~active)
        with self._database.connect() as connection:
            return list(connection.execute(query).scalars())

    def finished(self) -> Mapping[str, tuple[datetime, int]]:
        """When each completed video was made or read last, and the bytes of its file, by id."""
        columns = (videos.c.id, videos.c.completed_at, videos.c.read_at, videos.c.bytes)
        query = sa.select(*columns).where(videos.c.status == Status.COMPLETED.value)
        with self._database.connect() as connection:
            rows = connection.execute(query).all()
        used = {row.id: max(row.completed_at, row.read_at or 0.0) for row in rows}
        return {row.id: (datetime.fromtimestamp(used[row.id], UTC), row.bytes) for row in rows}

    def note_reads(self, reads: Mapping[str, datetime]) -> None:
        """Store when videos were read last, by their ids. An earlier time than the stored one changes nothing."""
        later = sa.or_(videos.c.read_at.is_(None), videos.c.read_at < sa.bindparam("at"))
        update = sa.update(videos).where(videos.c.id == sa.bindparam("this"), later).values(read_at=sa.bindparam("at"))
        with self._database.begin() as connection:
            connection.execute(update, [{"this": this, "at": at.timestamp()} for this, at in sorted(reads.items())])

    def stored(self) -> tuple[int, int]:
        """How many completed videos there are, and the bytes of their files."""
        total = sa.func.coalesce(sa.func.sum(videos.c.bytes), 0)
        query = sa.select(sa.func.count(), total).where(videos.c.status == Status.COMPLETED.value)
        with self._database.connect() as connection:
            count, size = connection.execute(query).one()
        return int(count), int(size)

    def ids(self) -> frozenset[str]:
        """The ids of all videos there are."""
        with self._database.connect() as connection:
            return frozenset(connection.execute(sa.select(videos.c.id)).scalars())

    def keys(self) -> Mapping[str, str | None]:
        """The key of each video's file by the video's id: "" when it has ended without a file, None before its end."""
        if self._database.sqlite:
            key = sa.func.json_extract(videos.c.file, "$.key")
        else:
            key = sa.cast(videos.c.file, sa.JSON)["key"].as_string()
        query = sa.select(videos.c.id, sa.case((~active, sa.func.coalesce(key, ""))))
        with self._database.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def images(self) -> frozenset[str]:
        """The digests of all input images that the stored requests name."""
        requests = sa.select(videos.c.request).where(videos.c.request.like('%image": {%'))
        with self._database.connect() as connection:
            found = [json.loads(request) for request in connection.execute(requests).scalars()]
        images = (request.get(name) for request in found for name in ("image", "last_image"))
        return frozenset(image["sha256"] for image in images if image)

    def forget_keys(self, before: datetime) -> None:
        """Remove idempotency keys that were first used before that time."""
        with self._database.statement() as connection:
            connection.execute(sa.delete(idempotency_keys).where(idempotency_keys.c.created_at < before.timestamp()))

    def claim(self, video_id: str, worker: str, now: datetime) -> Claimed | None:
        """Begin an attempt, whose number is the fencing token. Returns the video and its checkpoint; None if it has
        ended."""
        with self._database.begin() as connection:
            row = self._claim.first(connection, this=video_id, its_worker=worker, now=now.timestamp())
            if row is None:
                return None
            self._fair_tags.begun(connection, row["engine"], row["fair_tag"] - row["priority"])
        return claimed(row)

    def free(self) -> None:
        """Free all videos that have not ended. Only for a process that is alone with the database, at its start."""
        with self._database.statement() as connection:
            connection.execute(sa.update(videos).where(active, videos.c.worker.is_not(None)).values(worker=None))

    def promise(self, video_id: str) -> None:
        """Note that the video is to be made even if no client waits for it any more."""
        with self._database.statement() as connection:
            connection.execute(sa.update(videos).where(videos.c.id == video_id, active).values(detached=True))

    def save_checkpoint(self, video_id: str, attempt: int, state: Mapping[str, Any]) -> bool:
        """Store a checkpoint for a later attempt. False when the video has ended or a later attempt has begun."""
        with self._database.statement() as connection:
            saved = self._save.first(connection, this=video_id, of=attempt, its_checkpoint=json.dumps(state))
        return saved is not None

    def complete(
        self, video_id: str, attempt: int, file: MadeFile, made_with: Mapping[str, Any], now: datetime
    ) -> Video | None:
        """End the video as completed. None when it has ended already or a later attempt has begun."""
        values = {
            "its_file": json.dumps(dataclasses.asdict(file)),
            "its_made_with": json.dumps(made_with),
            "its_bytes": file.size,
        }
        with self._database.begin() as connection:
            row = self._complete.first(connection, this=video_id, of=attempt, now=now.timestamp(), **values)
            if row is None:
                return None
            video = video_of(row)
            self._usage.completed(connection, video)
        return video

    def fail(
        self,
        video_id: str,
        attempt: int | None,
        failure: Failure,
        now: datetime,
        *,
        resumable: bool = False,
        entry: Entry | None = None,
    ) -> Video | None:
        """End the video as failed. None when it has ended already or a later attempt has begun.

        `attempt` None, for a cancel, ends any attempt. `resumable`: keep its checkpoint, if it has one (`Resumable`).
        `entry`: what the audit keeps, if this call ends the video.
        """
        told = json.dumps(dataclasses.asdict(failure))
        values = {"its_failure": told, "kept": resumable, "now": now.timestamp()}
        with self._database.begin() as connection:
            row = self._fail.first(connection, this=video_id, of=attempt, **values)
            if row is None:
                return None
            video = video_of(row)
            self._usage.failed(connection, video)
            self._audit.add(connection, entry)
        return video

    def active(self) -> Sequence[tuple[int, Video]]:
        """All videos that are queued or in progress, with their fair tags, in the order of these."""
        query = sa.select(videos).where(active).order_by(videos.c.fair_tag, videos.c.id)
        with self._database.connect() as connection:
            return [(row[videos.c.fair_tag], video_of(row)) for row in connection.execute(query).mappings()]
