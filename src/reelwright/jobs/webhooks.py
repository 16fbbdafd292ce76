"""Webhooks: tells a receiver that a video has begun or ended, until the receiver confirms it.

The messages follow Standard Webhooks (https://www.standardwebhooks.com): the headers `webhook-id`, `webhook-timestamp`
and `webhook-signature`, and its schedule of tries. A delivery is a row with the time of its next try; `outbox.py` makes
the tries when they are due.

No failure here fails a job. A delivery that a crash, or a database that was away, has kept from being recorded is
recorded later (`_record_missed`).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from standardwebhooks import Webhook as Signer

from reelwright import ids
from reelwright.clock import Clock
from reelwright.errors import Busy, Code, NotFound
from reelwright.jobs.outbox import LOOK_AT_OTHERS_S, Outbox
from reelwright.jobs.threads import RETRY_S, Threads
from reelwright.jobs.traces import Traces
from reelwright.loop import Loop
from reelwright.outbound import Outbound, Receipt
from reelwright.store.deliveries import Deliveries, Delivery, State
from reelwright.store.records import Records
from reelwright.video import Status, Video, Webhook

SCHEDULE = (0.0, 5.0, 5 * 60.0, 30 * 60.0, *(hours * 3600.0 for hours in (2, 5, 10, 14, 20, 24)))
"""The pause before each try, in seconds, as Standard Webhooks recommends."""

GONE = 410
"""The HTTP status by which a receiver says that it wants no more messages."""
KEPT = timedelta(days=30)
"""How long the row of a delivery that has ended is kept."""

EVENTS: Mapping[Status, tuple[str, ...]] = {
    Status.IN_PROGRESS: ("start",),
    Status.COMPLETED: ("video.completed", "video.generation.completed", "completed", "output"),
    Status.FAILED: ("video.failed", "video.generation.failed", "completed"),
}
"""The events of each state, by all dialects' names. A webhook that wants several of them is sent the first one only."""

CANCELLED = ("video.generation.cancelled", *EVENTS[Status.FAILED])

Describe = Callable[[str, Video, str], Mapping[str, Any]]
"""The body that a dialect sends for an event: (event, video, base URL of the server) → a JSON object."""

