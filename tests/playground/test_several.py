"""Many at once, and what helps with them: variations, lists of prompts, favourites, filters, choosing, comparing."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from tests.playground.screening import Screening, another_server, choose_model, generate
from tests.playground.test_staying import TINY, made
from tests.servers import ServerProcess, eventually

Visit = Callable[..., Screening]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with another_server(tmp_path_factory.mktemp("studio") / "data") as running:
        yield running


@pytest.fixture
def api(studio: ServerProcess) -> Iterator[httpx2.Client]:
    """Its videos are this test's own."""
    with httpx2.Client(base_url=studio.url, timeout=30) as client:
        yield client
        for video in client.get("/v1/videos?limit=100").json()["data"]:
            client.delete(f"/v1/videos/{video['id']}")


def listed(api: httpx2.Client) -> list[dict]:  # type: ignore[type-arg]
    return api.get("/v1/videos?limit=100&order=asc").json()["data"]


def test_four_variations_of_each_line_and_the_prompts_are_remembered(
    visit: Visit, studio: ServerProcess, api: httpx2.Client
) -> None:
    page = visit(studio.url).open()
    choose_model(page, "toy/toy")
    page.get_by_role("button", name="Four variations").click()
    page.get_by_text("Settings").click()
    page.get_by_label("Seed", exact=True).fill(str(2**63 - 2))
    page.fill("#prompt", "a wood\n\n  a lake ")
    page.get_by_label("A video for each of the 2 lines").check()
    page.get_by_role("button", name="Generate 8").click()
    made = eventually(lambda: len(listed(api)) == 8 and listed(api))
    seeds = [2**63 - 2, 2**63 - 1, 0, 1]
    assert [(one["prompt"], one["seed"]) for one in made] == [(p, s) for p in ("a wood", "a lake") for s in seeds]
    expect(page.locator(".tile")).to_have_count(8)
    page.reload()
    page.get_by_label("Earlier prompts").click()
    page.get_by_role("button", name="a wood a lake").click()
    expect(page.locator("#prompt")).to_have_value("a wood\n\n  a lake")
    page.get_by_label("Earlier prompts").click()
    page.get_by_role("button", name="Forget them").click()
    expect(page.get_by_label("Earlier prompts")).to_have_count(0)


def test_camera_and_style_are_words_of_the_prompt(visit: Visit, studio: ServerProcess) -> None:
    page = visit(studio.url).open()
    prompt = page.locator("#prompt")
    prompt.fill("A lake")
    page.get_by_label("Camera and style").click()
    for chip in ("Zoom in", "Anime"):
        page.get_by_role("button", name=chip, exact=True).click()
    expect(prompt).to_have_value("A lake, slow zoom in, anime style")
    page.get_by_role("button", name="Zoom in", exact=True).click()
    expect(prompt).to_have_value("A lake, anime style")
    expect(page.get_by_role("button", name="Anime", exact=True)).to_have_attribute("aria-pressed", "true")


def test_favourites_stay_with_the_server_and_filters_narrow_the_wall(
    visit: Visit, studio: ServerProcess, api: httpx2.Client
) -> None:
    wide, _tall = made(api, "wide", size="144x64"), made(api, "tall", size="64x144")
    made(api, "refuse it")
    page = visit(studio.url).open()
    page.get_by_role("link", name="Play: wide").hover()
    page.get_by_role("button", name="Favourite: wide").click()
    eventually(lambda: api.get(f"/v1/videos/{wide}").json()["metadata"] == {"favourite": "yes"})
    page.reload()
    page.get_by_role("button", name="Favourites only").click()
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(1)
    expect(page.get_by_role("link", name="Play: wide")).to_be_visible()
    page.get_by_role("button", name="Favourites only").click()
    expect(tiles).to_have_count(3)
    page.get_by_label("Filter", exact=True).click()
    page.get_by_role("radio", name="Tall").check(force=True)
    expect(tiles).to_have_count(1)
    expect(page.locator(".note")).to_contain_text("1 found.")
    page.get_by_role("radio", name="Failed").check(force=True)
    expect(page.locator(".note")).to_contain_text("No video is like that.")
    page.get_by_role("radio", name="Any").check(force=True)
    expect(page.locator(".tile.failed")).to_have_count(1)
    page.locator("#filter-model").select_option("sketch/sketch")
    expect(page.locator(".note")).to_contain_text("No video is like that.")
    page.locator(".filters").get_by_role("button", name="Show all videos").click()
    expect(tiles).to_have_count(3)


def test_a_video_in_the_making_can_be_a_favourite_once_it_is_made(
    visit: Visit, studio: ServerProcess, api: httpx2.Client, tmp_path: Path
) -> None:
    begun = api.post("/v1/videos", json={"prompt": f"until {tmp_path / 'go'}", **TINY}).json()
    page = visit(studio.url).open()
    star = page.get_by_role("button", name=re.compile("^Favourite: until"))
    expect(star).to_be_disabled()
    expect(star).to_have_attribute("title", "Favourite: once it is made")
    (tmp_path / "go").touch()
    page.get_by_role("link", name=re.compile("^Play: until")).hover()
    star.click()
    eventually(lambda: api.get(f"/v1/videos/{begun['id']}").json()["metadata"] == {"favourite": "yes"})


