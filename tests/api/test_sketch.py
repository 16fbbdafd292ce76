"""What the sketch engine understood is told over HTTP, and a loop that was asked for is one."""

from __future__ import annotations

import io
from itertools import pairwise

import av
import httpx2
import numpy as np

from tests.api.videos import made

SMALL = {"model": "sketch", "size": "96x96", "seed": 5, "fps": 12, "num_frames": 24}


def test_what_was_understood_is_in_the_record(http: httpx2.Client) -> None:
    video = made(http, prompt="Two red boats at sunset with a koala, pan left", **{**SMALL, "num_frames": 2})
    assert video["made_with"]["understood"] == ["sunset", "two red sailboats", "pan left"]
    assert video["made_with"]["not_drawn"] == ["koala"]


def test_a_loop_has_no_jump(http: httpx2.Client) -> None:
    video = made(http, prompt="a dog running on the beach, clouds", extra_params={"loop": True}, **SMALL)
    assert video["warnings"] == []
    assert video["made_with"]["loop"] is True
    data = http.get(f"/v1/videos/{video['id']}/content").content
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(np.float32) for frame in container.decode(video=0)]
    steps = [float(np.abs(one - other).mean()) for one, other in pairwise(frames)]
    assert float(np.abs(frames[-1] - frames[0]).mean()) < 2 * max(steps)