Sign = Callable[[Delivery, datetime, str], Mapping[str, str]]
"""The headers that prove the sender: (delivery, time of this try, secret) → headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """How the messages of each dialect look: `bodies`, and `signatures` where its receivers expect other headers than
    those of Standard Webhooks. `schedule`: the pauses before the tries, in seconds."""

    bodies: Mapping[str, Describe]
    signatures: Mapping[str, Sign]
    schedule: Sequence[float] = SCHEDULE


class Webhooks:
    """Records deliveries, sends them, and lists them."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        records: Records,
        outbound: Outbound,
        clock: Clock,
        threads: Threads,
        secret: Callable[[], str],
        forms: Forms,
        traces: Traces,
        me: Callable[[], str],
        alone: bool,
    ) -> None:
        """`secret`: reads the signing secret, in a thread. `me`: the id of this process in the rows, which changes when
        it registers anew. `alone`: no other process works on the database."""
        self._deliveries = deliveries
        self._records = records
        self._outbound = outbound
        self._clock = clock
        self._threads = threads
        self._secret = secret
        self._forms = forms
        self._traces = traces
        self._event_loop: asyncio.AbstractEventLoop | None = None
        # Its first round, at the start, is for a crash between the end of a video and its deliveries.
        self._missed = Loop("missed webhooks", self._record_missed, lambda: None)
        self._me = me
        self._outbox = Outbox(
            deliveries=deliveries,
            threads=threads,
            clock=clock,
            send=self.send,
            me=me,
            look_s=None if alone else LOOK_AT_OTHERS_S,
        )
        self._log = structlog.get_logger("reelwright.webhooks")

    def secret_of(self, owner: str) -> str:
        """In a thread: the secret with which this owner's receivers verify messages in Replicate's dialect.

        Those messages are signed with it and with the server's own secret, from which it is derived (HMAC-SHA256). So
        it is valid as long as that one, and an owner who knows it cannot forge messages to other owners.
        """
        master = base64.b64decode(self._secret().removeprefix("whsec_"))
        derived = hmac.digest(master, f"webhooks of {owner}".encode(), "sha256")
        return "whsec_" + base64.b64encode(derived).decode()

    def record_deliveries(self, video: Video) -> Sequence[Delivery]:
        """In a thread: record the deliveries about a video that has just begun or ended. Never raises.

        Returns them, for `send_later` once the transaction is committed.
        """
        try:
            return self._deliveries.take(video, lambda webhook: self._delivery(webhook, video))
        except Busy as error:
            self._log.warning("webhooks not recorded", video=video.id, reason=error.message)
        except Exception:  # noqa: BLE001 - a webhook may not fail a job: recorded, and found later
            self._log.exception("webhooks not recorded", video=video.id)
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self._missed.wake)
        return ()

    def send_later(self, due: Sequence[Delivery]) -> None:
        """Give recorded deliveries to the outbox."""
        for delivery in due:
            self._outbox.add(delivery)

    async def run(self) -> None:
        """Send deliveries when they are due, and record those that were missed, until the task is cancelled."""
        self._event_loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._outbox.run())
            both.create_task(self._missed.run())

    async def send(self, delivery_id: str, fence: int) -> Delivery | None:
        """Make one try. Returns the delivery when there is to be another try.

        None when this was the last one, or `fence` is out of date: another try was scheduled meanwhile.
        """
        delivery = await self._threads.read(self._deliveries.get, delivery_id)
        if delivery is None or delivery.state is not State.PENDING or delivery.fence != fence:
            return None
        body = delivery.body.encode()
        headers = await self._threads.read(self._sign, delivery)
        video = await self._threads.read(self._records.get, delivery.video_id) if self._traces.on else None
        with self._traces.delivery(video, delivery.url, delivery.event) as trying:
            if trying.traceparent:
                headers = {**headers, "traceparent": trying.traceparent}
            receipt = await self._outbound.post_json(delivery.url, body, headers)
            if receipt.status is not None:
                trying.note({"http.response.status_code": receipt.status})
            if receipt.status is None or receipt.status >= 400:
                trying.fail(str(receipt.status or "unreachable"))
        return await self._settle(delivery, receipt)

    async def list(self, video_id: str) -> Sequence[Delivery]:
        """A video's deliveries, oldest first."""
        return await self._threads.read(self._deliveries.list, video_id)

    async def resend(self, video_id: str, delivery_id: str) -> Delivery:
        """Send a delivery once more now, whatever became of it, and then by the schedule. Raises `NotFound`."""
        delivery = await self._threads.read(self._deliveries.get, delivery_id)
        if delivery is not None and delivery.video_id == video_id:
            delivery = await self._threads.write(self._deliveries.reopen, delivery_id, self._me(), self._clock.now())
            if delivery is not None:
                self._outbox.add(delivery)
                return delivery
        raise NotFound("This video has no delivery with this id", field="delivery_id")

    async def tidy(self) -> None:
        """Remove deliveries that ended long ago, and record those that any process has missed."""
        await self._threads.write(self._deliveries.forget, self._clock.now() - KEPT)
        self._missed.wake()

    def _delivery(self, webhook: Webhook, video: Video) -> Delivery | None:
        cancelled = video.failure is not None and video.failure.code == Code.CANCELLED
        happened = CANCELLED if cancelled else EVENTS[video.status]
        event = next((event for event in happened if event in webhook.events), None)
        if event is None:
            return None
        now, pause = self._clock.now(), self._forms.schedule[0]
        body = self._forms.bodies[webhook.dialect](event, video, webhook.base_url)
        return Delivery(
            id=f"msg_{ids.ulid(int(now.timestamp() * 1000))}",
            video_id=video.id,
            owner=video.owner,
            url=webhook.url,
            dialect=webhook.dialect,
            event=event,
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
            next_try_at=now + timedelta(seconds=pause),
            created_at=now,
            worker=None if pause else self._me(),
        )

    def _sign(self, delivery: Delivery) -> Mapping[str, str]:
        now = self._clock.now()
        if own := self._forms.signatures.get(delivery.dialect):
            return own(delivery, now, self._secret())
        secrets = [self._secret()]
        if delivery.dialect == "replicate":
            secrets.append(self.secret_of(delivery.owner))
        return {
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Signer(key).sign(delivery.id, now, delivery.body) for key in secrets),
        }

    async def _settle(self, delivery: Delivery, receipt: Receipt) -> Delivery | None:
        # Stored however long the database takes: otherwise the same message would be sent again.
        now, status = self._clock.now(), receipt.status
        facts = {"delivery": delivery.id, "video": delivery.video_id, "about": delivery.event, "status": status}
        if status is not None and 200 <= status < 300:
            await self._threads.write_retrying(self._deliveries.end, delivery, State.DELIVERED, status, None, now)
            self._log.info("webhook delivered", **facts, tries=delivery.tries + 1)
            return None
        problem = receipt.problem or f"The server there answered with status {status}."
        if status == GONE:
            await self._threads.write_retrying(self._deliveries.end, delivery, State.DISABLED, status, problem, now)
            await self._threads.write_retrying(self._deliveries.disable, delivery.owner, delivery.url, now)
            self._log.warning("webhook disabled", **facts)
            return None
        if delivery.step + 1 == len(self._forms.schedule):
            await self._threads.write_retrying(self._deliveries.end, delivery, State.FAILED, status, problem, now)
            self._log.warning("webhook given up", **facts, problem=problem)
            return None
        pause = self._forms.schedule[delivery.step + 1]
        next_try_at = now + timedelta(seconds=pause)
        following = await self._threads.write_retrying(
            self._deliveries.postpone, delivery, status, problem, next_try_at
        )
        self._log.info("webhook not delivered", **facts, problem=problem, next_try_s=pause)
        return following

    async def _record_missed(self) -> None:
        """Record the deliveries of ended videos that have none: a crash, or a database that was away, came between."""
        for video_id in await self._threads.read(self._deliveries.videos_without_delivery):
            video = await self._threads.read(self._records.get, video_id)
            if video is not None and video.status.terminal:
                self.send_later(await self._threads.write(self.record_deliveries, video))
        await asyncio.sleep(RETRY_S)  # a database that takes no writes wakes this loop again at once
