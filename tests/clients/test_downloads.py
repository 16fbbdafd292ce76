"""What the usual download programs save: the video's own name, whatever the address ends with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.api.videos import made
from tests.servers import ServerProcess

pytestmark = pytest.mark.client("wget, aria2c and curl -OJ", "run:wget --version")

PROGRAMS = {
    "curl": ["curl", "-sS", "-OJ"],
    "wget": ["wget", "-q", "--content-disposition"],
    "aria2c": ["aria2c", "-q", "--async-dns=false", "--no-conf", "--split=4", "--min-split-size=1M"],
}
ENDINGS = {
    "video": "mp4",
    "poster": "jpg",
    "thumbnail": "thumbnail.webp",
    "spritesheet": "spritesheet.jpg",
    "gif": "gif",
    "webp": "webp",
    "webm": "webm",
}


@pytest.fixture(scope="module")
def video(http: httpx2.Client) -> str:
    return str(made(http)["id"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_saved_under_its_id(server: ServerProcess, video: str, program: str, tmp_path: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {program.removesuffix('c')}")
    url = f"{server.url}/v1/videos/{video}/content"
    run = subprocess.run([*PROGRAMS[program], url], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr.decode()
    assert [file.name for file in tmp_path.iterdir()] == [f"{video}.mp4"]
    assert (tmp_path / f"{video}.mp4").read_bytes() == httpx2.get(url).content


@pytest.mark.parametrize(("variant", "ending"), ENDINGS.items())
def test_what_is_made_of_it_has_its_own_ending(http: httpx2.Client, video: str, variant: str, ending: str) -> None:
    answer = http.head(f"/v1/videos/{video}/content", params={"variant": variant})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'inline; filename="{video}.{ending}"'
