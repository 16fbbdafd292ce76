"""Conditional requests: the four conditions, their order (RFC 9110, 13.2.2), and ranges of a version by its date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import httpx2
import pytest

from tests.api.asks import generate

OTHER = '"other"'


@pytest.fixture(scope="module", params=["video", "poster", "page", "script"])
def url(http: httpx2.Client, request: pytest.FixtureRequest) -> str:
    if request.param == "page":
        return "/"
    if request.param == "script":
        return "/playground/page.js"
    answer = generate(http, "paint")
    assert answer.status_code == 200
    return f"/v1/videos/{answer.headers['X-Video-Id']}/content?variant={request.param}"


Known = tuple[str, str, str, str]


@pytest.fixture(scope="module")
def known(http: httpx2.Client, url: str) -> Known:
    """The version's tag, its date, and a date before and one after."""
    answer = http.get(url)
    date = parsedate_to_datetime(answer.headers["Last-Modified"])
    hour = timedelta(hours=1)
    earlier, later = (format_datetime(moment, usegmt=True) for moment in (date - hour, date + hour))
    return answer.headers["ETag"], answer.headers["Last-Modified"], earlier, later


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"If-Modified-Since": "date"}, 304),
        ({"If-Modified-Since": "later"}, 304),
        ({"If-Modified-Since": "earlier"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": ""}, 200),
        ({"If-Unmodified-Since": "date"}, 200),
        ({"If-Unmodified-Since": "later"}, 200),
        ({"If-Unmodified-Since": "earlier"}, 412),
        ({"If-Unmodified-Since": "yesterday"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": OTHER}, 412),
        ({"If-Match": ""}, 412),
        ({"If-None-Match": "tag"}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": OTHER}, 200),
        # Tags count before dates, and what must hold before what would spare the answer.
        ({"If-Match": "*", "If-Unmodified-Since": "earlier"}, 200),
        ({"If-None-Match": OTHER, "If-Modified-Since": "later"}, 200),
        ({"If-None-Match": "tag", "If-Modified-Since": "earlier"}, 304),
        ({"If-Match": OTHER, "If-None-Match": "tag"}, 412),
        ({"If-Unmodified-Since": "earlier", "If-Modified-Since": "later"}, 412),
        ({"If-Unmodified-Since": "later", "If-Modified-Since": "later"}, 304),
    ],
)
def test_the_conditions(
    http: httpx2.Client, url: str, known: Known, method: str, sent: dict[str, str], status: int
) -> None:
    values = dict(zip(("tag", "date", "earlier", "later"), known, strict=True))
    answer = http.request(method, url, headers={name: values.get(value, value) for name, value in sent.items()})
    assert answer.status_code == status, answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Request-Id" in answer.headers
    if status == 304:
        assert answer.content == b""
        assert (answer.headers["ETag"], answer.headers["Last-Modified"]) == known[:2]
        assert "Content-Type" not in answer.headers
    if status == 412:
        assert answer.headers["Content-Type"] == "application/json"


def test_the_old_forms_of_a_date_are_read(http: httpx2.Client, url: str, known: Known) -> None:
    date = parsedate_to_datetime(known[1]).astimezone(UTC)
    for form in ("%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"):
        assert http.get(url, headers={"If-Modified-Since": date.strftime(form)}).status_code == 304
        before = (date - timedelta(hours=1)).strftime(form)
        assert http.get(url, headers={"If-Modified-Since": before}).status_code == 200


@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "Mon, 01 Jan 2024 99999999999:0:0"]
)
def test_a_date_that_is_none_counts_as_absent(http: httpx2.Client, url: str, name: str, date: str) -> None:
    assert http.get(url, headers={name: date}).status_code == 200


def test_tags_are_compared_strongly_where_bytes_must_be_the_same(http: httpx2.Client) -> None:
    answer = generate(http, "paint")
    url, etag = f"/v1/videos/{answer.headers['X-Video-Id']}/content", answer.headers["ETag"]
    assert http.get(url, headers={"If-Match": f"{OTHER}, {etag}"}).status_code == 200
    assert http.get(url, headers={"If-Match": f"W/{etag}"}).status_code == 412
    assert http.get(url, headers={"If-None-Match": f"W/{etag}"}).status_code == 304


def test_each_dialect_says_in_its_shape_what_did_not_hold(http: httpx2.Client) -> None:
    url = f"/v1/videos/{generate(http, 'paint').headers['X-Video-Id']}/content"
    told = http.get(url, headers={"If-Match": OTHER}).json()["error"]
    assert (told["code"], told["type"], told["param"]) == ("precondition_failed", "invalid_request_error", "If-Match")
    assert "the ETag is" in told["message"]
    native = http.get("/", headers={"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}).json()
    assert (native["success"], native["field"]) == (False, "If-Unmodified-Since")


def test_the_rest_of_a_version_by_its_date(http: httpx2.Client) -> None:
    video = generate(http, "paint")
    url = f"/v1/videos/{video.headers['X-Video-Id']}/content"
    date = parsedate_to_datetime(http.head(url).headers["Last-Modified"])
    for moment, status in (
        (date, 206),
        (date - timedelta(seconds=1), 200),
        (datetime.now(UTC) + timedelta(days=1), 200),
    ):
        condition = {"Range": "bytes=4-", "If-Range": format_datetime(moment, usegmt=True)}
        answer = http.get(url, headers=condition)
        assert (answer.status_code, answer.content) == (status, video.content[4 if status == 206 else 0 :])
    weak = {"Range": "bytes=4-", "If-Range": f"W/{video.headers['ETag']}"}
    assert http.get(url, headers=weak).status_code == 200
    assert http.get(url, headers={"Range": "bytes=4-", "If-Range": "nonsense"}).status_code == 200


def test_a_range_is_looked_at_last(http: httpx2.Client) -> None:
    video = generate(http, "paint")
    url = f"/v1/videos/{video.headers['X-Video-Id']}/content"
    part = {"Range": "bytes=0-3"}
    assert http.get(url, headers={**part, "If-Match": video.headers["ETag"]}).status_code == 206
    assert http.get(url, headers={**part, "If-None-Match": video.headers["ETag"]}).status_code == 304
    assert http.get(url, headers={**part, "If-Match": OTHER}).status_code == 412
