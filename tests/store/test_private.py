"""A data directory that is open to other users of the machine is closed when the server starts."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.api.videos import made
from tests.contract import checking
from tests.databases import ON_BOTH, Settings
from tests.servers import ServerProcess


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_symlink()]


@ON_BOTH
def test_what_the_server_made_is_closed_at_its_start_and_nothing_else_is_touched(
    database: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    server = ServerProcess(folder, **database)
    with server, checking(server.url) as client:
        video = made(client)
        client.post("/v1/files", files={"content": b"hello"}).raise_for_status()
    assert [path for path in (folder, *below(folder)) if mode(path) & 0o077] == []
    for path in (folder, *below(folder)):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "notes.txt").write_text("somebody's own")
    (folder / "notes.txt").chmod(0o644)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(0o755)
    elsewhere.chmod(0o755)
    (folder / "videos" / "link").symlink_to(elsewhere)
    with server, checking(server.url) as client:
        assert client.get(f"/v1/videos/{video['id']}/content").status_code == 200
        assert mode(folder) == 0o700
        for path in below(folder):
            kept = 0o644 if path.name == "notes.txt" else 0o700 if path.is_dir() else 0o600
            assert mode(path) == kept, path
        assert mode(elsewhere) == 0o755
    assert "modes could not be changed" not in server.log_text()


class NotTheOwner(ServerProcess):
    """A server that may not change the modes of what belongs to another user, even if it runs as root."""

    wrapper = ("setpriv", "--bounding-set", "-fowner")


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, who gives files to another user, and setpriv"
)
def test_what_cannot_be_closed_is_told_and_the_server_works(tmp_path: Path) -> None:
    """As with a volume that belongs to root and is open to the server's group."""
    folder = tmp_path / "data"
    with ServerProcess(folder) as server, checking(server.url) as client:
        video = made(client)
    other = folder / "videos"
    other.chmod(0o755)
    os.chown(other, 12345, 12345)
    file = next(other.glob(f"{video['id']}-*.mp4"))
    file.chmod(0o644)
    with NotTheOwner(folder) as server, checking(server.url) as client:
        assert client.get(f"/v1/videos/{video['id']}/content").status_code == 200
        assert (mode(other), mode(file)) == (0o755, 0o600)
        told = [line for line in server.log_text().splitlines() if "modes could not be changed" in line]
        assert len(told) == 1
        assert str(other) in told[0]
