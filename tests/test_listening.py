"""Where the server listens: both loopbacks by default, on one port; a port that is taken on either is told."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.servers import ServerProcess


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


two_loopbacks = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


def answers(address: str, port: str) -> bool:
    try:
        return httpx2.get(f"http://{address}:{port}/health").status_code == 200
    except httpx2.ConnectError:
        return False


def port_of(server: ServerProcess) -> str:
    return server.url.rpartition(":")[2]


ONE_LOOPBACK = """
echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
"""
TWO_PORTS = "echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range"
LOOP_UP = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x41))  # SIOCSIFFLAGS: up and running
"""


def on_a_machine_of_its_own(settings: str, program: str) -> str:
    """What a program prints in a network of its own (Linux), in which the shell has made the settings."""
    inside = f"{settings}\nexec {shlex.quote(sys.executable)} -c {shlex.quote(LOOP_UP + program)}"
    run = subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-ec", inside],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare: " in run.stderr:
        pytest.skip(f"no network of its own can be made here ({run.stderr.strip()})")
    assert run.returncode == 0, run.stderr
    return run.stdout


needs_unshare = pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed (Linux only)")


@two_loopbacks
@pytest.mark.parametrize(
    ("host", "listens"),
    [
        ("", {"127.0.0.1", "[::1]"}),
        ("127.0.0.1", {"127.0.0.1"}),
        ("[::1]", {"[::1]"}),
    ],
)
def test_the_addresses_of_a_host(tmp_path: Path, host: str, listens: set[str]) -> None:
    server = ServerProcess(tmp_path / "data", HOST=host).start()
    port = port_of(server)
    assert {address for address in ("127.0.0.1", "[::1]") if answers(address, port)} == listens
    assert server.stop() == 0


@two_loopbacks
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_on_one_of_them_is_told(tmp_path: Path, address: str) -> None:
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as taken:
        port = taken.getsockname()[1]
        environment = {**os.environ, "PORT": str(port), "REELWRIGHT_DATA_DIR": str(tmp_path / "data")}
        run = subprocess.run(
            [sys.executable, "-m", "reelwright.cli", "serve"],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            cwd=tmp_path,
            check=False,
        )
    assert run.returncode == 2
    shown = f"[::1]:{port}" if address == "::1" else f"127.0.0.1:{port}"
    assert f"Cannot listen on {shown} (Address already in use)" in run.stderr
    assert not (tmp_path / "data").exists()


@needs_unshare
def test_without_ipv6_there_is_the_other_one() -> None:
    program = """
from reelwright.listening import listening_sockets
print([sock.getsockname()[0] for sock in listening_sockets("localhost", 0)])
"""
    assert on_a_machine_of_its_own(ONE_LOOPBACK, program) == "['127.0.0.1']\n"


@needs_unshare
@two_loopbacks
def test_a_port_is_drawn_that_is_free_on_both() -> None:
    program = """
from reelwright.listening import listening_sockets
with socket.create_server(("::1", 40000), family=socket.AF_INET6):
    for _ in range(10):
        both = listening_sockets("localhost", 0)
        print({sock.getsockname()[1] for sock in both})
        [sock.close() for sock in both]
"""
    assert on_a_machine_of_its_own(TWO_PORTS, program) == "{40001}\n" * 10
