"""The wall of videos: playing under the mouse, more as you scroll, search, deleting, links, copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import expect

from tests.playground.screening import Screening, opened
from tests.servers import eventually

Visit = Callable[..., Screening]


def made(api: httpx2.Client, prompt: str, **draft: object) -> str:
    """The id of a finished little video."""
    body = {"prompt": prompt, "engine": "toy", "size": "64x64", "num_frames": 6, **draft}
    video = api.post("/v1/videos", json=body).json()
    eventually(lambda: api.get(f"/v1/videos/{video['id']}").json()["status"] == "completed")
    return str(video["id"])


@pytest.fixture(scope="module")
def crowd(cinema) -> Iterator[list[str]]:  # type: ignore[no-untyped-def]
    """More videos than one page of the list has."""
    with httpx2.Client(base_url=cinema.url, timeout=30) as client:
        ids = [
            client.post(
                "/v1/videos", json={"prompt": f"crowd {n}", "engine": "toy", "size": "64x64", "num_frames": 1}
            ).json()["id"]
            for n in range(30)
        ]
        eventually(lambda: client.get(f"/v1/videos/{ids[-1]}").json()["status"] == "completed")
        yield ids
        for video_id in ids:
            client.delete(f"/v1/videos/{video_id}")


def test_a_video_plays_under_the_mouse_and_on_focus(visit: Visit, api: httpx2.Client) -> None:
    made(api, "play here", num_frames=24)
    page = visit().open()
    link = page.get_by_role("link", name="Play: play here")
    link.hover()
    page.wait_for_function("() => document.querySelector('.film video')?.currentTime > 0.1")
    page.mouse.move(5, 5)
    expect(page.locator(".film video")).to_have_count(0)
    link.focus()
    expect(page.locator(".film video")).to_have_count(1)


def test_nothing_moves_by_itself_for_those_who_want_it_still(visit: Visit, api: httpx2.Client) -> None:
    made(api, "stay still")
    page = visit(reduced_motion="reduce").open()
    link = page.get_by_role("link", name="Play: stay still")
    link.hover()
    link.focus()
    expect(page.locator(".film video")).to_have_count(0)
    link.click()
    film = page.wait_for_selector(".stage video")
    page.wait_for_function("video => video.readyState === 4", arg=film)
    assert page.evaluate("video => video.paused", film)


def test_the_wall_goes_on_as_you_scroll(visit: Visit, crowd: list[str]) -> None:
    page = visit().open()
    expect(page.get_by_role("link", name="Play: crowd 29")).to_be_visible()
    page.mouse.wheel(0, 20_000)
    expect(page.get_by_role("link", name="Play: crowd 0", exact=True)).to_have_count(1)


def test_search_goes_through_all_videos_not_the_loaded_ones_only(visit: Visit, crowd: list[str]) -> None:
    page = visit(size=(1440, 300)).open()
    expect(page.locator("#search")).to_be_attached()
    expect(page.get_by_role("link", name="Play: crowd 0", exact=True)).to_have_count(0)  # a page of 24 has 6 to 29
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("CROWD 0")
    expect(page.get_by_role("link", name="Play: crowd 0", exact=True)).to_have_count(1)
    expect(page.locator(".note")).to_contain_text("found.")
    page.fill("#search", "no such thing")
    expect(page.locator(".note")).to_contain_text("No video is like that.")
    page.get_by_role("button", name="Show all videos").click()
    expect(page.get_by_role("link", name="Play: crowd 29")).to_be_visible()
    expect(page.locator("#search")).to_have_value("")


def test_deleting_can_be_undone(visit: Visit, api: httpx2.Client) -> None:
    video_id = made(api, "keep me")
    page = visit().open()
    tile = page.locator(f"#tile-{video_id}")
    tile.hover()
    page.get_by_role("button", name="Delete: keep me").click()
    expect(tile).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(tile).to_be_visible()
    assert api.get(f"/v1/videos/{video_id}").status_code == 200


def test_deleting_is_done_when_the_time_to_undo_is_over(visit: Visit, api: httpx2.Client) -> None:
    video_id = made(api, "lose me")
    visitor = visit()
    visitor.expected.append("404 (Not Found) (http")  # the film under the mouse, when the seconds pass in no time
    visitor.page.clock.install()
    page = visitor.open()
    page.locator(f"#tile-{video_id}").hover()
    page.get_by_role("button", name="Delete: lose me").click()
    assert api.get(f"/v1/videos/{video_id}").status_code == 200
    page.clock.run_for(8_000)
    eventually(lambda: api.get(f"/v1/videos/{video_id}").status_code == 404)
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_deleting_is_done_when_the_page_is_left(visit: Visit, api: httpx2.Client) -> None:
    video_id = made(api, "lose me at once")
    page = visit().open()
    opened(page, "lose me at once")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.goto("about:blank")
    eventually(lambda: api.get(f"/v1/videos/{video_id}").status_code == 404)


def test_a_link_opens_the_video(visit: Visit, api: httpx2.Client) -> None:
    video_id = made(api, "link to me")
    page = visit().open()
    opened(page, "link to me")
    page.get_by_role("button", name="Copy link").click()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith(f"/#{video_id}")
    other = visit().page
    other.goto(link)
    expect(other.get_by_role("dialog", name="link to me")).to_be_visible()


def test_a_link_to_nothing_is_told(visit: Visit) -> None:
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.open("/#video_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    expect(page.get_by_role("status").first).to_contain_text("That video is not there any more.")


def test_the_arrow_keys_go_from_video_to_video(visit: Visit, api: httpx2.Client) -> None:
    made(api, "older one")
    made(api, "newer one")
    page = visit().open()
    opened(page, "newer one")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name="older one")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("dialog", name="newer one")).to_be_visible()


def test_the_python_that_is_copied_makes_the_same_video(visit: Visit, api: httpx2.Client, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import subprocess
    import sys

    video_id = made(api, 'say "hello"\nto ünïcode', seed=5)
    page = visit().open(f"/#{video_id}")
    page.get_by_role("button", name="Python").click()
    expect(page.get_by_text("Python code copied")).to_be_visible()
    code = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    original = api.get(f"/v1/videos/{video_id}/content").content
    assert (tmp_path / "video.mp4").read_bytes() == original


def test_the_curl_command_that_is_copied_makes_the_same_video(visit: Visit, api: httpx2.Client, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import shutil
    import subprocess

    if not shutil.which("curl"):
        pytest.skip("curl is not installed: apt-get install curl")
    video_id = made(api, "it's a 'quoted' prompt", seed=6)
    page = visit().open(f"/#{video_id}")
    page.get_by_role("button", name="curl").click()
    expect(page.get_by_text("curl command copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "video.mp4").read_bytes() == api.get(f"/v1/videos/{video_id}/content").content


def test_a_download_has_a_name_of_its_own(visit: Visit, api: httpx2.Client) -> None:
    video_id = made(api, "Download: me, please!")
    page = visit().open(f"/#{video_id}")
    with page.expect_download() as download:
        page.get_by_label("Download", exact=True).click()
        page.get_by_role("button", name="Download MP4").click()
    assert download.value.suggested_filename == "download-me-please.mp4"
