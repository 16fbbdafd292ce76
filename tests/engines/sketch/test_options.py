"""What of the sketch engine's options is refused at the start."""

from __future__ import annotations

from typing import Any

import pytest

from reelwright.engines.choice import offer_engines
from reelwright.errors import ConfigurationError


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"thread": 4}, "Unknown option of the sketch engine: 'thread'. Known: threads."),
        ({"threads": "four"}, "Sketch engine option threads: 'four' is not a whole number from 1 on."),
        ({"threads": 0}, "Sketch engine option threads: 0 is not a whole number from 1 on."),
        ({"threads": True}, "Sketch engine option threads: True is not a whole number from 1 on."),
    ],
)
def test_a_wrong_option_is_refused_at_the_start(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        offer_engines(
            "sketch", token=None, endpoint_token=None, options={"sketch": options}, aliases={}, memory_mb=None
        )
    assert error.value.message == told
