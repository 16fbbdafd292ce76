"""Engines that other packages bring, as the standard library finds them: by the entry points of what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.catalog import Catalog
from reelwright.engines.choice import offer_engines
from reelwright.errors import ConfigurationError, EngineError
from reelwright.video import Draft

GOOD = """
from dataclasses import replace
from reelwright.engines.catalog import Offer
from reelwright.engines.child import Spec
from reelwright.errors import ConfigurationError
from tests.fakes.engines import CARD

def offer(options):
    if "colour" in options:
        raise ConfigurationError("Option colour of the engine rain: there is no such option.")
    card = replace(CARD, engine="rain")
    return Offer(spec=Spec(engine="tests.fakes.engines:ToyEngine", options=options), cards=(card,))

def nothing(options):
    return None

def foreign(options):
    return Offer(spec=Spec(engine="tests.fakes.engines:ToyEngine"), cards=(CARD,))

def empty(options):
    return replace(offer(options), cards=())
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, package: str, *entries: str) -> None:
    """What an installer leaves of a package: its module, and what is said of it."""
    module = package.replace("-", "_")
    (folder / f"{module}.py").write_text(GOOD)
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[reelwright.engines]\n" + "\n".join(entries) + "\n")
    monkeypatch.syspath_prepend(str(folder))


def offered(wanted: str = "sketch", **options: Any) -> Catalog:
    return offer_engines(wanted, token=None, endpoint_token=None, options=options, aliases={}, memory_mb=500)


def test_an_installed_engine_is_offered_and_never_chosen_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "studio-rain", "rain = studio_rain:offer")
    catalog = offered("rain", rain={"slots": 3})
    assert (catalog.default, catalog.default_card.model) == ("rain", "toy")
    assert catalog.offers["rain"].spec.options == {"slots": 3}
    assert catalog.offers["rain"].spec.memory_mb == 500
    assert offered("auto").default != "rain"
    assert offered().resolve(Draft(prompt="Light rain", engine="rain")).engine == "rain"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("studio_rain:gone", "AttributeError"),
        ("studio_snow:offer", "ModuleNotFoundError: No module named 'studio_snow'"),
        ("studio_rain:nothing", "must return an Offer, not NoneType"),
        ("studio_rain:foreign", "One of its cards is of the engine 'toy'"),
        ("studio_rain:empty", "no card"),
    ],
)
def test_one_that_cannot_be_offered_stops_nobody_else(
    entry: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "studio-rain", f"rain = {entry}")
    catalog = offered()
    assert catalog.default == "sketch"
    with pytest.raises(EngineError, match="The engine 'rain' of the package studio-rain cannot be used") as caught:
        catalog.resolve(Draft(prompt="Light rain", engine="rain"))
    assert told in caught.value.message
    with pytest.raises(ConfigurationError, match="REELWRIGHT_ENGINE=rain has no model"):
        offered("rain")


def test_a_wrong_option_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "studio-rain", "rain = studio_rain:offer")
    with pytest.raises(ConfigurationError, match="Option colour of the engine rain"):
        offered(rain={"colour": "blue"})


@pytest.mark.parametrize("name", ["sketch", "rain"])
def test_two_of_one_name_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "studio-rain", "rain = studio_rain:offer")
    install(tmp_path, monkeypatch, "studio-storm", f"{name} = studio_storm:offer")
    with pytest.raises(ConfigurationError, match=f"brings an engine named '{name}', but there is one of that name"):
        offered()
