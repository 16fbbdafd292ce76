"""Takes the pictures in docs/pictures (`python -m tests.playground.pictures`): a gallery of sketches in a browser."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from PIL import Image

from tests.playground.screening import DESKTOP, LACKING, PHONE, Screening, another_server, browser
from tests.servers import ROOT, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

FOLDER = ROOT / "docs" / "pictures"
SCENES = (
    ("The sea at midnight under a full moon", "448x592", 21),
    ("Snow falling on a quiet pine forest at dusk, slow zoom in", "392x680", 22),
    ("Violet ink dissolving in milk", "680x384", 13),
    ("Red dunes of Mars at dawn, dust in the wind", "784x336", 12),
    ("A storm over the dark sea at night, lightning between heavy clouds", "680x384", 7),
    ("Misty mountains at sunrise, layers of blue fading into warm light", "784x336", 6),
    ("A field of wild flowers in a gentle summer breeze, drifting clouds", "680x384", 10),
    ("A campfire under the stars, sparks rising into the night", "512x512", 11),
    ("Green aurora over a still mountain lake, stars reflected", "680x384", 4),
    ("A rainy city at night, lit windows and wet streets full of reflections", "680x384", 5),
    ("A golden sunset over the ocean, waves rolling in", "680x384", 3),
)


def main() -> int:
    if LACKING:
        sys.stderr.write(f"No browser: {LACKING}\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        another_server(Path(folder) / "data", HF_TOKEN="hf_of_nobody") as server,
    ):
        take(server.url)
    return 0


def take(url: str) -> None:
    with browser() as chromium, httpx2.Client(base_url=url, timeout=60) as api:
        fill(api)
        for name, scheme, size in (("page", "dark", DESKTOP), ("page-phone", "light", PHONE)):
            keep(seen(chromium, url, scheme, size), name)
        keep(models(chromium, url), "page-models")
        keep(detail(chromium, url), "page-video")
        keep(compared(chromium, url), "page-compare")
        keep(busy(chromium, url, api), "page-busy")


def fill(api: httpx2.Client) -> None:
    for prompt, size, seed in SCENES:
        draft = {"prompt": prompt, "size": size, "seed": seed, "num_frames": 24, "engine": "sketch"}
        video = api.post("/v1/videos", json=draft).json()
        eventually(lambda video=video: api.get(f"/v1/videos/{video['id']}").json()["status"] == "completed", 60)


def settled(page: Page) -> bytes:
    """The picture once all posters are there and nothing moves in."""
    page.mouse.move(1, 1)
    page.wait_for_function("() => [...document.images].every((image) => image.loading === 'lazy' || image.complete)")
    page.wait_for_load_state("networkidle")
    return page.screenshot(animations="disabled")


def seen(chromium: Browser, url: str, scheme: str, size: tuple[int, int]) -> bytes:
    page = Screening(chromium, url, color_scheme=scheme, size=size).open()
    page.wait_for_selector(".tile, .scenes.wall")
    if page.locator(".tile").count():
        page.get_by_role("button", name="Dismiss").click()
    return settled(page)


def detail(chromium: Browser, url: str) -> bytes:
    page = Screening(chromium, url, color_scheme="dark", size=DESKTOP).open()
    page.get_by_role("link", name="Play: A rainy city").click()
    page.wait_for_function("() => document.querySelector('.stage video')?.currentTime > 0.8")
    page.evaluate("document.querySelector('.stage video').pause()")
    return settled(page)


def models(chromium: Browser, url: str) -> bytes:
    visitor = Screening(chromium, url, color_scheme="light", size=DESKTOP)
    visitor.page.route("**/v1/models", without_toys)
    page = visitor.open()
    page.get_by_role("button", name="Dismiss").click()
    page.fill("#prompt", "A lighthouse on a cliff")
    page.get_by_label("Camera and style").click()
    for chip in ("Zoom in", "Golden hour"):
        page.get_by_role("button", name=chip, exact=True).click()
    page.locator(".model > summary").click()
    return settled(page)


def without_toys(route: Route) -> None:
    told = route.fetch().json()
    route.fulfill(json={**told, "data": [one for one in told["data"] if one["owned_by"] != "toy"]})


def compared(chromium: Browser, url: str) -> bytes:
    page = Screening(chromium, url, color_scheme="dark", size=DESKTOP).open()
    page.get_by_label("Select several").click()
    for prompt in ("A golden sunset", "A rainy city"):
        page.get_by_role("checkbox", name=f"Select: {prompt}").check()
    page.get_by_role("toolbar").get_by_role("button", name="Compare").click()
    page.wait_for_function("() => document.querySelector('.compare video')?.currentTime > 0.8")
    page.get_by_role("button", name="Pause").click()
    return settled(page)


def busy(chromium: Browser, url: str, api: httpx2.Client) -> bytes:
    long = {"size": "960x544", "num_frames": 240, "fps": 24, "engine": "sketch"}
    for prompt, _, seed in SCENES[:2]:
        api.post("/v1/videos", json={"prompt": prompt, "seed": seed, **long})
    refused = {"prompt": "refuse", "engine": "toy", "size": "680x384", "num_frames": 2}
    refused_id = api.post("/v1/videos", json=refused).json()["id"]
    eventually(lambda: api.get(f"/v1/videos/{refused_id}").json()["status"] == "failed")
    page = Screening(chromium, url, color_scheme="dark", size=DESKTOP).open()
    page.get_by_role("button", name="Dismiss").click()
    page.wait_for_selector(".eta")
    return page.screenshot()


def keep(picture: bytes, name: str) -> None:
    """As WebP: a tenth of the PNG."""
    path = FOLDER / f"{name}.webp"
    Image.open(io.BytesIO(picture)).convert("RGB").save(path, quality=82, method=6)
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    sys.exit(main())
