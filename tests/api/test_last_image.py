"""The picture that a video ends with: under each dialect's names, where the card has it and where it has not."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.api.asks import picture
from tests.api.test_extension import content, frames_of
from tests.api.videos import create, ended

ORANGE = (200, 120, 40)
ADDRESS = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
FRAME = {"type": "image_url", "image_url": {"url": ADDRESS}}
SMALL: dict[str, Any] = {"prompt": "Mountains at dawn", "num_frames": 8, "fps": 8}


def ends_orange(http: httpx2.Client, video: dict[str, Any]) -> None:
    video = ended(http, video)
    assert (video["status"], video["has_last_image"], video["warnings"]) == ("completed", True, [])
    frames = frames_of(content(http, video))
    assert np.abs(frames[-1] - ORANGE).mean() < 3
    assert np.abs(frames[0] - ORANGE).mean() > 20


@pytest.mark.parametrize("name", ["last_image", "last_frame", "end_image"])
def test_openais_clients_send_it_beside_the_fields(http: httpx2.Client, name: str) -> None:
    sent = {"image_url": ADDRESS} if name == "end_image" else ADDRESS
    ends_orange(http, create(http, **{**SMALL, "model": "sketch", name: sent}))


def test_in_forms_it_is_a_file(http: httpx2.Client) -> None:
    answer = http.post(
        "/api/video/generate",
        data={"prompt": "Mountains at dawn", "num_frames": "8", "size": "64x64"},
        files={"last_image": ("b.png", picture(), "image/png")},
    )
    assert answer.status_code == 200, answer.text
    assert np.abs(frames_of(answer.content)[-1] - ORANGE).mean() < 3
    ends_orange(http, {"id": answer.headers["x-video-id"]})
    broken = http.post("/api/video/generate", data={"prompt": "x"}, files={"last_image": b"no picture"})
    assert (broken.status_code, broken.json()["field"]) == (400, "last_image")


@pytest.mark.parametrize("name", ["last_image", "last_frame_image", "end_image", "tail_image"])
def test_replicates_models_have_their_own_names(http: httpx2.Client, name: str) -> None:
    fields = {**SMALL, "width": 64, "height": 64, name: ADDRESS}
    answer = http.post("/v1/predictions", json={"version": "sketch", "input": fields})
    assert answer.status_code == 201, answer.text
    ends_orange(http, answer.json())
    file = http.post("/v1/files", files={"content": ("b.png", picture(), "image/png")}).json()["urls"]["get"]
    again = http.post("/v1/predictions", json={"version": "sketch", "input": {**fields, name: file}})
    ends_orange(http, again.json())


def test_openrouters_frames_are_the_first_and_the_last(http: httpx2.Client) -> None:
    models = {one["id"]: one for one in http.get("/api/v1/videos/models").json()["data"]}
    assert models["reelwright/sketch"]["supported_frame_images"] == ["first_frame", "last_frame"]
    assert models["reelwright/sketch"]["generate_audio"] is True
    assert models["reelwright/toy"]["supported_frame_images"] == ["first_frame"]
    blue = base64.b64encode(_blue()).decode()
    first = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{blue}"}, "frame_type": "first_frame"}
    body = {"prompt": "slowly", "model": "reelwright/sketch", "size": "64x64", "num_frames": 8}
    last = {**FRAME, "frame_type": "last_frame"}
    answer = http.post("/api/v1/videos", json={**body, "frame_images": [last, first]})
    assert answer.status_code == 202, answer.text
    video = ended(http, {"id": answer.json()["id"]})
    frames = frames_of(content(http, video))
    assert np.abs(frames[0] - (40, 60, 200)).mean() < 3
    assert np.abs(frames[-1] - ORANGE).mean() < 3


def _blue() -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 64), (40, 60, 200)).save(file, "PNG")
    return file.getvalue()


def test_where_the_card_has_none_it_is_left_out_and_named(http: httpx2.Client) -> None:
    video = ended(http, create(http, last_image=ADDRESS, generate_sound=True))
    assert video["dropped_fields"] == ["generate_sound", "last_image"]
    assert (video["has_last_image"], video["generate_audio"]) == (False, None)
    assert "last_image was not used: the model toy cannot do it." in video["warnings"]


def test_it_sets_the_shape_where_nothing_else_does(http: httpx2.Client) -> None:
    wide = base64.b64encode(picture(width=128, height=64)).decode()
    body = {"prompt": "x", "model": "sketch", "num_frames": 2, "last_image": f"data:image/png;base64,{wide}"}
    video = http.post("/v1/videos", json=body).json()
    assert video["width"] / video["height"] == pytest.approx(2, abs=0.1)


def test_a_remix_keeps_it(http: httpx2.Client) -> None:
    source = ended(http, create(http, **{**SMALL, "model": "sketch", "last_image": ADDRESS}))
    remix = http.post(f"/v1/videos/{source['id']}/remix", json={"prompt": "A field of flowers"}).json()
    ends_orange(http, remix)