def test_chosen_videos_come_as_one_file_are_compared_and_deleted_together(
    visit: Visit, studio: ServerProcess, api: httpx2.Client, tmp_path: Path
) -> None:
    ids = [made(api, prompt, num_frames=24) for prompt in ("Öl auf Leinwand", "Öl auf Leinwand", "a third one")]
    page = visit(studio.url).open()
    page.get_by_label("Select several").click()
    for tick in page.get_by_role("checkbox", name="Select: Öl auf Leinwand").all():
        tick.check()
    bar = page.get_by_role("toolbar")
    expect(bar).to_contain_text("2 selected")
    with page.expect_download() as download:
        bar.get_by_role("button", name="ZIP").click()
    assert download.value.suggested_filename == "reelwright-2-videos.zip"
    download.value.save_as(tmp_path / "videos.zip")
    with zipfile.ZipFile(tmp_path / "videos.zip") as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["öl-auf-leinwand.mp4", "öl-auf-leinwand-2.mp4"]
        films = {packed.read(name) for name in packed.namelist()}
    assert films == {api.get(f"/v1/videos/{one}/content").content for one in ids[:2]}

    bar.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Two videos compared")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.compare video')].filter(film => film.currentTime > 0.1).length === 2"
    )
    expect(dialog.get_by_role("row", name="Seed")).to_be_visible()
    expect(dialog.get_by_role("row", name="Prompt")).to_have_count(0)
    dialog.get_by_role("button", name="Close").click()

    page.locator(f"#tile-{ids[2]}").click()  # anywhere on it: a click chooses now
    expect(bar).to_contain_text("3 selected")
    bar.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("3 videos deleted")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile")).to_have_count(3)
    assert len(listed(api)) == 3


def test_a_video_is_had_in_other_formats_and_as_one_frame(
    visit: Visit, studio: ServerProcess, api: httpx2.Client
) -> None:
    video_id = made(api, "Many forms", num_frames=4)
    page = visit(studio.url).open(f"/#{video_id}")
    for name, ending, begins in (("GIF", "gif", b"GIF8"), ("Poster", "jpg", b"\xff\xd8")):
        page.get_by_label("Download", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {name}").click()
        assert download.value.suggested_filename == f"many-forms.{ending}"
        assert Path(download.value.path()).read_bytes().startswith(begins)
    page.wait_for_function("() => document.querySelector('.stage video').readyState === 4")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save this frame").click()
    assert Image.open(io.BytesIO(Path(download.value.path()).read_bytes())).size == (64, 64)


def test_the_models_tell_what_they_are_how_long_they_take_and_what_they_cost(
    visit: Visit, api: httpx2.Client, tmp_path: Path
) -> None:
    with another_server(tmp_path / "data", HF_TOKEN="hf_not_a_real_one") as server:
        with httpx2.Client(base_url=server.url, timeout=30) as own:
            made(own, "quickly")
        visitor = visit(server.url)

        def many(route: Route) -> None:
            told = route.fetch().json()
            told["data"] += [
                {**told["data"][0], "card": {**told["data"][0]["card"], "model": f"m{n}"}} for n in range(5)
            ]
            route.fulfill(json=told)

        visitor.page.route("**/v1/models", many)
        page = visitor.open()
        expect(page.get_by_role("link", name="Play: quickly")).to_be_visible()
        page.locator(".model > summary").click()
        toy = page.locator('[data-model="toy/toy"]')
        expect(toy).to_contain_text("Paints frames in flat colours")
        expect(toy).to_contain_text(re.compile(r"usually \d+ s here · free of charge"))
        page.get_by_label("Find a model").fill("ti2v")
        expect(page.locator(".model-card")).to_have_count(1)
        expect(page.locator(".model-card")).to_contain_text("the provider charges for it")
        page.keyboard.press("Escape")
        expect(page.locator(".model .pop")).to_have_count(0)
        page.close()


def test_the_models_own_settings_are_a_click_away(visit: Visit, studio: ServerProcess, api: httpx2.Client) -> None:
    page = visit(studio.url).open()
    choose_model(page, "toy/toy")
    (card,) = [one["card"] for one in api.get("/v1/models").json()["data"] if one["id"] == "toy"]
    page.get_by_text("Settings").click()
    page.get_by_label("4 seconds").check(force=True)
    page.get_by_role("button", name="As the model has it").click()
    generate(page, "as it is")
    (made,) = eventually(lambda: listed(api))
    own = {name: card[f"default_{of}"] for name, of in (("width", "width"), ("height", "height"), ("fps", "fps"))}
    assert {name: made[name] for name in own} == own
    assert made["num_frames"] == card["default_frames"]
