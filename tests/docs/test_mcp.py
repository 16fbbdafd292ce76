"""The configurations in docs/mcp.md: the command that each names answers as a server of the protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import blocks
from tests.servers import ROOT, ServerProcess

CONFIGURATIONS = [
    (str(block), json.loads(block.text)) for block in blocks(ROOT / "docs" / "mcp.md") if block.language == "json"
]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "docs", "version": "1"}},
}


def entries() -> list[Any]:
    """Each server's entry, whatever the assistant calls the list."""
    found = []
    for name, configuration in CONFIGURATIONS:
        servers = configuration.get("mcpServers") or configuration.get("servers") or {"reelwright": configuration}
        found += [pytest.param(entry, id=name) for entry in servers.values()]
    return found


@pytest.mark.parametrize("entry", [one for one in entries() if "command" in one.values[0]])
def test_the_command_speaks_the_protocol(entry: dict[str, Any], server: ServerProcess, tmp_path: Path) -> None:
    """With the assistant's habits: no shell, a bare environment, and `/` as the working directory."""
    command = Path(entry["command"])
    assert command.is_absolute()
    assert command.name == "reelwright"
    arguments = [argument.replace("http://127.0.0.1:3001", server.url) for argument in entry["args"]]
    if "--server" not in arguments:
        arguments += ["--engine", "sketch"]
    done = subprocess.run(
        [Path(sys.executable).parent / command.name, *arguments],
        input=json.dumps(HELLO) + "\n",
        capture_output=True,
        text=True,
        cwd="/",
        env={"HOME": str(tmp_path), "PATH": os.defpath, **entry.get("env", {})},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["result"]["serverInfo"]["name"] == "reelwright"


@pytest.mark.parametrize("entry", [one for one in entries() if "command" not in one.values[0]])
def test_an_address_is_that_of_the_route(entry: dict[str, Any]) -> None:
    assert (entry.get("url") or entry["server_url"]).endswith("/mcp")
    assert entry.get("authorization") or entry["headers"]["Authorization"].startswith("Bearer ")
