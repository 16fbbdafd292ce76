"""A page that stays open: the server goes and comes back, videos come and go elsewhere, jobs end in every way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Route, expect

from tests.playground.screening import Screening, another_server, choose_model, generate, opened
from tests.servers import eventually

Visit = Callable[..., Screening]
TINY = {"engine": "toy", "size": "64x64", "num_frames": 6}


def made(api: httpx2.Client, prompt: str, **draft: object) -> str:
    video = api.post("/v1/videos", json={"prompt": prompt, **TINY, **draft}).json()
    eventually(lambda: api.get(f"/v1/videos/{video['id']}").json()["status"] in ("completed", "failed"))
    return str(video["id"])


OVERLAPS = """tile => {
    const shown = [...tile.querySelectorAll(".state, .caption, .failure b, .failure span, .actions button")]
        .filter(one => getComputedStyle(one).display !== "none" && !one.closest(".film"))
        .map(one => {
            const words = new Range();  // a caption's own box holds its shade, too
            words.selectNodeContents(one);
            const [own, told] = [one.getBoundingClientRect(), words.getBoundingClientRect()];
            return { text: one.textContent, box: { ...told.toJSON(), left: Math.max(own.left, told.left),
                right: Math.min(own.right, told.right), bottom: Math.min(own.bottom, told.bottom) } };
        })
        .filter(({ box }) => box.height > 0);
    const frame = tile.getBoundingClientRect();
    const out = shown.filter(({ box }) => box.right > frame.right + 1 || box.left < frame.left - 1);
    const cross = shown.flatMap((a, i) => shown.slice(i + 1).filter(b =>
        Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1 &&
        Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 1).map(b => `${a.text} / ${b.text}`));
    return [...out.map(({ text }) => text), ...cross];
}"""


def test_nothing_overlaps_and_nothing_runs_over_the_edge_at_any_width(visit: Visit, tmp_path: Path) -> None:
    with another_server(tmp_path / "data") as server, httpx2.Client(base_url=server.url, timeout=30) as api:
        made(api, "refuse a prompt that is so long that it needs more than the one line which a tile has for it")
        for name in ("a file that never comes, whose name needs more than one line of a tile", "another file"):
            api.post("/v1/videos", json={"prompt": f"until {tmp_path / name}", **TINY, "size": "144x64"})
        page = visit(server.url).open()
        for width in (320, 390, 768, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            for state in (".leader.running .state", ".leader.waiting .state", ".tile.failed"):
                page.wait_for_selector(state)
            tiles = page.locator(".tile").all()
            assert [overlap for tile in tiles for overlap in tile.evaluate(OVERLAPS)] == [], width
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        page.close()


def test_what_went_wrong_while_the_server_was_away_is_over_when_it_is_back(visit: Visit, tmp_path: Path) -> None:
    with another_server(tmp_path / "data") as server:
        visitor = visit(server.url)
        visitor.expected.append("ERR_")
        page = visitor.open()
        page.wait_for_selector(".scenes")
    away = page.get_by_text("The server does not answer")
    expect(page.locator(".page-trouble")).to_be_visible()  # nobody has clicked
    generate(page, "Nobody there")
    expect(away).to_have_count(2)
    assert "`" not in page.locator("main").inner_text()
    expect(page.locator(".page-trouble code")).to_have_text("reelwright serve")
    with another_server(tmp_path / "data", PORT=server.url.rpartition(":")[2]):
        expect(away).to_have_count(0)
        page.close()


def test_a_page_that_only_stands_there_sees_what_comes_and_goes_elsewhere(visit: Visit, api: httpx2.Client) -> None:
    page = visit().open()
    page.wait_for_selector(".gallery")
    video_id = made(api, "made elsewhere")
    tile = page.locator(f"#tile-{video_id}")
    expect(tile).to_be_visible()
    api.delete(f"/v1/videos/{video_id}")
    expect(tile).to_have_count(0)


def test_try_again_makes_the_same_once_more_in_the_place_of_what_failed(visit: Visit, api: httpx2.Client) -> None:
    failed = made(api, "refuse it", seed=7, fps=8)
    page = visit().open()
    page.locator(f"#tile-{failed}").get_by_role("button", name="Try again").click()
    eventually(lambda: api.get(f"/v1/videos/{failed}").status_code == 404)
    (again,) = [one for one in api.get("/v1/videos").json()["data"] if one["prompt"] == "refuse it"]
    kept = ("prompt", "seed", "size", "num_frames", "fps", "engine", "model")
    assert {name: again[name] for name in kept} == {"prompt": "refuse it", "seed": 7, "fps": 8, "model": "toy", **TINY}
    tile = page.locator(f"#tile-{again['id']}")
    tile.get_by_role("button", name="Edit").click()
    expect(page.locator("#prompt")).to_have_value("refuse it")
    tile.get_by_role("button", name="Remove").click()
    expect(tile).to_have_count(0)


def test_cancelled_jobs_are_small_and_cleared_together(visit: Visit, api: httpx2.Client, tmp_path: Path) -> None:
    for number in range(5):
        video = api.post("/v1/videos", json={"prompt": f"until {tmp_path}/never mind {number}", **TINY}).json()
        api.post(f"/v1/videos/{video['id']}/cancel")
    page = visit().open()
    lines = page.locator(".cancelled li")
    expect(lines).to_have_count(3)
    box = lines.first.bounding_box()
    assert box is not None
    assert box["height"] < 48
    page.get_by_role("button", name="Show all").click()
    expect(lines.filter(has_text="never mind")).to_have_count(5)
    page.get_by_role("button", name="Clear all").click()
    expect(lines).to_have_count(0)
    expect(page.get_by_text("videos deleted")).to_be_visible()
    page.goto("about:blank")
    eventually(lambda: not [v for v in api.get("/v1/videos").json()["data"] if "never mind" in v["prompt"]])


def test_keys_play_step_and_fill_the_screen(visit: Visit, api: httpx2.Client) -> None:
    made(api, "by keys", num_frames=24, fps=12)
    page = visit().open()
    opened(page, "by keys")
    page.wait_for_function("() => document.querySelector('.stage video').currentTime > 0")
    page.keyboard.press("Space")
    assert page.evaluate("document.querySelector('.stage video').paused")
    page.evaluate("document.querySelector('.stage video').currentTime = 0.5")
    frame = "Math.floor(document.querySelector('.stage video').currentTime * 12 + 0.01)"
    for key, number in ((".", 7), (".", 8), (",", 7)):
        page.keyboard.press(key)
        page.wait_for_function(f"() => {frame} === {number}")
    page.get_by_role("button", name="A frame on").click()
    page.wait_for_function(f"() => {frame} === 8")
    page.get_by_role("button", name="0.25×").click()
    page.wait_for_function("() => document.querySelector('.stage video').playbackRate === 0.25")
    page.get_by_role("button", name="0.25×").press("Space")  # it presses the button
    assert page.evaluate("document.querySelector('.stage video').paused")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement?.matches('.stage video')")


@pytest.mark.parametrize("drawing", ['viewBox="0 0 40 20"', ""])
def test_a_drawing_without_a_size_becomes_a_picture(visit: Visit, tmp_path: Path, drawing: str) -> None:
    page = visit().open()
    file = tmp_path / "drawing.svg"
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {drawing}><rect width="9" height="9"/></svg>')
    page.set_input_files("[data-role=picture]", file)
    expect(page.locator(".picture")).to_contain_text("1024 × 512" if drawing else "drawing.svg")


def test_what_was_understood_is_told_above_all_else(visit: Visit, api: httpx2.Client) -> None:
    video_id = made(api, "a sunset, two boats and a penguin")
    visitor = visit()

    def told(route: Route) -> None:
        answer = route.fetch().json()
        facts = {"understood": ["sunset", "two boats"], "not_drawn": ["a penguin"], "steps": 3}
        for video in answer["data"]:
            video["made_with"] = facts
        route.fulfill(json=answer)

    visitor.page.route("**/v1/videos?*", told)
    page = visitor.open(f"/#{video_id}")
    expect(page.locator(".understood")).to_have_text("Understood: sunset, two boats · not drawn: a penguin")
    page.get_by_text("Made with").click()
    expect(page.locator(".made .facts")).to_have_text("steps3")


def test_a_model_that_can_loop_does_and_the_code_that_is_copied_says_so(visit: Visit, api: httpx2.Client) -> None:
    visitor = visit()

    def looping(route: Route) -> None:
        told = route.fetch().json()
        for model in told["data"]:
            model["card"]["params"] = ["loop"]
        route.fulfill(json=told)

    visitor.page.route("**/v1/models", looping)
    page = visitor.open()
    choose_model(page, "toy/toy")
    for loops in (True, False):
        if not loops:
            page.get_by_text("Settings").click()
            page.get_by_text("More", exact=True).click()
            page.get_by_role("checkbox", name="Loop").uncheck()
        with page.expect_request(lambda asked: asked.method == "POST" and asked.url.endswith("/v1/videos")) as asked:
            generate(page, f"loops: {loops}")
        body = asked.value.post_data_json
        assert body is not None
        assert body.get("extra_params") == ({"loop": True} if loops else None)
        expect(page.get_by_role("link", name=f"Play: loops: {loops}")).to_be_visible()

    def looped(route: Route) -> None:
        answer = route.fetch().json()
        route.fulfill(json={**answer, "data": [{**one, "extra_params": {"loop": True}} for one in answer["data"]]})

    page.route("**/v1/videos?*", looped)
    page.reload()
    opened(page, "loops: True")
    expect(page.locator(".facts").first).to_contain_text("The end meets the beginning")
    for language, told in (("Python", 'extra_params={"loop": True},'), ("curl", '"extra_params": {')):
        page.get_by_role("button", name=language, exact=True).click()
        expect(page.get_by_text("copied").last).to_contain_text(language)
        assert told in page.evaluate("navigator.clipboard.readText()")


def test_a_failed_search_is_told(visit: Visit, api: httpx2.Client) -> None:
    made(api, "something")
    visitor = visit()
    visitor.expected.append("503")
    page = visitor.open()
    page.route("**/v1/videos?*q=*", lambda route: route.fulfill(status=503, json={"error": {"code": "unavailable"}}))
    page.wait_for_selector(".tile")
    page.fill("#search", "some")
    expect(page.get_by_text("The server is busy")).to_be_visible()
    page.unroute("**/v1/videos?*q=*")
    page.get_by_role("button", name="Try again", exact=True).last.click()
    expect(page.get_by_role("link", name="Play: something")).to_be_visible()
    choose_model(page, "toy/toy")
