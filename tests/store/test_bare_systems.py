"""A server on a system that lacks what most have: locks, hard links, anonymous memory. It works, or says what it needs.

The calls fail as such a system fails them: a library that is loaded before libc (ld.so(8), LD_PRELOAD) answers for it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import run
from tests.databases import secret_of
from tests.servers import SOURCES, ServerProcess

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not shutil.which("gcc"),
    reason="builds the library that makes calls fail with gcc: apt-get install gcc libc6-dev",
)

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int fails(const char *call) {
    const char *calls = getenv("FAILING");
    return calls && strstr(calls, call);
}
static int refuse(int number) { errno = number; return -1; }
#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

int flock(int fd, int how) {
    return fails("flock") ? refuse(ENOTSUP) : REAL("flock", int (*)(int, int))(fd, how);
}
int link(const char *from, const char *to) {
    return fails("link") ? refuse(EPERM) : REAL("link", int (*)(const char *, const char *))(from, to);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
    if (fails("link")) return refuse(EPERM);
    return REAL("linkat", int (*)(int, const char *, int, const char *, int))(a, from, b, to, flags);
}
int memfd_create(const char *name, unsigned flags) {
    return fails("memfd") ? refuse(ENOSYS) : REAL("memfd_create", int (*)(const char *, unsigned))(name, flags);
}
static int control(const char *name, int fd, int command, void *argument) {
    if (fails("setlk") && (command == F_SETLK || command == F_SETLKW)) return refuse(ENOLCK);
    return REAL(name, int (*)(int, int, ...))(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
    va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
    return control("fcntl", fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
    va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
    return control("fcntl64", fd, command, argument);
}
"""

SMALL = {"prompt": "a sea", "width": 64, "height": 64, "num_frames": 4}


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    command = ["gcc", "-shared", "-fPIC", "-o", "shim.so", "shim.c", "-ldl"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return str(folder / "shim.so")


@pytest.mark.parametrize("failing", ["flock", "link", "memfd", "flock link memfd"])
def test_a_video_is_made_without(shim: str, tmp_path: Path, failing: str) -> None:
    with ServerProcess(tmp_path / "data", LD_PRELOAD=shim, FAILING=failing) as server:
        answer = httpx2.post(f"{server.url}/api/video/generate", json=SMALL, timeout=60)
        assert answer.status_code == 200, answer.text
        secret = run(
            "webhooks",
            "--secret",
            cwd=tmp_path,
            REELWRIGHT_DATA_DIR=str(server.data_dir),
            LD_PRELOAD=shim,
            FAILING=failing,
        )
        assert secret.stdout.strip() == secret_of(server)
        assert server.process
        second = serve(tmp_path, server.data_dir, LD_PRELOAD=shim, FAILING=failing)
        assert second.returncode == 2
        assert f"in use by the server with process id {server.process.pid}" in second.stderr


def test_a_directory_without_any_locks_is_refused_in_a_sentence(shim: str, tmp_path: Path) -> None:
    refused = serve(tmp_path, tmp_path / "data", LD_PRELOAD=shim, FAILING="flock setlk")
    assert refused.returncode == 2
    (line,) = [line for line in refused.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith(f"Error: The file system of {tmp_path / 'data'} has no locks (No locks available)")
    assert line.endswith("Set REELWRIGHT_DATA_DIR to a folder on a local disk.")


def test_without_anonymous_memory_a_full_temporary_folder_fails_the_job_and_not_the_server(
    shim: str, tmp_path: Path, small_disk: Path
) -> None:
    settings = {"LD_PRELOAD": shim, "FAILING": "memfd", "TMPDIR": str(small_disk)}
    with ServerProcess(tmp_path / "data", **settings) as server:
        large = {**SMALL, "width": 1280, "height": 720, "num_frames": 24}
        failed = httpx2.post(f"{server.url}/api/video/generate", json=large, timeout=60)
        assert failed.status_code >= 500
        assert "There is no room for the video's frames (No space left on device)" in failed.text
        assert httpx2.post(f"{server.url}/api/video/generate", json=SMALL, timeout=60).status_code == 200


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False, timeout=30).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=30)


def serve(cwd: Path, data_dir: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    flags = ["--data-dir", str(data_dir), "--engine", "sketch", "--log-format", "json"]
    return run("serve", "--port", "0", *flags, cwd=cwd, PYTHONPATH=SOURCES, **extra)
