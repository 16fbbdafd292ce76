"""What the forge reads of this repository: the workflow, the templates, the addresses. CI itself is `.ci/run`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import reelwright
from tests.servers import ROOT

TOOLS = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = "https://github.com/reelwright/reelwright"
WORKFLOW = ".github/workflows/ci.yml"
FORMS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
SCHEMAS = {WORKFLOW: "github-workflows", ".github/dependabot.yml": "dependabot"} | {
    form: "github-issue-config" if form.endswith("config.yml") else "github-issue-forms" for form in FORMS
}


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def cells() -> list[dict[str, str]]:
    """The matrix of the parts, laid out as the forge does it."""
    matrix = read(WORKFLOW)["jobs"]["part"]["strategy"]["matrix"]
    return [{"python": python, "part": part} for python in matrix["python"] for part in matrix["part"]] + list(
        matrix["include"]
    )


@pytest.mark.parametrize("file", sorted(SCHEMAS))
def test_each_file_of_the_forge_fits_its_schema(file: str) -> None:
    done = run(TOOLS / "check-jsonschema", "--builtin-schema", f"vendor.{SCHEMAS[file]}", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not (TOOLS / "zizmor").exists(), reason="zizmor has no wheel for this machine: pip install zizmor")
def test_the_workflow_gives_nothing_away() -> None:
    """Actions are pinned to commits, permissions are named, and no text of a stranger becomes part of a command."""
    done = run(TOOLS / "zizmor", "--offline", "--no-progress", ".github")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_part_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    done = run("bash", ".ci/run", "everything")
    assert done.returncode == 2
    assert "checks" in done.stderr


def test_the_workflow_runs_each_part_of_ci() -> None:
    known = set(re.findall(r"^ +(\w+)\)", (ROOT / ".ci/run").read_text(), re.MULTILINE)) - {"all"}
    named = {cell["part"] for cell in cells()}
    steps = [step.get("run", "") for job in read(WORKFLOW)["jobs"].values() for step in job["steps"]]
    named |= {found for step in steps for found in re.findall(r"\.ci/run (\w+)", step)}
    assert named == known


def test_the_pythons_that_are_promised_are_those_that_ci_tries() -> None:
    named = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", one)]
    for part in ("core", "local"):
        assert [cell["python"] for cell in cells() if cell["part"] == part] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_every_address_in_the_repository_is_there() -> None:
    addresses = list(PROJECT["urls"].values())
    addresses += [link["url"] for link in read(".github/ISSUE_TEMPLATE/config.yml")["contact_links"]]
    for address in addresses:
        assert address.startswith(REPOSITORY)
        path = address.removeprefix(REPOSITORY).removeprefix("/blob/main/")
        assert path in ("", "/issues", "/security/advisories/new") or (ROOT / path).is_file()


def test_the_version_is_the_changelog_s_topmost_one_and_that_of_the_images() -> None:
    topmost = re.search(r"^## \[(\S+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert topmost
    assert topmost[1] == reelwright.__version__
    for file in (ROOT / "deploy").rglob("*.yaml"):
        assert set(re.findall(r"/reelwright:(\d\S*)", file.read_text())) <= {reelwright.__version__}, file


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (ROOT / "src/reelwright/py.typed").is_file()
