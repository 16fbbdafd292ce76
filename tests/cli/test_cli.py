"""The command as a whole: help, version, completion, settings, and what it may not import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import reelwright
from reelwright.cli import cli
from reelwright.settings import Settings, environment_name
from tests.cli.command import environment, run
from tests.servers import ROOT

COMMANDS = sorted(cli.commands)


def test_help_names_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    result = run("--help", cwd=tmp_path)
    assert result.returncode == 0
    for expected in (*COMMANDS, "130 interrupted", "completion"):
        assert expected in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    command = cli.commands[name]
    context = click.Context(command, info_name=name)
    assert f"  reelwright {name}" in command.get_help(context)
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_version(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout == f"reelwright {reelwright.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_the_command_line_tells_every_command(name: str) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert f"`{name}`" in page or f"`{name} " in page


def test_the_page_of_the_command_line_tells_no_other_options() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    known = {"--help"}
    for command in cli.commands.values():
        known |= {option for p in command.get_params(click.Context(command)) for option in p.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) <= known


def test_the_page_of_the_command_line_tells_the_exit_codes_of_the_help(tmp_path: Path) -> None:
    told = re.findall(r"(\d+) (done|the job failed|wrong usage|interrupted)", run("--help", cwd=tmp_path).stdout)
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert len(told) == 4
    assert [code for code, meaning in told if not re.search(rf"\| {code} \| {meaning}", page)] == []


def test_an_unknown_command_exits_2(tmp_path: Path) -> None:
    result = run("generat", "x", cwd=tmp_path)
    assert result.returncode == 2
    assert "generate" in result.stderr


def test_help_imports_neither_settings_nor_http_nor_rich() -> None:
    heavy = "('pydantic', 'httpx2', 'rich', 'asyncio', 'numpy', 'fastapi', 'av', 'sqlalchemy')"
    code = "import sys; sys.argv = ['reelwright', '--help']; from reelwright.cli import main; main(); "
    code += f"print('loaded:', [m for m in sys.modules if m in {heavy}])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "loaded: []"


def test_serve_has_a_flag_for_every_setting() -> None:
    command = cli.commands["serve"]
    flags = {option for p in command.get_params(click.Context(command)) for option in p.opts}
    assert {f"--{name.replace('_', '-')}" for name in Settings.model_fields} <= flags


def test_config_shows_every_setting_where_it_comes_from_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4001\nHF_TOKEN=hf_secret\n")
    result = run("config", "--json", cwd=tmp_path, REELWRIGHT_ENGINE="sketch")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert set(rows) == {environment_name(name) for name in Settings.model_fields}
    assert (rows["PORT"]["value"], rows["PORT"]["source"]) == ("4001", ".env")
    assert (rows["REELWRIGHT_ENGINE"]["value"], rows["REELWRIGHT_ENGINE"]["source"]) == ("sketch", "environment")
    assert rows["HOST"]["source"] == "default"
    assert "hf_secret" not in result.stdout + run("config", cwd=tmp_path).stdout


@pytest.mark.parametrize("command", ["serve", "doctor", "config"])
def test_a_wrong_setting_exits_2_and_is_named(tmp_path: Path, command: str) -> None:
    result = run(command, cwd=tmp_path, PORT="many")
    assert result.returncode == 2
    assert "PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_wrong_flags_exit_2(tmp_path: Path) -> None:
    assert run("serve", "--log-format", "xml", cwd=tmp_path).returncode == 2
    assert "is not JSON" in run("serve", "--engine-options", "{", cwd=tmp_path).stderr
    result = run("serve", "--host", "0.0.0.0", cwd=tmp_path)
    assert result.returncode == 2
    assert "--insecure-no-auth" in result.stderr


def test_doctor_says_what_works_and_exits_by_it(tmp_path: Path) -> None:
    result = run("doctor", "--engine", "sketch", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "✓ Engine sketch" in result.stdout
    assert "HF_TOKEN" in result.stdout
    result = run("doctor", "--json", "--engine", "huggingface", cwd=tmp_path)
    assert result.returncode == 1, "no token"
    assert [row["ok"] for row in json.loads(result.stdout) if row["name"] == "Chosen engine"] == [False]


def test_doctor_tells_a_damaged_database(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reelwright.db").write_bytes(b"this was a database once. " * 400)
    found = run("doctor", cwd=tmp_path, REELWRIGHT_DATA_DIR=str(tmp_path / "data"))
    assert found.returncode == 1
    assert "SQLite is damaged" in found.stdout
    assert "Restore a backup, or set REELWRIGHT_DATA_DIR" in found.stdout


def test_pull_names_what_there_is_and_what_is_in_the_way(tmp_path: Path) -> None:
    result = run("pull", "nonsense", cwd=tmp_path)
    assert result.returncode == 2
    assert "Known: " in result.stderr
    assert run("pull", cwd=tmp_path).returncode == 2
    offline = run("pull", "svd", cwd=tmp_path, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert offline.returncode == 1
    assert "HF_HUB_OFFLINE" in offline.stderr


def test_completion_knows_commands_and_settings(tmp_path: Path) -> None:
    script = tmp_path / "reelwright"
    script.write_text(f"#!{sys.executable}\nfrom reelwright.cli import main\nraise SystemExit(main())\n")
    script.chmod(0o755)

    def completed(words: str) -> list[str]:
        steering = {"_REELWRIGHT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        result = subprocess.run([script], capture_output=True, text=True, env=environment(**steering), check=True)
        return [line.partition(",")[2] for line in result.stdout.splitlines()]

    assert completed("reelwright gen") == ["generate"]
    assert completed("reelwright serve --log-f") == ["--log-format"]
