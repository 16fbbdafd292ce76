from __future__ import annotations

import subprocess
import sys

from reelwright.engines.sketch.card import CARD


def test_the_card_says_that_this_is_no_ai() -> None:
    assert CARD.generative_ai is False
    assert "no AI" in CARD.description
    assert CARD.deterministic
    assert not CARD.resumes


def test_the_defaults_fit_the_limits() -> None:
    assert CARD.default_width * CARD.default_height * CARD.default_frames <= CARD.max_pixel_frames
    assert CARD.max_frames * 1280 * 720 <= CARD.max_pixel_frames


def test_the_card_and_the_engine_import_without_numpy() -> None:
    code = (
        "import sys; import reelwright.engines.sketch.card, reelwright.engines.sketch.engine; "
        "sys.exit('numpy' in sys.modules or 'PIL' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
