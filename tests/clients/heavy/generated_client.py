"""What a program with a generated client does. Arguments: the client's folder, the server's address."""

from __future__ import annotations

import json
import sys
import time

folder, base = sys.argv[1:]
sys.path.insert(0, folder)

from made.api.native import generate_video  # noqa: E402
from made.api.videos import create_video, delete_video, get_video, get_video_content, list_videos  # noqa: E402
from made.client import AuthenticatedClient  # noqa: E402
from made.models import CreateVideo, CreateVideoMultipart, GenerateVideo, OpenAIError, Video  # noqa: E402

client = AuthenticatedClient(base_url=base, token="right-key-0123456789", timeout=60)
small = {"model": "toy", "width": 64, "height": 64, "num_frames": 4}


def ended(video: Video | OpenAIError | None) -> Video:
    assert isinstance(video, Video), video
    while video.status in ("queued", "in_progress"):
        time.sleep(0.1)
        video = get_video.sync(video.id, client=client)
    return video


first = ended(create_video.sync(client=client, body=CreateVideo(prompt="paint", **small)))
form = ended(create_video.sync(client=client, body=CreateVideoMultipart(prompt="paint a form", **small)))
content = get_video_content.sync(first.id, client=client)
told = create_video.sync(client=client, body=CreateVideo(prompt="paint", model="unheard-of"))
at_once = generate_video.sync(client=client, body=GenerateVideo(prompt="paint at once", **small))
page = list_videos.sync(client=client, limit=10)
gone = delete_video.sync(first.id, client=client)
sys.stdout.write(
    json.dumps(
        {
            "statuses": [first.status, form.status],
            "content": content.payload.read()[:12].decode("latin-1"),
            "at_once": at_once.payload.read()[:12].decode("latin-1"),
            "refused": told.error.message,
            "listed": len(page.data),
            "deleted": gone.deleted,
        }
    )
)
