"""Pictures over HTTP, as people send them: what the sketch engine shows of each, and how the bad ones are refused."""

from __future__ import annotations

import asyncio
import base64
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import av
import httpx2
import numpy as np
import pytest
import uvloop
from PIL import Image

from reelwright.api.picture_decoder import PictureDecoder
from reelwright.errors import BadRequest
from tests import pictures
from tests.api.asks import nothing_is_stored
from tests.pictures import GREEN, WHITE, Colour, encoded, flat
from tests.servers import ROOT, ServerProcess, eventually

ASKED = {"prompt": "a slow move", "engine": "sketch", "size": "96x72", "num_frames": "1", "fps": "1"}
TOLERANCE = 14
"""The engine adds a faint moving light to a picture, and the video's codec rounds."""


def first_frame(mp4: bytes) -> Image.Image:
    with av.open(io.BytesIO(mp4)) as container:
        return next(container.decode(video=0)).to_image()  # type: ignore[attr-defined]


def mean(image: Image.Image, place: str) -> Colour:
    width, height = image.size
    x, y = (width // 2 - 4, height // 2 - 4) if place == "middle" else (2, 2)
    red, green, blue = np.asarray(image.crop((x, y, x + 8, y + 8))).reshape(-1, 3).mean(0)
    return round(red), round(green), round(blue)


def shows(mp4: bytes, middle: Colour, corner: Colour) -> None:
    frame = first_frame(mp4)
    for place, wanted in (("middle", middle), ("corner", corner)):
        seen = mean(frame, place)
        assert max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) <= TOLERANCE, (place, seen, wanted)


def sent(http: httpx2.Client, data: bytes, **fields: Any) -> httpx2.Response:
    files = {"input_reference": ("anything.exe", data, "application/octet-stream")}
    return http.post("/v1/videos/sync", data={**ASKED, **fields}, files=files)


@pytest.mark.parametrize("name", pictures.kinds())
def test_every_kind_shows_what_it_shows_in_a_browser(http: httpx2.Client, name: str) -> None:
    kind = pictures.kinds()[name]
    shape = {"size": "72x96"} if name.startswith("sideways") else {}
    answer = sent(http, kind.data, **shape)
    assert answer.status_code == 200, answer.text
    shows(answer.content, kind.middle, kind.corner)


@pytest.mark.parametrize("name", pictures.liars())
def test_what_cannot_be_decoded_is_refused_before_it_is_accepted(
    http: httpx2.Client, server: ServerProcess, name: str
) -> None:
    data = pictures.liars()[name]
    before = len(server.log_text())
    with nothing_is_stored(server):
        native = http.post(
            "/api/video/generate",
            data={"prompt": "x", "engine": "sketch"},
            files={"image": ("x.png", data, "image/png")},
            headers={"Prefer": "respond-async"},
        )
        assert (native.status_code, native.json()["field"]) == (400, "image"), native.text
        later = http.post("/v1/videos", data=ASKED, files={"input_reference": ("x.png", data, "image/png")})
    error = later.json()["error"]
    assert later.status_code == 400
    assert error["message"].startswith("Invalid input_reference: "), error
    assert error["param"] == "input_reference"
    assert "Traceback" not in server.log_text()[before:]


def test_what_only_an_engine_finds_wrong_is_the_clients_fault_too(http: httpx2.Client, server: ServerProcess) -> None:
    """An engine may know limits of its own; what it says of a field comes out as if it had been said at once."""
    before = len(server.log_text())
    asked = {"prompt": "fail invalid_field", "engine": "toy", "size": "64x64", "num_frames": 1}
    native = http.post("/api/video/generate", json=asked)
    assert (native.status_code, native.json()["error"], native.json()["field"]) == (400, "It went wrong", "image")
    sync = http.post("/v1/videos/sync", json=asked)
    assert (sync.status_code, sync.json()["error"]["param"]) == (400, "image")
    video_id = http.post("/v1/videos", json=asked).json()["id"]
    ended = eventually(lambda: (v := http.get(f"/v1/videos/{video_id}").json())["status"] == "failed" and v)
    assert ended["error"] == {"code": "invalid_field", "message": "It went wrong"}
    assert "Traceback" not in server.log_text()[before:]


