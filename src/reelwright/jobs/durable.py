"""The durable job engine: DBOS behind the few verbs that we need. Nothing else in the house imports `dbos`.

DBOS keeps workflows and queues in our own database, runs each workflow's steps once, and finds the work again after a
crash. What it lacks is here: a process's unfinished workflows go back to the queue when the process is dead
(`requeue`). It is a singleton by its own design, so there is one `Durable` a process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, SetWorkflowID, error

VERSION = "1"
"""The application version. Raised only when the steps of a workflow change their shape."""

POLL_S = 1.0
"""A look at an engine's queue costs some 2 ms of CPU. Here a job begins as soon as a slot is free, without one."""
FIRST_PRIORITY = 16
"""DBOS's priorities begin with 1; a client's priority may shift a turn below zero."""
MAX_THREADS = 16

UNFINISHED = frozenset({"PENDING", "ENQUEUED", "DELAYED"})

SENDS = "webhooks"
SENDS_AT_ONCE = 64
SENDS_TO_ONE_RECEIVER = 4
SENDS_POLL_S = 0.5

Attempt = Callable[[str], Awaitable[None]]
Send = Callable[[str, int], Awaitable[float | None]]


class Durable:
    """Workflows that survive the process. All methods run on the loop that called `launch`."""

    def __init__(
        self,
        database: sa.Engine,
        executor_id: str,
        queues: Mapping[str, int],
        attempt: Attempt,
        send: Send,
    ):
        """`queues`: how many workflows of each engine this process takes from the queue at once.

        `attempt` makes the video and records its outcome; after a crash it is called again. `send` tries a webhook's
        delivery and returns the pause before the next try; it is a step.
        """
        self._database = database
        self._executor_id = executor_id
        self._queues = queues
        self._attempt = attempt
        self._send = send
        self._loop: asyncio.AbstractEventLoop | None = None
        self._run: Callable[[str], Coroutine[Any, Any, None]] | None = None

    async def launch(self) -> None:
        """Migrate the tables, take back what dead processes left, start polling the queues."""
        self._loop = asyncio.get_running_loop()
        config: DBOSConfig = {
            "name": "reelwright",
            "system_database_url": self._database.url.render_as_string(hide_password=False),
            "system_database_engine": self._database,
            "executor_id": self._executor_id,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "max_executor_threads": MAX_THREADS,
            "log_level": "WARNING",
            "run_migrations": True,
        }
        DBOS(config=config)
        # Its log lines go where all others go.
        logger = logging.getLogger("dbos")
        logger.handlers.clear()
        logger.propagate = True
        logger.filters[:] = [_worth_telling]
        self._register()
        await asyncio.to_thread(DBOS.launch)
        for name, concurrency in self._queues.items():
            await DBOS.register_queue_async(
                name, worker_concurrency=concurrency, polling_interval_sec=POLL_S, on_conflict="always_update"
            )
        await DBOS.register_queue_async(
            SENDS,
            worker_concurrency=SENDS_AT_ONCE,
            partition_worker_concurrency=SENDS_TO_ONE_RECEIVER,
            polling_interval_sec=SENDS_POLL_S,
            on_conflict="always_update",
        )

    def _register(self) -> None:
        attempt, send = self._on_our_loop(self._attempt), self._on_our_loop(self._send)

        # No steps: an attempt is durable by its row, its checkpoint and its file, and may be begun again at any point.
        # Each step would be one more commit and one more read for every job.
        @DBOS.workflow(name="video")
        async def video_workflow(video_id: str) -> None:
            await attempt(video_id)

        # Retried: what fails here is the database, a receiver's failure is a result.
        @DBOS.step(name="send", retries_allowed=True, max_attempts=5)
        async def send_step(delivery_id: str, turn: int) -> float | None:
            return await send(delivery_id, turn)  # type: ignore[no-any-return]

        @DBOS.workflow(name="send")
        async def send_workflow(delivery_id: str, turn: int, receiver: str) -> None:
            pause = await send_step(delivery_id, turn)
            if pause is not None:
                await self.send(delivery_id, turn + 1, receiver, pause)

        self._run = video_workflow

    def _on_our_loop(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """DBOS runs what it takes from a queue on a loop of its own; our state lives on ours."""

        async def hop(*arguments: Any) -> Any:
            ours = self._loop
            assert ours is not None
            if asyncio.get_running_loop() is ours:
                return await function(*arguments)
            coroutine = _as_coroutine(function(*arguments))
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, ours))

        return hop

    async def start(self, video_id: str) -> None:
        """Run the workflow here and now; durable all the same. A second start of the same id changes nothing."""
        assert self._run is not None
        with SetWorkflowID(video_id):
            await DBOS.start_workflow_async(self._run, video_id)

    async def enqueue(self, video_id: str, engine: str, turn: int) -> None:
        """Put the workflow into the engine's queue; lower turns are served first. Harmless when it is known already."""
        await DBOS.enqueue_workflow_with_options_async(
            {
                "workflow_name": "video",
                "queue_name": engine,
                "workflow_id": video_id,
                "app_version": VERSION,
                "priority": max(1, turn + FIRST_PRIORITY),
            },
            video_id,
        )

    async def send(self, delivery_id: str, turn: int, receiver: str, pause: float) -> None:
        """Queue a try of a delivery, after a pause in seconds. Harmless when this turn is known already."""
        options: EnqueueOptions = {
            "workflow_name": "send",
            "queue_name": SENDS,
            "workflow_id": send_id(delivery_id, turn),
            "app_version": VERSION,
            "queue_partition_key": receiver,
        }
        if pause > 0:
            options["delay_seconds"] = pause
        await DBOS.enqueue_workflow_with_options_async(options, delivery_id, turn, receiver)

    async def withdraw(self, video_id: str) -> None:
        """Take a workflow that has not begun out of its queue."""
        await DBOS.cancel_workflow_async(video_id)

    async def unqueue(self, video_id: str) -> None:
        """The video is worked on without its workflow, which leaves its queue if it is still there."""
        await self._drop("workflow_uuid = :video", video=video_id)

    async def clear(self) -> None:
        """Take workflows out of their queues whose video has ended or is gone."""
        await self._drop("NOT EXISTS (SELECT 1 FROM videos WHERE id = workflow_uuid AND completed_at IS NULL)")

    async def _drop(self, which: str, **values: str) -> None:
        queued = f"SELECT workflow_uuid FROM {self._schema}workflow_status"
        queued += f" WHERE name = 'video' AND status = 'ENQUEUED' AND {which}"

        def delete() -> None:
            with self._database.begin() as connection:
                for table in ("workflow_input", "workflow_status"):  # in this order: nothing cascades to the inputs
                    statement = f"DELETE FROM {self._schema}{table} WHERE workflow_uuid IN ({queued})"
                    connection.execute(sa.text(statement), values)

        await asyncio.to_thread(delete)

    async def forget(self, workflow_ids: list[str]) -> None:
        """Remove all traces of workflows that have ended."""
        await DBOS.delete_workflows_async(workflow_ids)

    async def tidy(self) -> None:
        """Remove what is left of the workflows of videos that are gone; those that still run have their turn later."""
        statement = sa.text(
            f"SELECT workflow_uuid FROM {self._schema}workflow_status AS workflow WHERE name = 'video'"
            " AND status IN ('SUCCESS', 'ERROR', 'CANCELLED')"
            " AND NOT EXISTS (SELECT 1 FROM videos WHERE id = workflow.workflow_uuid) LIMIT 1000"
        )

        def find() -> list[str]:
            with self._database.connect() as connection:
                return list(connection.execute(statement).scalars())

        await self.forget(await asyncio.to_thread(find))

    @property
    def _schema(self) -> str:
        return "" if self._database.dialect.name == "sqlite" else "dbos."

    async def requeue(self, *, own: bool) -> int:
        """Put unfinished workflows back into their queues: those of dead processes, or (`own`) of this one.

        With one process a database (SQLite) every other executor is dead. The cleared `owner_xid` fences off a zombie:
        DBOS refuses whatever it still tries to record. Returns how many were put back.
        """
        whose = "=" if own else "<>"
        statement = sa.text(
            f"UPDATE {self._schema}workflow_status"
            " SET status = 'ENQUEUED', owner_xid = NULL, started_at_epoch_ms = NULL,"
            " application_version = :version, queue_name = COALESCE(queue_name,"
            " (SELECT engine FROM videos WHERE id = workflow_uuid), '_dbos_internal_queue')"
            f" WHERE status = 'PENDING' AND executor_id {whose} :executor"
        )

        def update() -> int:
            with self._database.begin() as connection:
                return connection.execute(statement, {"version": VERSION, "executor": self._executor_id}).rowcount

        return await asyncio.to_thread(update)

    async def orphans(self, video_ids: list[str]) -> list[str]:
        """Those of the ids, of videos that have not ended, that nobody will work on.

        They have no workflow: a crash came between the row and the workflow. Or it has ended without them, when their
        outcome could not be recorded; it is forgotten then, so that it can be queued again.
        """
        found = await DBOS.list_workflows_async(workflow_ids=video_ids, load_input=False, load_output=False)
        ended = [one.workflow_id for one in found if one.status not in UNFINISHED]
        if ended:
            await self.forget(ended)
        known = {one.workflow_id for one in found} - set(ended)
        return [video_id for video_id in video_ids if video_id not in known]

    async def close(self) -> None:
        await asyncio.to_thread(lambda: DBOS.destroy(destroy_registry=True))


def send_id(delivery_id: str, turn: int) -> str:
    """The id of the workflow that is a try of a delivery."""
    return f"{delivery_id}-{turn}"


def _worth_telling(record: logging.LogRecord) -> bool:
    """Not what a stopping server interrupts (it is resumed; the text has memory addresses), nor that a workflow was

    withdrawn at the very moment it began or ended (its row tells how that went).
    """
    interrupted = "task cancelled for workflow or step" in record.getMessage()
    withdrawn = record.exc_info and isinstance(record.exc_info[1], error.DBOSAwaitedWorkflowCancelledError)
    return not interrupted and not withdrawn


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
