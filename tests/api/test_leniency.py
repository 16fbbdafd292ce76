"""What clients really send beside the plain case: blank form fields, 16.0, long prompts, fields of other servers."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from tests.api.asks import PATH, SMALL, generate, picture
from tests.api.test_openai import multipart, refused
from tests.api.videos import SMALL as SMALL_VIDEO
from tests.api.videos import create, ended, look


def asked_of(http: httpx2.Client, answer: httpx2.Response) -> dict[str, Any]:
    """The object of the video that the native dialect answered with."""
    assert answer.status_code == 200, answer.text
    return look(http, {"id": answer.headers["x-video-id"]})


@pytest.mark.parametrize("kind", ["data", "multipart"])
def test_a_blank_field_of_a_form_is_an_absent_one(http: httpx2.Client, kind: str) -> None:
    fields = {"prompt": "paint", **SMALL, "seed": "", "negative_prompt": "", "fps": "", "image": "", "model": ""}
    body = multipart(fields) if kind == "multipart" else {kind: fields}
    video = asked_of(http, http.post(PATH, **body))
    assert (video["fps"], video["has_image"], video["negative_prompt"]) == (12, False, None)


def test_a_blank_prompt_of_a_form_is_told(http: httpx2.Client) -> None:
    answer = http.post(PATH, data={"prompt": "", **SMALL})
    assert (answer.status_code, answer.json()["example"]) == (400, {"prompt": "A beautiful sunset over the ocean"})


@pytest.mark.parametrize("kind", ["json", "data"])
def test_whole_numbers_may_have_a_point(http: httpx2.Client, kind: str) -> None:
    small = {"engine": "toy", "width": 64.0, "height": 64.0, "num_frames": 4.0, "fps": 16.0}
    video = asked_of(http, http.post(PATH, **{kind: {"prompt": "paint", **small}}))
    assert (video["width"], video["height"], video["num_frames"], video["fps"]) == (64, 64, 4, 16)
    assert generate(http, "paint", fps=16.5).status_code == 400


def test_a_prompt_of_32000_characters_is_kept_whole(http: httpx2.Client) -> None:
    prompt = "波 🎬 " * 8_000
    assert len(prompt.strip()) > 31_000
    assert asked_of(http, generate(http, prompt))["prompt"] == prompt.strip()
    assert create(http, "é" * 32_000)["prompt"] == "é" * 32_000


def test_text_around_the_parts_of_a_form_is_ignored(http: httpx2.Client) -> None:
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"prompt": "paint", **SMALL}.items()
    )
    body = f"This is a message in MIME format.\r\n{parts}--x--\r\nand this comes after it"
    answer = http.post(PATH, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("file_name", ["", '; filename="a.png"', '; filename=""'])
def test_a_part_with_a_pictures_type_is_a_picture(http: httpx2.Client, file_name: str) -> None:
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), str(value).encode())
        for name, value in {"prompt": "paint", **SMALL}.items()
    )
    head = f'--x\r\nContent-Disposition: form-data; name="image"{file_name}\r\nContent-Type: image/png\r\n\r\n'
    body = parts + head.encode() + picture() + b"\r\n--x--\r\n"
    answer = http.post(PATH, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert asked_of(http, answer)["has_image"] is True


def test_the_input_reference_of_a_form_may_be_json(http: httpx2.Client) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    for reference in ({"image_url": uri}, {"image_url": {"url": uri}}):
        part = ("input_reference", (None, json.dumps(reference), "application/json"))
        body = multipart({"prompt": "paint", **SMALL_VIDEO})
        answer = http.post("/v1/videos", files=[*body["files"], part])
        assert answer.status_code == 200, answer.text
        assert answer.json()["has_image"] is True


@pytest.mark.parametrize("name", ["input_reference", "image_reference", "reference_url"])
def test_the_picture_has_the_name_that_other_servers_give_it(http: httpx2.Client, name: str) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    value = uri if name == "reference_url" else {"image_url": uri}
    assert create(http, **{name: value})["has_image"] is True
    told = refused(http.post("/v1/videos", json={"prompt": "paint", **SMALL_VIDEO, name: "nonsense"}))
    assert told["param"] == name
    assert told["message"].startswith(f"Invalid {name}: 'nonsense'.")


@pytest.mark.parametrize("kind", ["json", "multipart"])
def test_what_other_servers_can_do_is_left_out_and_named(http: httpx2.Client, kind: str) -> None:
    others = {
        "guidance_scale_2": 3.5, "boundary_ratio": 0.875, "flow_shift": 12.0, "true_cfg_scale": 4.0, "lora": "x",
        "generate_sound": "true", "enable_upscaling": "true", "enable_teacache": "true", "user": "ann",
        "response_format": "url", "video_reference": "v", "audio_reference": "a",
    }  # fmt: skip
    fields = {"prompt": "paint", **SMALL_VIDEO, **others, "n": 1}
    answer = http.post("/v1/videos", **(multipart(fields) if kind == "multipart" else {"json": fields}))
    assert answer.status_code == 200, answer.text
    video = answer.json()
    assert sorted(video["dropped_fields"]) == sorted(others)
    assert "flow_shift was not used: the model toy has no such option." in video["warnings"]
    assert ended(http, video)["warnings"] == video["warnings"]


def test_what_was_switched_off_is_not_missed(http: httpx2.Client) -> None:
    video = create(http, generate_sound=False, enable_teacache="false", lora=[], user=None)
    assert (video["dropped_fields"], video["warnings"]) == ([], [])


def test_more_than_one_video_is_refused(http: httpx2.Client) -> None:
    told = refused(http.post("/v1/videos", json={"prompt": "paint", **SMALL_VIDEO, "n": 2}))
    assert told["param"] == "n"
    assert "A request makes one video." in told["message"]


def test_the_frames_win_over_the_seconds(http: httpx2.Client) -> None:
    video = create(http, seconds="4", num_frames=4, fps=8)
    assert (video["num_frames"], video["seconds"]) == (4, "0.5")
    assert video["warnings"] == ["seconds was not used: num_frames says 4, and the frames win."]
    assert create(http, num_frames=None, duration=1, fps=8)["num_frames"] == 8


def test_resolution_and_aspect_ratio_make_the_size(http: httpx2.Client) -> None:
    video = create(http, size=None, resolution="64p", aspect_ratio="9:16")
    assert video["size"] == "64x112"
    assert create(http, size=None, aspect_ratio="2:1", num_frames=1)["size"] == "728x360"
    told = refused(http.post("/v1/videos", json={"prompt": "paint", "model": "toy", "aspect_ratio": "wide"}))
    assert told["message"] == "Invalid aspect_ratio: 'wide'. Must be width:height, for example \"16:9\"."


@pytest.mark.parametrize("size", [(96, 64), (64, 96)])
def test_a_picture_without_a_size_sets_the_shape(http: httpx2.Client, size: tuple[int, int]) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(picture('PNG', *size)).decode()}"
    native = asked_of(http, generate(http, "paint", width=None, height=None, num_frames=1, image=uri))
    shaped = (624, 416) if size[0] > size[1] else (416, 624)
    assert (native["width"], native["height"]) == shaped
    assert create(http, size=None, num_frames=1, input_reference=uri)["size"] == f"{shaped[0]}x{shaped[1]}"


def test_all_unknown_fields_are_told_at_once_with_those_of_the_dialect(http: httpx2.Client) -> None:
    told = refused(
        http.post("/v1/videos", json={"prompt": "paint", **SMALL_VIDEO, "promt": 1, "frames": 2, "image": 3})
    )
    assert told["message"].startswith("Unknown fields: 'promt', 'frames', 'image'. Known fields are ")
    assert "input_reference" in told["message"]
    native = generate(http, "paint", input_reference="x", style=1).json()
    assert native["error"].startswith("Unknown fields: 'input_reference', 'style'. Known fields are aspect_ratio, ")
    assert "image, " in native["error"]
    many = generate(http, "paint", **{f"f{number}": 1 for number in range(100)}).json()["error"]
    assert "and 90 more" in many
    assert len(many) < 1_000


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"duration": "long"}, "duration"),
        ({"duration": 1e9, "num_frames": None}, "duration"),
        ({"size": "100x64"}, "size"),
        ({"resolution": "99999p", "size": None}, "resolution"),
        ({"resolution": "big", "size": None}, "resolution"),
    ],
)
def test_an_error_speaks_of_the_field_that_was_sent(http: httpx2.Client, fields: dict[str, Any], named: str) -> None:
    told = refused(http.post("/v1/videos", json={"prompt": "paint", **SMALL_VIDEO, **fields}))
    assert told["param"] == named
    assert told["message"].startswith(f"Invalid {named}: ")


@pytest.mark.parametrize("model", ["sora-2-2025-10-06", "sora-2-2025-12-08", "sora-2-pro-2025-10-06", "sora-2"])
def test_every_name_of_openais_models_means_the_configured_engine(http: httpx2.Client, model: str) -> None:
    answer = http.post("/v1/videos", json={"prompt": "sea", "model": model, "size": "64x64", "num_frames": 2})
    assert (answer.status_code, answer.json()["model"]) == (200, "sketch")
    assert http.get(f"/v1/models/{model}").json()["id"] == "sketch"


def test_numbers_beyond_all_bounds_are_refused(http: httpx2.Client) -> None:
    for fields in (
        {"num_frames": 8, "seconds": 1e308},
        {"width": int("1" * 400), "aspect_ratio": "16:9"},
        {"height": int("1" * 400), "aspect_ratio": "16:9"},
    ):
        answer = http.post("/v1/videos", json={"prompt": "paint", "model": "toy", **fields})
        assert answer.status_code in (200, 400), answer.text


def test_an_option_that_no_model_reads_is_named(http: httpx2.Client) -> None:
    video = create(http, extra_params={"foo": 1, "size": "9x9"})
    assert video["dropped_fields"] == ["extra_params.foo", "extra_params.size"]
    assert video["warnings"][0] == "extra_params.foo was not used: the model toy has no such option."


def test_a_form_of_tiny_parts_ends_at_the_limit(http: httpx2.Client) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 100_000 + b"--x--\r\n"
    answer = http.post(PATH, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.json()["error"] == "Malformed multipart form: more than 200 fields"


def test_a_page_of_nothing(http: httpx2.Client) -> None:
    create(http)
    page = http.get("/v1/videos", params={"limit": 0}).json()
    assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": True}


def test_sync_tells_the_model_and_the_time(http: httpx2.Client) -> None:
    answer = http.post("/v1/videos/sync", json={"prompt": "paint", **SMALL_VIDEO})
    assert answer.headers["x-model"] == "toy"
    assert 0 < float(answer.headers["x-inference-time-s"]) < 60