@pytest.mark.parametrize(("width", "height", "form"), [(6000, 4000, "JPEG"), (6120, 8160, "JPEG"), (6000, 5800, "PNG")])
def test_large_photographs_are_scaled(
    http: httpx2.Client, server: ServerProcess, width: int, height: int, form: str
) -> None:
    image = pictures.badge("RGB", GREEN, WHITE).resize((width, height), Image.Resampling.NEAREST)
    stored = {path.name for path in (server.data_dir / "images").iterdir()}
    answer = sent(http, encoded(image, form, **({"quality": 92} if form == "JPEG" else {"compress_level": 1})))
    assert answer.status_code == 200, answer.text
    shows(answer.content, GREEN, WHITE)
    [new] = {path.name for path in (server.data_dir / "images").iterdir()} - stored
    with Image.open(server.data_dir / "images" / new) as kept:
        assert kept.width * kept.height <= 4096 * 2304
        assert kept.width / kept.height == pytest.approx(width / height, rel=0.01)


@pytest.mark.parametrize(
    ("width", "height", "form", "most"), [(6001, 6000, "PNG", "36 mega"), (8001, 8000, "JPEG", "64 mega")]
)
def test_larger_ones_are_refused_by_the_stated_limit(
    http: httpx2.Client, width: int, height: int, form: str, most: str
) -> None:
    image = Image.new("L", (width, height))
    answer = sent(http, encoded(image, form))
    assert answer.status_code == 400
    assert f"{form} of {width}×{height}" in answer.json()["error"]["message"]
    assert most in answer.json()["error"]["message"]


def test_a_photograph_of_15_mb_is_taken_and_a_larger_file_refused(http: httpx2.Client) -> None:
    # What cameras append (a second, larger preview; a film) does not count against the picture.
    photo = encoded(flat(GREEN), "JPEG")
    answer = sent(http, photo + os.urandom(14_900_000 - len(photo)))
    assert answer.status_code == 200, answer.text
    refused = sent(http, photo + os.urandom(15_000_001 - len(photo)))
    assert refused.status_code == 400
    assert "Send at most 15,000 kB" in refused.json()["error"]["message"]


def test_an_engine_with_little_memory_is_given_what_it_can_hold(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", REELWRIGHT_ENGINE_MEMORY_MB="600").start()
    try:
        with httpx2.Client(base_url=server.url, timeout=60) as client:
            photo = pictures.badge("RGB", GREEN, WHITE).resize((8160, 6120), Image.Resampling.NEAREST)
            answer = sent(client, encoded(photo, "JPEG", progressive=True, subsampling=0))
            assert answer.status_code == 200, answer.text
            for name, data in pictures.liars().items():
                assert sent(client, data).status_code == 400, name
            assert client.get("/health").json()["engine"]["name"] == "sketch"
            assert sent(client, PNG).status_code == 200
        assert "engine's process" not in server.log_text()
    finally:
        server.stop()


def test_a_picture_is_cut_around_its_middle(http: httpx2.Client) -> None:
    image = flat((200, 0, 0), size=(200, 60))
    image.paste(GREEN, (70, 0, 130, 60))
    answer = sent(http, encoded(image, "PNG"), size="64x64")
    shows(answer.content, GREEN, GREEN)


def test_who_took_a_picture_and_where_is_not_kept(http: httpx2.Client, server: ServerProcess) -> None:
    exif = Image.Exif()
    exif[0x013B] = "An Artist"
    stored = {path.name for path in (server.data_dir / "images").iterdir()}
    assert sent(http, encoded(flat((9, 99, 9)), "JPEG", exif=exif)).status_code == 200
    [new] = {path.name for path in (server.data_dir / "images").iterdir()} - stored
    assert b"An Artist" not in (server.data_dir / "images" / new).read_bytes()


# --- how a picture is written into JSON -------------------------------------------------------------------------------

PNG = encoded(pictures.badge("RGB", GREEN, WHITE), "PNG")
PACKED = base64.b64encode(PNG).decode()
WRAPPED = "\r\n".join(PACKED[at : at + 76] for at in range(0, len(PACKED), 76))

WRITINGS = {
    "as usual": f"data:image/png;base64,{PACKED}",
    "upper case": f"DATA:IMAGE/PNG;BASE64,{PACKED}",
    "wrapped": f"data:image/png;base64,{WRAPPED}\n",
    "white space around it": f" \n data:image/png;base64,{PACKED}\t ",
    "percent-encoded": f"data:image/png;base64,{quote(PACKED, safe='')}",
    "wrapped and percent-encoded": f"data:image/png;base64,{quote(WRAPPED, safe='')}",
    "no padding": f"data:image/png;base64,{PACKED.rstrip('=')}",
    "parameters": f"data:image/png;name=a%20b.png;charset=utf-8; base64 ,{PACKED}",
    "no type": f"data:;base64,{PACKED}",
    "another type": f"data:application/octet-stream;base64,{PACKED}",
    "a fragment": f"data:image/png;base64,{PACKED}#top",
    "not base64": f"data:image/png,{quote_from_bytes(PNG)}",
    "bare base64": PACKED,
    "bare base64, wrapped": WRAPPED,
    "bare base64 of a JPEG": base64.b64encode(encoded(Image.open(io.BytesIO(PNG)), "JPEG", quality=95)).decode(),
    "bare base64 of a WebP": base64.b64encode(encoded(Image.open(io.BytesIO(PNG)), "WEBP", lossless=True)).decode(),
}


@pytest.mark.parametrize("name", WRITINGS)
def test_data_uris_are_read_as_browsers_read_them(http: httpx2.Client, name: str) -> None:
    answer = http.post("/v1/videos/sync", json={**ASKED, "num_frames": 1, "fps": 1, "input_reference": WRITINGS[name]})
    assert answer.status_code == 200, answer.text
    shows(answer.content, GREEN, WHITE)


def test_percent_encoding_is_decoded_across_its_slices(http: httpx2.Client) -> None:
    noise = encoded(Image.effect_noise((400, 300), 90), "PNG")
    for shift in range(3):  # wherever a slice ends in an escape
        uri = f"data:image/png;{'x' * shift},{''.join(f'%{byte:02x}' for byte in noise)}"
        answer = http.post("/v1/videos/sync", json={**ASKED, "num_frames": 1, "fps": 1, "input_reference": uri})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data:image/png;base64,AAAAA", "base64 is damaged"),
        ("data:image/png;base64,AA-_", "base64 is damaged"),
        ("data:image/png;base64," + PACKED + "é", "base64 is damaged"),
        ("data:image/png;base64 " + PACKED, "must have a comma"),
        ("data:image/png;base64,", "0 bytes"),
        ("data:image/png,", "0 bytes"),
        ("DATA:image/svg+xml,%3Csvg/%3E", "neither PNG nor JPEG nor WebP"),
        ("/9j/holiday.jpg", "Send a PNG, JPEG or WebP file"),
        ("photo.png", "Send a PNG, JPEG or WebP file"),
        ("FILE:///etc/passwd", "Send a PNG, JPEG or WebP file"),
        ("HTTP://127.0.0.1/x.png", "Only public addresses"),
    ],
)
def test_what_is_no_picture_is_told_by_name(http: httpx2.Client, text: str, told: str) -> None:
    answer = http.post("/api/video/generate", json={"prompt": "x", "engine": "sketch", "image": text})
    assert (answer.status_code, answer.json().get("field")) == (400, "image"), answer.text
    assert told in answer.json()["error"]


