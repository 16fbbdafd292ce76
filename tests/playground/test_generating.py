"""From a prompt to a playing video, and the ways in which that may end earlier."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from tests.playground.screening import PHONE, Screening, another_server, choose_model, generate, opened
from tests.servers import eventually

Visit = Callable[..., Screening]

PLAYING = """video => video.readyState === 4 && video.error === null && video.currentTime > 0.2 && !video.paused"""


def newest(api: httpx2.Client) -> dict:  # type: ignore[type-arg]
    return api.get("/v1/videos", params={"limit": 1}).json()["data"][0]


def test_a_prompt_becomes_a_video_that_plays_and_is_still_there_later(visit: Visit, api: httpx2.Client) -> None:
    page = visit().open()
    page.get_by_text("Settings").click()
    page.get_by_label("4 seconds").check(force=True)
    expect(page.locator(".numbers")).to_have_text("16:9 · Draft · 480 × 272 · 48 frames · 12 fps · 4 s")
    generate(page, "A beautiful sunset over the ocean")
    progress = page.get_by_role("progressbar", name="Progress of: A beautiful sunset over the ocean")
    expect(progress).to_be_visible()
    page.wait_for_function("() => Number(document.querySelector('.dial')?.getAttribute('aria-valuenow')) > 0")
    opened(page, "A beautiful sunset over the ocean")
    film = page.wait_for_selector(".stage video")
    page.wait_for_function(PLAYING, arg=film)
    made = newest(api)
    facts = page.locator(".facts").first
    for fact in (str(made["seed"]), "Sketch", "sketch (no AI)", "480 × 272", "48 frames at 12/s", made["id"]):
        expect(facts).to_contain_text(fact)
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("link", name="Play: A beautiful sunset over the ocean")).to_be_visible()


def test_a_scene_fills_the_prompt_box(visit: Visit) -> None:
    page = visit().open()
    page.get_by_role("button", name="Misty peaks").click()
    expect(page.locator("#prompt")).to_have_value("Misty mountains at sunrise, layers of blue fading into warm light")
    expect(page.locator("#prompt")).to_be_focused()


def test_smooth_motion_is_a_switch_and_stays_with_a_remix(visit: Visit, api: httpx2.Client) -> None:
    page = visit().open()
    page.get_by_text("Settings").click()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Smooth motion").check()
    expect(page.locator(".numbers")).to_contain_text("24 frames · 12 fps → 24 · 2 s")
    expect(page.get_by_label("Enlarge")).to_have_count(0)  # this server has no models for it
    generate(page, "A calm lake")
    opened(page, "A calm lake")
    expect(page.locator(".facts").first).to_contain_text("48 frames at 24/s")
    made = newest(api)
    assert (made["interpolate"], made["fps"]) == (2, 12)
    page.get_by_role("button", name="Remix", exact=True).click()
    generate(page, "A calm lake at night")
    again = eventually(lambda: newest(api)["prompt"] == "A calm lake at night" and newest(api))
    assert (again["remixed_from_video_id"], again["interpolate"]) == (made["id"], 2)


def test_a_remix_keeps_all_but_the_seed(visit: Visit, api: httpx2.Client) -> None:
    draft = {"prompt": "A calm sea", "seed": 7, "size": "256x144", "num_frames": 8, "fps": 8, "motion_bucket_id": 40}
    source = api.post("/v1/videos", json=draft).json()
    page = visit().open()
    opened(page, "A calm sea")
    page.get_by_role("button", name="Remix", exact=True).click()
    expect(page.locator("#prompt")).to_have_value("A calm sea")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")
    generate(page, "A calm sea at night")
    made = eventually(lambda: newest(api)["prompt"] == "A calm sea at night" and newest(api))
    assert made["remixed_from_video_id"] == source["id"]
    kept = ("size", "num_frames", "fps", "motion_bucket_id", "engine", "model")
    assert {name: made[name] for name in kept} == {name: source[name] for name in kept}
    assert made["seed"] != 7


def test_a_video_goes_on_with_a_picture_to_end_with_and_sound(visit: Visit, api: httpx2.Client, tmp_path: Path) -> None:
    source = api.post("/v1/videos", json={"prompt": "A calm bay", "size": "256x144", "num_frames": 8, "fps": 8}).json()
    Image.new("RGB", (256, 144), (30, 40, 90)).save(tmp_path / "night.png")
    page = visit().open()
    opened(page, "A calm bay")
    page.get_by_role("button", name="Extend", exact=True).click()
    expect(page.locator("#prompt")).to_be_focused()
    expect(page.locator(".source")).to_contain_text("Goes on from")
    page.set_input_files("[data-role=last-picture]", tmp_path / "night.png")
    expect(page.locator(".picture")).to_contain_text("Ends with night.png")
    page.get_by_role("button", name="Sound").click()
    page.locator("#prompt").fill("Night falls over the bay")
    page.get_by_role("button", name="Extend").click()
    made = eventually(lambda: newest(api)["prompt"] == "Night falls over the bay" and newest(api))
    assert (made["extended_from_video_id"], made["size"], made["fps"]) == (source["id"], "256x144", 8)
    assert (made["has_last_image"], made["generate_audio"], made["warnings"]) == (True, True, [])
    expect(page.locator(".source")).to_have_count(0)
    opened(page, "Night falls over the bay")
    page.wait_for_function(PLAYING, arg=page.wait_for_selector(".stage video"))
    expect(page.locator(".facts").first).to_contain_text("Goes on from")


def test_use_all_keeps_the_seed_too_even_one_of_63_bits(visit: Visit, api: httpx2.Client) -> None:
    seed = 2**63 - 25
    draft = {"prompt": "A red planet", "seed": seed, "size": "128x128", "num_frames": 4}
    api.post("/v1/videos", json=draft)
    page = visit().open()
    opened(page, "A red planet")
    page.get_by_role("button", name="Use all").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value(str(seed))
    generate(page, "A red planet with two moons")
    made = eventually(lambda: newest(api)["prompt"] == "A red planet with two moons" and newest(api))
    assert (made["seed"], made["size"], made["num_frames"]) == (seed, "128x128", 4)


def test_progress_is_measured_the_queue_is_told_and_a_job_can_be_cancelled(visit: Visit, api: httpx2.Client) -> None:
    page = visit().open()
    choose_model(page, "toy/toy")
    generate(page, "slow 40")
    first = page.get_by_role("progressbar", name="Progress of: slow 40")
    expect(page.get_by_text("about", exact=False).filter(has_text="left")).to_be_visible()
    assert int(first.get_attribute("aria-valuenow") or 0) > 0
    generate(page, "slow 41")
    expect(page.get_by_text("Next in line")).to_be_visible()
    expect(page.get_by_text("1 rolling, 1 waiting")).to_be_visible()
    for prompt in ("slow 41", "slow 40"):
        page.get_by_role("button", name=f"Cancel: {prompt}").click()
        expect(page.locator(".cancelled li", has_text=prompt)).to_be_visible()
        expect(page.locator(".tile", has_text=prompt)).to_have_count(0)
    assert [video["error"]["code"] for video in api.get("/v1/videos?limit=2").json()["data"]] == ["cancelled"] * 2


def test_a_preview_is_shown_while_the_video_is_made(visit: Visit, tmp_path: Path) -> None:
    page = visit().open()
    choose_model(page, "toy/toy")
    generate(page, f"picture {tmp_path / 'go'}")
    shown = page.wait_for_selector(".leader img[alt=Preview]")
    page.wait_for_function("image => image.naturalWidth === 64 && image.src.startsWith('blob:')", arg=shown)
    (tmp_path / "go").touch()
    expect(page.get_by_role("link", name=f"Play: picture {tmp_path / 'go'}")).to_be_visible()


def test_a_failure_is_told_in_plain_words_with_a_remedy(visit: Visit) -> None:
    page = visit().open()
    choose_model(page, "toy/toy")
    generate(page, "refuse this")
    tile = page.locator(".tile.failed", has_text="refuse this")
    expect(tile).to_contain_text("The provider refused this prompt")
    expect(tile).to_contain_text("Reword it and try again.")
    tile.get_by_role("button", name="Remove").click()
    expect(tile).to_have_count(0)


def test_what_the_server_refuses_is_told_under_the_prompt(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open()
    page.press("#prompt", "Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("Describe what you would like to see first.")
    page.get_by_text("Settings").click()
    page.get_by_label("Seed", exact=True).fill("9223372036854775808")
    visitor.expected.append("400")
    generate(page, "A seed that is too large")
    expect(page.get_by_role("alert")).to_contain_text("Invalid seed: 9223372036854775808.")


def test_only_the_dials_that_a_card_honours_are_there(visit: Visit) -> None:
    page = visit().open()
    page.get_by_text("Settings").click()
    page.get_by_text("More", exact=True).click()
    expect(page.get_by_label("Motion", exact=True)).to_be_visible()
    expect(page.get_by_label("Steps")).to_have_count(0)
    choose_model(page, "toy/toy")
    expect(page.get_by_label("Motion", exact=True)).to_have_count(0)


def test_a_seed_is_drawn_kept_and_let_go(visit: Visit) -> None:
    page = visit().open()
    page.get_by_text("Settings").click()
    seed, lock = page.get_by_label("Seed", exact=True), page.get_by_role("button", name="Keep this seed")
    page.get_by_role("button", name="Draw a seed").click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    assert seed.input_value().isdecimal()
    lock.click()
    expect(seed).to_have_value("")


def test_a_picture_is_dropped_pasted_and_set_in_motion(visit: Visit, api: httpx2.Client) -> None:
    page = visit().open()
    give = """async ([kind, type]) => {
        const canvas = new OffscreenCanvas(320, 200);
        canvas.getContext("2d").fillRect(20, 20, 90, 90);
        const carried = new DataTransfer();
        carried.items.add(new File([await canvas.convertToBlob({ type })], `${kind}.png`, { type }));
        const event = kind === "drop"
            ? new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: carried, bubbles: true });
        document.body.dispatchEvent(event);
    }"""
    page.evaluate(give, ["paste", "image/png"])
    expect(page.locator(".picture")).to_contain_text("320 × 200")
    page.get_by_role("button", name="Remove the picture").click()
    expect(page.locator(".picture")).to_have_count(0)
    page.evaluate(give, ["drop", "image/png"])
    expect(page.locator(".picture")).to_contain_text("drop.png")
    generate(page, "Slowly zoom into it")
    expect(page.get_by_role("link", name="Play: Slowly zoom into it")).to_be_visible()
    assert newest(api)["has_image"] is True


@pytest.mark.parametrize(("width", "height"), [(300, 400), (400, 300), (1200, 300)])
def test_a_picture_sets_the_shape_until_another_one_is_chosen(
    visit: Visit, api: httpx2.Client, tmp_path: Path, width: int, height: int
) -> None:
    page = visit().open()
    choose_model(page, "toy/toy")
    photo = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((width, height)).save(photo)
    page.set_input_files("[data-role=picture]", photo)
    expect(page.locator(".numbers")).to_contain_text("Picture · ")
    expect(page.locator(".crop")).to_have_count(0)
    generate(page, f"As it is, {width} by {height}")
    expect(page.get_by_role("link", name=f"Play: As it is, {width} by {height}")).to_be_visible()
    made = newest(api)
    assert made["width"] / made["height"] == pytest.approx(width / height, rel=0.06)

    page.get_by_text("Settings").click()
    page.get_by_role("radio", name="1:1").check(force=True)
    frame, whole = (page.locator(place).bounding_box() for place in (".crop", ".still"))
    assert frame is not None
    assert whole is not None
    assert frame["width"] == pytest.approx(frame["height"], abs=1)
    assert min(frame["width"] / whole["width"], frame["height"] / whole["height"]) < 0.8
    assert frame["x"] + frame["width"] / 2 == pytest.approx(whole["x"] + whole["width"] / 2, abs=1)
    assert frame["y"] + frame["height"] / 2 == pytest.approx(whole["y"] + whole["height"] / 2, abs=1)
    expect(page.locator(".picture")).to_contain_text("the frame shows what the video keeps")
    page.get_by_role("radio", name="As the picture").check(force=True)
    expect(page.locator(".crop")).to_have_count(0)


@pytest.mark.parametrize("model", ["sketch/sketch", "toy/toy"])
def test_the_page_and_the_server_find_the_same_size_for_a_picture(
    visit: Visit, api: httpx2.Client, tmp_path: Path, model: str
) -> None:
    page = visit().open()
    choose_model(page, model)
    page.get_by_text("Settings").click()
    page.get_by_role("radio", name="Standard").check(force=True)
    for width, height in ((300, 400), (400, 301), (161, 120), (1200, 100), (90, 2400), (500, 500), (1999, 1333)):
        photo = tmp_path / f"{width}.png"
        Image.linear_gradient("L").resize((width, height)).save(photo)
        page.set_input_files("[data-role=picture]", photo)
        expect(page.locator(".picture")).to_contain_text(f"{width} × {height}")
        shown = page.locator(".numbers").inner_text()
        asked = {"prompt": "x", "model": model.partition("/")[0], "num_frames": "1"}
        chosen = api.post("/v1/videos", data=asked, files={"input_reference": photo.read_bytes()}).json()
        assert f"{chosen['width']} × {chosen['height']}" in shown


def test_a_shape_that_was_chosen_stays_and_cuts_the_picture(visit: Visit, tmp_path: Path) -> None:
    page = visit().open()
    choose_model(page, "toy/toy")
    page.get_by_text("Settings").click()
    page.get_by_role("radio", name="21:9").check(force=True)
    photo = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((300, 400)).save(photo)
    page.set_input_files("[data-role=picture]", photo)
    expect(page.locator(".crop")).to_be_visible()
    page.get_by_role("button", name="Remove the picture").click()
    expect(page.get_by_role("radio", name="As the picture")).to_have_count(0)
    expect(page.locator(".numbers")).to_contain_text("21:9 · ")


def test_a_transparent_picture_that_the_browser_encodes_anew_stays_on_white(
    visit: Visit, api: httpx2.Client, tmp_path: Path
) -> None:
    page = visit().open()
    choose_model(page, "sketch/sketch")
    drawing = tmp_path / "drawing.gif"
    Image.new("P", (320, 200)).save(drawing, transparency=0)
    page.set_input_files("[data-role=picture]", drawing)
    generate(page, "White paper")
    expect(page.get_by_role("link", name="Play: White paper")).to_be_visible()
    poster = api.get(f"/v1/videos/{newest(api)['id']}/content", params={"variant": "thumbnail"})
    assert np.asarray(Image.open(io.BytesIO(poster.content)).convert("L")).mean() > 240


def test_a_file_that_is_no_picture_is_told(visit: Visit, tmp_path: Path) -> None:
    page = visit().open()
    (tmp_path / "notes.txt").write_text("not a picture")
    page.set_input_files("[data-role=picture]", tmp_path / "notes.txt")
    expect(page.get_by_role("status")).to_contain_text("notes.txt is not a picture this browser can open.")


def test_the_page_is_usable_on_a_phone(visit: Visit) -> None:
    page = visit(size=PHONE).open()
    choose_model(page, "toy/toy")
    page.fill("#prompt", "A phone's little city at night")
    page.get_by_role("button", name="Generate").tap()
    page.get_by_role("link", name="Play: A phone's little city at night").tap()
    film = page.wait_for_selector(".stage video")
    page.wait_for_function(PLAYING, arg=film)
    assert page.evaluate("document.querySelector('dialog').scrollWidth <= innerWidth")
    page.get_by_role("button", name="Close").tap()
    expect(page.locator("dialog.screen")).to_have_count(0)
    page.get_by_text("Settings").tap()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_server_that_is_gone_and_comes_back(visit: Visit, tmp_path: Path) -> None:
    with another_server(tmp_path / "data") as server:
        visitor = visit(server.url)
        visitor.expected.append("ERR_")
        page = visitor.open()
    generate(page, "Nobody there")
    expect(page.get_by_text("The server does not answer").first).to_be_visible()
    with another_server(tmp_path / "data", PORT=server.url.rpartition(":")[2]):
        generate(page, "Somebody there")
        expect(page.locator(".tile", has_text="Somebody there")).to_be_visible()
        expect(page.get_by_text("The server does not answer")).to_have_count(0)
        page.close()


def test_a_model_of_few_sizes_gets_the_one_that_is_nearest_in_shape(visit: Visit) -> None:
    visitor = visit()

    def few(route: Route) -> None:
        told = route.fetch().json()
        for model in told["data"]:
            model["card"]["sizes"] = [[720, 480], [480, 720]]
        route.fulfill(json=told)

    visitor.page.route("**/v1/models", few)
    page = visitor.open()
    page.get_by_text("Settings").click()
    for shape, size in (("16:9", "720 × 480"), ("9:16", "480 × 720"), ("1:1", "720 × 480")):
        page.get_by_label(f"{shape}, {size}").check(force=True)
        expect(page.locator(".numbers")).to_contain_text(size)
