"""The playground's files on the wire: policy, caching, compression, and nothing but the list."""

from __future__ import annotations

import gzip
import re

import httpx2
import pytest


def names(http: httpx2.Client) -> list[str]:
    """What the page loads, as it names it."""
    return [f"/{name}" for name in re.findall(r'"(playground/[^"]+)"', http.get("/").text)]


def test_the_page_comes_with_a_strict_policy(http: httpx2.Client) -> None:
    answer = http.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"\sstyle=|<style|<script>|\son\w+=", answer.text)


def test_what_the_page_names_is_there_and_may_be_kept_for_good(http: httpx2.Client) -> None:
    kinds = ("image/svg+xml", "font/woff2", "text/css", "text/javascript")
    for name, media_type in zip(names(http), kinds, strict=True):
        answer = http.get(name)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert http.get(name.partition("?")[0]).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/playground/page.js"])
def test_what_is_known_already_is_not_sent_again(http: httpx2.Client, path: str) -> None:
    first = http.get(path)
    again = http.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_it_is_small(http: httpx2.Client) -> None:
    """At most 60 kB compressed, all together."""
    total = 0
    for path in ["/", *names(http)]:
        with http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            font = answer.headers["content-type"] == "font/woff2"  # it is compressed already
            assert answer.headers.get("content-encoding") == (None if font else "gzip")
            total += int(answer.headers["content-length"])
    assert total <= 60_000


def test_who_takes_no_gzip_gets_it_plain(http: httpx2.Client) -> None:
    plain = http.get("/playground/page.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with http.stream("GET", "/playground/page.js", headers={"Accept-Encoding": "gzip"}) as packed:
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content
    assert plain.headers["vary"].startswith("Accept-Encoding")


@pytest.mark.parametrize(
    "path",
    [
        "/playground/",
        "/playground/index.html",
        "/playground/main.js",
        "/playground/..%2fapp.py",
        "/playground/vendor.js",
    ],
)
def test_nothing_else_can_be_had(http: httpx2.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "Route not found"


def test_a_head_has_no_body(http: httpx2.Client) -> None:
    answer = http.head("/")
    assert (answer.status_code, answer.content) == (200, b"")
