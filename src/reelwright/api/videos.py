"""What every dialect does with the videos of whoever asks: submit, wait, look up, cancel, list, send the file.

A dialect only translates between its clients and these methods. They take the caller from the request, so that no
dialect handles keys or owners, and none can show a video to somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from reelwright.api import delivery
from reelwright.api.bodies import release_body
from reelwright.api.request_options import hung_up
from reelwright.errors import EngineError
from reelwright.jobs.integrity import Integrity
from reelwright.jobs.janitor import Reads
from reelwright.jobs.queue import Queue, SubmitOptions
from reelwright.jobs.variants import Variant, Variants
from reelwright.store.search import NO_FILTER, VideoFilter
from reelwright.video import Video, VideoSpec

KEPT_BY_CLIENTS = "private, max-age=86400"
"""`Cache-Control` of a finished file: it never changes, but it belongs to whoever has the key."""


def owner_of(request: Request) -> str | None:
    """Whose videos this request may see: its key's, or everybody's (None) when the server asks for no keys."""
    return request.state.owner or None


class Videos:
    """The jobs, as the dialects use them."""

    def __init__(self, *, queue: Queue, variants: Variants, integrity: Integrity, reads: Reads) -> None:
        """`reads` is told of each download, for the audit and for the order in which old files are removed."""
        self._queue = queue
        self._variants = variants
        self._integrity = integrity
        self._reads = reads

    async def get(self, request: Request, video_id: str) -> Video:
        """A video of the caller. Raises `NotFound`, also for somebody else's."""
        return await self._queue.get(video_id, owner_of(request))

    async def page(
        self, request: Request, *, after: str | None, limit: int, newest_first: bool, filter_by: VideoFilter = NO_FILTER
    ) -> tuple[Sequence[Video], bool]:
        """At most `limit` of the caller's videos behind the one with the id `after`, and whether there are more."""
        return await self._queue.page(
            owner_of(request), after=after, limit=limit, newest_first=newest_first, filter_by=filter_by
        )

    async def submit(self, request: Request, spec: VideoSpec, options: SubmitOptions) -> Video:
        """The new video, stored: from here on it survives a crash. Raises as `Queue.submit`."""
        return await self._queue.submit(spec, request.state.caller, options)

    async def make(self, request: Request, spec: VideoSpec, options: SubmitOptions) -> Video:
        """The completed video, for a client that waits for it; one that hangs up cancels the job, unless somebody else
        waits for it, too. Raises `EngineError` when the job fails, and as `submit`.
        """
        video = await self.submit(request, spec, options)
        release_body(request)  # a wait may take minutes, and the body is not needed any more
        video = await self._queue.wait_while(video, lambda: hung_up(request))
        if video.failure:
            raise EngineError.from_failure(video.failure)
        return video

    async def wait(self, request: Request, video: Video, seconds: float) -> Video:
        """The video as it is at its end, or after so many seconds. Nobody's hanging up cancels it."""
        release_body(request)
        return await self._queue.wait_for(video, seconds)

    async def annotate(self, video: Video, changes: Mapping[str, str | None], most: int) -> Video:
        """The ended video with its metadata changed: see `Queue.annotate`."""
        return await self._queue.annotate(video, changes, most)

    async def cancel(self, request: Request, video_id: str) -> Video:
        """End the caller's job. A video that has ended already stays as it is. Raises `NotFound`."""
        return await self._queue.cancel(await self.get(request, video_id), request.state.caller)

    async def delete(self, request: Request, video_id: str) -> None:
        """Remove the caller's video for good; a running job is stopped. Raises `NotFound`."""
        await self._queue.delete(await self.get(request, video_id), request.state.caller)

    async def is_there(self, video: Video) -> bool:
        """Whether the file of a completed video is still there and undamaged."""
        return await self._integrity.is_intact(video)

    async def file(
        self, request: Request, video: Video, variant: Variant = Variant.VIDEO, *, attachment_name: str | None = None
    ) -> Response:
        """The file of a completed video, or what is made of it; where the bucket sends its files itself, its address.

        `attachment_name`: the client keeps the file under that name; without it a browser shows it. Raises
        `EngineError` (`corrupt`) when the file is damaged, `NotFound` when it is gone, `Busy` when the bucket does not
        answer.
        """
        headers = {"Cache-Control": KEPT_BY_CLIENTS, **delivery.video_headers(video)}
        if variant is not Variant.VIDEO:
            headers["ETag"] = delivery.variant_etag(video, variant)
        if request.method in ("GET", "HEAD"):
            self._reads.note(video.id, request.state.caller)
            if address := await self._variants.address(video, variant, request.method):
                return delivery.redirect(request, address, headers, video)
        else:
            headers["Cache-Control"] = "no-store"  # the answer to a POST is a new video each time
        made = await self._variants.get(video, variant)
        name = attachment_name or f"{video.id}.{made.ending}"
        return delivery.send_file(made.path, made.media_type, headers, name, attachment=attachment_name is not None)