# --- the process that decodes -----------------------------------------------------------------------------------------

STAND_IN = """
import os, sys
if "reelwright.media.developing" in sys.orig_argv:
    with open({seen!r}, "w") as file:
        file.write("\\n".join(os.environ))
    if os.path.exists({broken!r}):
        os.abort()
"""
"""Runs in each Python process of the server, before anything else."""


def test_the_decoder_sees_no_secret_and_may_crash(tmp_path: Path) -> None:
    seen, broken = tmp_path / "seen", tmp_path / "broken"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(STAND_IN.format(seen=str(seen), broken=str(broken)))
    server = ServerProcess(
        tmp_path / "data",
        HF_TOKEN="hf_canary",
        REELWRIGHT_ENDPOINT_TOKEN="canary",
        REELWRIGHT_API_KEYS="",
        PYTHONPATH=f"{tmp_path / 'site'}:{ROOT}",
    ).start()
    try:
        with httpx2.Client(base_url=server.url, timeout=60) as client:
            assert sent(client, PNG).status_code == 200
            assert "PYTHONPATH" in seen.read_text()
            assert not {name for name in seen.read_text().split() if "TOKEN" in name or name.startswith("REELWRIGHT")}
            broken.touch()
            answer = sent(client, PNG)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input_reference")
            assert "cannot be decoded" in answer.json()["error"]["message"]
            broken.unlink()
            assert sent(client, PNG).status_code == 200
        assert "picture not decoded" in server.log_text()
        assert "Traceback" not in server.log_text()
    finally:
        server.stop()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_decoder_that_has_gone_before_it_is_given_the_picture(
    new_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asyncio.create_subprocess_exec

    async def and_wait(*command: str, **options: Any) -> asyncio.subprocess.Process:
        process = await run("/bin/sh", "-c", "kill -KILL $$", **options)
        await process.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", and_wait)
    with asyncio.Runner(loop_factory=new_loop) as runner, pytest.raises(BadRequest, match="cannot be decoded"):
        runner.run(PictureDecoder().decode(PNG, "image"))
