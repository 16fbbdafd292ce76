"""The generated tables are what the code says now."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from reelwright.engines.catalog import Catalog
from reelwright.errors import Code
from reelwright.settings import Settings, environment_name
from tests.servers import ROOT


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_tables", ROOT / "docs" / "build_tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_current(tables: ModuleType) -> None:
    stale = [path.name for path in tables.pages() if path.read_text() != tables.page(path)]
    assert not stale, "run: python docs/build_tables.py"


def test_every_setting_is_on_its_page() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    missing = [name for name in Settings.model_fields if f"| `{environment_name(name)}` |" not in text]
    assert not missing


def test_every_code_is_on_its_page() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    assert not [code for code in Code if f"| `{code}` |" not in text]


def test_every_engine_has_a_page() -> None:
    from reelwright.engines.choice import offer_engines

    catalog: Catalog = offer_engines("sketch", token=None, endpoint_token=None, options={}, aliases={}, memory_mb=None)
    assert not [name for name in catalog.offers if not (ROOT / "docs" / "engines" / f"{name}.md").exists()]
