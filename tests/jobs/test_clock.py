"""The machine's clock is set while jobs run: nothing is ended, lost or negative for it.

The clock is libc's, which a library that is loaded before it (ld.so(8), LD_PRELOAD) shifts by what a file says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers import ServerProcess, eventually

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not shutil.which("gcc"),
    reason="builds the library that shifts the clock with gcc: apt-get install gcc libc6-dev",
)

SHIFTED = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(which, now);
    const char *path = getenv("CLOCK_SHIFT");
    if (which == CLOCK_REALTIME && path) {
        char text[16] = {0};
        int file = open(path, O_RDONLY);
        if (file >= 0) {
            if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
            close(file);
        }
    }
    return result;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clock")
    (folder / "shift.c").write_text(SHIFTED)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "shift.so", "shift.c", "-ldl"], cwd=folder, check=True, timeout=60)
    return folder / "shift.so"


@pytest.fixture
def shift(tmp_path: Path) -> Path:
    (tmp_path / "shift").write_text("0")
    return tmp_path / "shift"


@pytest.fixture
def server(tmp_path: Path, library: Path, shift: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data", LD_PRELOAD=str(library), CLOCK_SHIFT=str(shift)) as running:
        yield running
        assert running.stop() == 0


def submit(server: ServerProcess, prompt: str) -> str:
    fields = {"prompt": prompt, "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
    return str(httpx2.post(f"{server.url}/v1/videos", json=fields, timeout=30).json()["id"])


def video(server: ServerProcess, video_id: str) -> Any:
    return httpx2.get(f"{server.url}/v1/videos/{video_id}", timeout=30).json()


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_clock_that_is_set_while_a_job_waits_and_runs(server: ServerProcess, shift: Path, seconds: int) -> None:
    gate, second_gate = shift.with_name("gate"), shift.with_name("second gate")
    first, second = submit(server, f"until {gate}"), submit(server, f"until {second_gate}")
    eventually(lambda: video(server, first)["status"] == "in_progress")
    before = httpx2.get(f"{server.url}/health").json()["timestamp"]
    shift.write_text(str(seconds))
    assert (httpx2.get(f"{server.url}/health").json()["timestamp"] < before) == (seconds < 0), "the clock was not set"
    third = submit(server, "paint")
    gate.touch()
    second_gate.touch()
    for video_id in (first, second, third):
        eventually(lambda video_id=video_id: video(server, video_id)["status"] == "completed")
        made = video(server, video_id)
        assert made["created_at"] <= made["started_at"] <= made["completed_at"]
        assert made["generation_seconds"] >= 0
        answer = httpx2.get(f"{server.url}/v1/videos/{video_id}/content")
        assert answer.headers["X-Generation-Time"][0] != "-"
        prediction = httpx2.get(f"{server.url}/v1/predictions/{video_id}").json()
        assert min(prediction["metrics"].values()) >= 0
