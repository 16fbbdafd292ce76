"""Settings on a running server, in the user's own way: what each one promises is seen from outside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.banner import RUNNING
from reelwright.engines.huggingface.access import VARIABLES
from tests.cli.command import start
from tests.fakes.receiver import Receiver
from tests.processes import Process
from tests.servers import ROOT, ServerProcess, eventually

TOY = {"prompt": "paint", "engine": "toy", "width": 64, "height": 64, "num_frames": 4}
CANARIES = {
    "HF_TOKEN": "hf_canary",
    "REELWRIGHT_API_KEYS": "canary-of-the-server",
    "REELWRIGHT_ENDPOINT_TOKEN": "canary-of-the-endpoint",
    "REELWRIGHT_COMFYUI_TOKEN": "canary-of-comfyui",
    "REELWRIGHT_UPSTREAM_TOKEN": "canary-of-the-upstream",
    "REELWRIGHT_API_KEY": "canary-of-the-command",
    **{name: f"canary-of-{name.lower()}" for name in VARIABLES},
    "AWS_ACCESS_KEY_ID": "canary-of-the-bucket",
    "AWS_SECRET_ACCESS_KEY": "canary-of-the-bucket's-key",
    "HUGGING_FACE_HUB_TOKEN": "canary-under-its-old-name",
    "OPENAI_API_KEY": "canary-of-somebody-else",
    "HF_HUB_SECRET": "canary-with-a-good-beginning",
    "PGPASSWORD": "canary-of-the-database",
    "GITHUB_PAT": "canary-of-the-one-who-deployed-it",
}

NAMED = {
    "REELWRIGHT_ENGINE_ENVIRONMENT": "OTHER,MY_*",
    "OTHER": "is inherited",
    "MY_TOKEN": "as well",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "HF_HOME": "/nowhere",
    "https_proxy": "http://127.0.0.1:9",
    "LC_TIME": "C",
}


def create(server: ServerProcess, **fields: Any) -> Any:
    answer = httpx2.post(f"{server.url}/v1/videos", json={**TOY, **fields}, timeout=30)
    return answer.json() | {"http": answer.status_code}


def look(server: ServerProcess, video: Any) -> Any:
    return httpx2.get(f"{server.url}/v1/videos/{video['id']}", timeout=30).json()


def test_two_workers_render_two_jobs_at_the_same_time_in_two_processes(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", REELWRIGHT_WORKERS="2") as server:
        gate = tmp_path / "gate"
        videos = [create(server, prompt=f"until {gate}", seed=seed) for seed in range(2)]
        eventually(lambda: all(look(server, video)["status"] == "in_progress" for video in videos))
        gate.touch()
        eventually(lambda: all(look(server, video)["status"] == "completed" for video in videos))
        assert len({look(server, video)["made_with"]["pid"] for video in videos}) == 2


def test_a_body_over_the_limit_is_refused_and_told_the_limit(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", REELWRIGHT_MAX_BODY_MB="0.01") as server:
        refused = create(server, metadata={"note": "x" * 20_000})
        assert refused["http"] == 413
        assert "0.01" in refused["error"]["message"]
        assert create(server)["http"] == 200


def test_what_is_older_than_its_days_is_gone_with_its_files(tmp_path: Path) -> None:
    days = str(3 / 86_400)
    with ServerProcess(tmp_path / "data", REELWRIGHT_KEEP_DAYS=days, REELWRIGHT_SWEEP_S="0.1") as server:
        video = create(server)
        eventually(lambda: list((server.data_dir / "videos").glob("*.mp4")))
        eventually(lambda: "error" in look(server, video) and look(server, video).get("id") is None)
        eventually(lambda: list((server.data_dir / "videos").iterdir()) == [])


def test_a_host_name_is_answered_to_when_it_is_listed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", REELWRIGHT_ALLOWED_HOSTS="film.example, other.example") as server:

        def status(host: str) -> int:
            return httpx2.get(f"{server.url}/v1/models", headers={"Host": host}).status_code

        assert [status(host) for host in ("film.example", "other.example:80", "rebound.example")] == [200, 200, 421]


def test_without_keys_an_address_that_is_not_known_for_loopback_needs_a_word(tmp_path: Path) -> None:
    """127.1 is loopback, too, but written so that only the resolver knows."""
    with start("serve", "--host", "127.1", "--port", "0", cwd=tmp_path) as refused:
        _, stderr = refused.communicate(timeout=120)
    assert refused.returncode == 2
    assert "--insecure-no-auth" in stderr
    with ServerProcess(tmp_path / "data", HOST="127.1", REELWRIGHT_INSECURE_NO_AUTH="1") as server:
        assert create(server)["http"] == 200


@pytest.mark.parametrize("networks", ["", "0.0.0.0/0", "10.0.0.0/8"])
def test_ones_own_network_is_closed_unless_it_is_listed(tmp_path: Path, networks: str) -> None:
    with (
        ServerProcess(tmp_path / "data", REELWRIGHT_ALLOWED_NETWORKS=networks) as server,
        Receiver(host="127.0.0.1") as receiver,
    ):
        for fields in ({"webhook": receiver.url}, {"input_reference": {"image_url": receiver.url}}):
            refused = create(server, **fields)
            assert refused["http"] == 400
            assert "REELWRIGHT_ALLOWED_NETWORKS" in refused["error"]["message"]
        assert receiver.received == []


def test_a_listed_network_is_reached_at_any_port(tmp_path: Path) -> None:
    with (
        Receiver(host="127.0.0.1") as receiver,
        ServerProcess(tmp_path / "data", REELWRIGHT_ALLOWED_NETWORKS="127.0.0.1") as server,
    ):
        video = create(server, webhook=receiver.url)
        eventually(lambda: receiver.received)
        assert json.loads(receiver.received[0].body)["data"]["id"] == video["id"]


def test_what_the_server_writes_is_for_its_own_user_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with ServerProcess(tmp_path / "data") as server:
            picture = {"content": ("a.png", b"a picture", "image/png")}
            assert httpx2.post(f"{server.url}/v1/files", files=picture).status_code == 201
            assert httpx2.post(f"{server.url}/api/video/generate", json=TOY, timeout=60).status_code == 200
            written = [server.data_dir, *server.data_dir.rglob("*")]
    finally:
        os.umask(before)
    assert {"reelwright.db", "reelwright.db-wal", "videos", "uploads"} <= {path.name for path in written}
    assert any(path.suffix == ".mp4" for path in written)
    assert [path for path in written if path.exists() and path.stat().st_mode & 0o077] == []


def children(pid: int) -> list[Path]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            found.append(entry)
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads another process's environment in /proc")
def test_an_engines_process_has_no_secret_that_is_not_its_own(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", **CANARIES, hf_token="hf_canary", **NAMED) as server:
        http = {"Authorization": f"Bearer {CANARIES['REELWRIGHT_API_KEYS']}"}
        options = {"json": {**TOY}, "headers": http, "timeout": 30}
        assert httpx2.post(f"{server.url}/api/video/generate", **options).status_code == 200
        assert server.process
        environments = [(child / "environ").read_text() for child in children(server.process.pid)]
    assert len(environments) == 2, "the sketch engine's and the toy's"
    for told in environments:
        for name, value in NAMED.items():
            assert (f"\0{name}={value}\0" in f"\0{told}") == (name != "REELWRIGHT_ENGINE_ENVIRONMENT")
        assert "canary" not in told


HUGGINGFACE = {
    "REELWRIGHT_ENGINE": "huggingface",
    "REELWRIGHT_ENGINE_OPTIONS": json.dumps({"huggingface": {"endpoint_url": "http://127.0.0.1:9/"}}),
}
COMFYUI = {
    "REELWRIGHT_ENGINE": "comfyui",
    "REELWRIGHT_COMFYUI_URL": "http://127.0.0.1:9",
    "REELWRIGHT_COMFYUI_WORKFLOWS": str(ROOT / "examples" / "comfyui"),
}


OPENAI = {"REELWRIGHT_ENGINE": "openai", "REELWRIGHT_UPSTREAM_URL": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("engine", "own"),
    [
        (HUGGINGFACE, ["HF_TOKEN", "REELWRIGHT_ENDPOINT_TOKEN", *VARIABLES]),
        (COMFYUI, ["REELWRIGHT_COMFYUI_TOKEN"]),
        (OPENAI, ["REELWRIGHT_UPSTREAM_TOKEN"]),
    ],
    ids=["huggingface", "comfyui", "openai"],
)
def test_an_upstream_engines_process_has_its_own_tokens_and_no_other_secret(
    tmp_path: Path, engine: dict[str, str], own: list[str]
) -> None:
    with ServerProcess(tmp_path / "data", **CANARIES, **engine) as server:
        eventually(lambda: "engine loaded" in server.log_text())
        assert server.process
        (child,) = children(server.process.pid)
        told = (child / "environ").read_text()
    assert [name for name, value in CANARIES.items() if value in told] == own


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Any]:
    """Starts `reelwright serve` and gives the first lines that it writes."""
    begun: list[Process[str]] = []

    def lines(number: int, **settings: str) -> list[str]:
        process = start("serve", "--port", "0", "--engine", "sketch", cwd=tmp_path, **settings)
        begun.append(process)
        assert process.stderr
        return [process.stderr.readline().rstrip("\n") for _ in range(number)]

    yield lines
    for process in begun:
        with process:
            pass


@pytest.mark.parametrize("node_env", ["development", "test", "staging", ""])
def test_the_banner_begins_with_the_lines_that_scripts_wait_for(served: Any, node_env: str) -> None:
    first, *others = served(4, NODE_ENV=node_env)
    port = others[0].rpartition(":")[2]
    assert first == "✅ Video generation server running"
    assert others == [
        f"🚀 Server: http://localhost:{port}",
        f"🎬 Video API: http://localhost:{port}/api/video/generate",
        f"💚 Health Check: http://localhost:{port}/health",
    ]


def test_in_production_the_first_line_is_the_same_as_json(served: Any) -> None:
    (line,) = served(1, NODE_ENV="production")
    told = json.loads(line)
    url = told["server"]
    assert told["event"] == RUNNING == "✅ Video generation server running"
    assert url.startswith("http://localhost:")
    assert (told["video_api"], told["health_check"]) == (f"{url}/api/video/generate", f"{url}/health")


def test_it_is_the_first_line_also_where_there_was_something_to_recover(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", NODE_ENV="production")
    with server:
        create(server, prompt="slow 60")
        server.kill()
        before = server.log.stat().st_size
        server.start()
        lines = [json.loads(line) for line in server.log.read_bytes()[before:].decode().splitlines()]
        assert lines[0]["event"] == RUNNING
        eventually(lambda: "recovered" in server.log.read_bytes()[before:].decode())


def test_the_env_file_reaches_what_reads_the_environment_only(tmp_path: Path, server: ServerProcess) -> None:
    """The command's own server and key, and the Hub's library in `pull`."""
    (tmp_path / ".env").write_bytes(
        f"\ufeffexport REELWRIGHT_SERVER='{server.url}/v1/'\r\nHF_HUB_OFFLINE=1 # for now\r\n".encode()
    )
    with start("models", cwd=tmp_path) as models:
        stdout, _ = models.communicate(timeout=120)
    assert "toy" in stdout
    with start("pull", "svd", cwd=tmp_path, HF_HOME=str(tmp_path)) as pull:
        _, stderr = pull.communicate(timeout=60)
    assert pull.returncode == 1
    assert "HF_HUB_OFFLINE" in stderr


def test_the_token_in_the_env_file_goes_to_the_hub(tmp_path: Path) -> None:
    with Receiver(401, host="127.0.0.1") as hub:
        (tmp_path / ".env").write_text("HF_TOKEN=hf_canary\n")
        address = hub.url.removesuffix("/hook")
        with start("pull", "svd", cwd=tmp_path, HF_ENDPOINT=address, HF_HOME=str(tmp_path)) as pull:
            stdout, stderr = pull.communicate(timeout=60)
    assert (pull.returncode, stdout) == (1, "")
    assert stderr.startswith("Error: Model 'svd' cannot be fetched: the Hub answered 401")
    assert len(stderr.splitlines()) == 1
    assert "hf_canary" not in stderr
    (asked,) = [message for message in hub.received if message.path.startswith("/api/models/")]
    sent = {name.lower(): value for name, value in asked.headers.items()}
    assert sent["authorization"] == "Bearer hf_canary"
