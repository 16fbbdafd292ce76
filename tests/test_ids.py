"""Ids: made as the ULID specification says, recognised by their form."""

from __future__ import annotations

import pytest

from reelwright.ids import is_video_id, ulid, video_id


def test_the_specifications_example() -> None:
    """https://github.com/ulid/spec: 1469918176385 ms is 01ARYZ6S41, and the largest ULID is 7ZZZ…."""
    assert ulid(1_469_918_176_385, lambda bits: 0) == "01ARYZ6S41" + "0" * 16
    assert ulid(2**48 - 1, lambda bits: 2**bits - 1) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
    assert ulid(0, lambda bits: 0) == "0" * 26


def test_eighty_bits_are_drawn() -> None:
    drawn: list[int] = []
    ulid(1, lambda bits: drawn.append(bits) or 0)  # type: ignore[func-returns-value]
    assert drawn == [80]
    assert len({ulid(1) for _ in range(1_000)}) == 1_000


def test_ids_sort_by_time() -> None:
    made = [video_id(moment) for moment in (0, 1, 31, 32, 1_023, 10**12, 10**12 + 1, 2 * 10**12)]
    assert sorted(made) == made


def test_what_is_made_is_recognised() -> None:
    assert all(is_video_id(video_id(moment)) for moment in (0, 10**12, 2**48 - 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "video_",
        "01ARYZ6S410000000000000000",
        "video_01ARYZ6S41000000000000000",
        "video_01ARYZ6S4100000000000000000",
        "video_01aryz6s410000000000000000",
        "video_01ARYZ6S41000000000000000I",
        "video_01ARYZ6S41000000000000000L",
        "video_01ARYZ6S41000000000000000O",
        "video_01ARYZ6S41000000000000000U",
        "video_01ARYZ6S410000000000000000\n",
        " video_01ARYZ6S410000000000000000",
        "video_01ARYZ6S41000000000000000\uff10",
        "video_../../../../etc/passwd00",
        "VIDEO_01ARYZ6S410000000000000000",
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_video_id(text)
