"""The deployment files: checked by the linters and schemas of their own kind, and against the settings there are.

No container is built or run here.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import yaml

from reelwright.settings import Settings, environment_name
from tests.servers import ROOT, ServerProcess

TOOLS = Path(sys.executable).parent
FLEET = "deploy/fleet/compose.yaml"
ROLES = {"REELWRIGHT_WORKERS", "REELWRIGHT_WORKER_PORT"}
DOCKERFILES = ("Dockerfile", "deploy/space/Dockerfile")
OF_OTHERS = {
    "PATH",
    "PYTHONUNBUFFERED",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_CACHE_DIR",
    "HF_HOME",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "DOMAIN",
    "POSTGRES_USER",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
}
"""Variables that pip, Python, huggingface_hub, the NVIDIA runtime, the Postgres image and our Caddyfile read."""


def read(path: str) -> str:
    return (ROOT / path).read_text()


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile in their order, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", read(dockerfile), flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def docker_environment(dockerfile: str) -> dict[str, str]:
    pairs = [pair for word, rest in instructions(dockerfile) if word == "ENV" for pair in rest.split()]
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_hadolint_finds_nothing(dockerfile: str) -> None:
    run(TOOLS / "hadolint", dockerfile)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_what_is_copied_exists_and_is_not_ignored(dockerfile: str) -> None:
    ignored = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    for word, rest in instructions(dockerfile):
        if word != "COPY" or "--from" in rest:
            continue
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists(), source
            verdict = [line for line in ignored if fnmatch.fnmatch(source, line.lstrip("!"))][-1]
            assert verdict.startswith("!"), f"{source} is ignored by {verdict}"


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_images_run_without_root_and_keep_their_data_apart(dockerfile: str) -> None:
    users = [rest for word, rest in instructions(dockerfile) if word == "USER"]
    assert users
    assert users[-1].partition(":")[0].isdigit()
    environment = docker_environment(dockerfile)
    assert environment["HOST"] == "0.0.0.0"
    assert environment["REELWRIGHT_DATA_DIR"].startswith("/")


def test_the_targets_are_there_and_cpu_is_the_default() -> None:
    stages = [rest.split()[-1] for word, rest in instructions("Dockerfile") if word == "FROM"]
    assert {"cpu", "gpu"} <= set(stages)
    assert stages[-1] == "cpu"


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_health_check_tells_a_living_server_from_a_dead_one(dockerfile: str, server: ServerProcess) -> None:
    check = next(rest for word, rest in instructions(dockerfile) if word == "HEALTHCHECK")
    _, *arguments = json.loads(check[check.index("[") :])
    living = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, "PORT": server.url.rpartition(":")[2]}, check=False
    )
    assert living.returncode == 0
    dead = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, "PORT": "9"}, capture_output=True, check=False
    )
    assert dead.returncode == 1


OVERLAYS = ("deploy/compose/tls.yaml", "deploy/compose/gpu.yaml")


@pytest.mark.parametrize("compose", ["compose.yaml", FLEET, *OVERLAYS])
def test_compose_fits_its_schema(compose: str) -> None:
    run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", compose)


@pytest.mark.parametrize(("compose", "services"), [("compose.yaml", ["server"]), (FLEET, ["server", "worker"])])
def test_compose_hands_every_setting_of_the_env_file_on(compose: str, services: list[str]) -> None:
    """But for those that belong to the container: an `.env` of the machine may say HOST=localhost."""
    known = yaml.safe_load(read(compose))["services"]
    for service in services:
        assert [one["path"] for one in known[service]["env_file"]] == [".env"]
        own = known[service]["environment"]
        assert (own["HOST"], own["PORT"], own["REELWRIGHT_DATA_DIR"]) == ("0.0.0.0", "3001", "/data")
        handed = {name for name, value in own.items() if value == f"${{{name}:-}}" or ":?" in value}
        assert own.keys() - handed <= {"HOST", "PORT", "REELWRIGHT_DATA_DIR", *ROLES}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_changes_services_that_there_are(overlay: str) -> None:
    base, over = yaml.safe_load(read("compose.yaml")), yaml.safe_load(read(overlay))
    new = {name for name, service in over["services"].items() if service.get("image") and name != "server"}
    assert over["services"].keys() - new <= base["services"].keys()
    assert f"docker compose -f compose.yaml -f {overlay} up" in read("docs/deployment.md").replace("\\\n", "")


def test_only_the_proxy_of_the_overlay_is_trusted() -> None:
    services = yaml.safe_load(read(OVERLAYS[0]))["services"]
    assert (
        services["server"]["environment"]["REELWRIGHT_TRUSTED_PROXIES"]
        == (services["caddy"]["networks"]["front"]["ipv4_address"])
    )


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is missing: apt install caddy")
def test_caddy_takes_its_file() -> None:
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", "deploy/compose/Caddyfile"]
    environment = {**os.environ, "DOMAIN": "videos.example"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_fleet_has_servers_that_only_serve_and_workers() -> None:
    compose = yaml.safe_load(read(FLEET))["services"]
    pods = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]
        for one in yaml.safe_load_all(read("deploy/fleet/kubernetes.yaml"))
        if one["kind"] == "Deployment"
    }
    assert compose["server"]["environment"]["REELWRIGHT_WORKERS"] == "0"
    assert compose["worker"]["command"] == ["worker"]
    containers = {name: spec["template"]["spec"]["containers"][0] for name, spec in pods.items()}
    assert {"name": "REELWRIGHT_WORKERS", "value": "0"} in containers["server"]["env"]
    assert containers["worker"]["args"] == ["worker"]
    assert pods["server"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    for spec in pods.values():
        grace = spec["template"]["spec"]["terminationGracePeriodSeconds"]
        assert grace > Settings.model_fields["drain_s"].default


def test_the_example_s_settings_are_ones_that_somebody_reads() -> None:
    names = set(re.findall(r"^(\w+)=", read("deploy/fleet/example.env"), flags=re.MULTILINE))
    assert names <= {environment_name(field) for field in Settings.model_fields} | OF_OTHERS


def test_keda_counts_what_waits_and_runs(postgres: str, tmp_path: Path) -> None:
    scaled = next(yaml.safe_load_all(read("deploy/fleet/keda.yaml")))
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]

    def count() -> int:
        with psycopg.connect(postgres) as connection:
            row = connection.execute(query).fetchone()
            assert row
            return int(row[0])

    with ServerProcess(tmp_path / "data", DATABASE_URL=postgres, REELWRIGHT_WORKERS="0") as server:
        assert count() == 0
        for _ in range(3):
            httpx2.post(f"{server.url}/v1/videos", json={"prompt": "a pond"}).raise_for_status()
        assert count() == 3
        with psycopg.connect(postgres) as connection:
            connection.execute("INSERT INTO paused VALUES ('sketch')")
        assert count() == 0


def test_compose_asks_for_keys_and_builds_a_target_there_is() -> None:
    server = yaml.safe_load(read("compose.yaml"))["services"]["server"]
    assert server["environment"]["REELWRIGHT_API_KEYS"].startswith("${REELWRIGHT_API_KEYS:?")
    assert server["build"]["target"] == "cpu"
    assert "data:/data" in server["volumes"]


@pytest.mark.parametrize("manifest", ["deploy/kubernetes.yaml", "deploy/fleet/kubernetes.yaml"])
def test_kubernetes_fits_its_schema(manifest: str) -> None:
    run(TOOLS / "kubernetes-validate", "--strict", manifest)


def test_kubernetes_runs_one_server_at_a_time() -> None:
    deployment = next(one for one in yaml.safe_load_all(read("deploy/kubernetes.yaml")) if one["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    pod = deployment["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > Settings.model_fields["drain_s"].default


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing (Debian: systemd)")
def test_systemd_reads_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "reelwright.service"
    # The program is not installed in its place here.
    unit.write_text(read("deploy/systemd/reelwright.service").replace("/opt/reelwright/bin/reelwright", sys.executable))
    run("systemd-analyze", "verify", "--man=no", unit)
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)


def test_the_procfile_starts_the_command_there_is() -> None:
    name, _, command = read("Procfile").strip().partition(": ")
    assert name == "web"
    assert command.endswith("reelwright serve")


def test_render_and_railway_keep_one_instance_with_a_disk() -> None:
    (service,) = yaml.safe_load(read("render.yaml"))["services"]
    assert service["disk"]["mountPath"] == docker_environment("Dockerfile")["REELWRIGHT_DATA_DIR"]
    assert "numInstances" not in service
    railway = json.loads(read("railway.json"))["deploy"]
    assert railway["requiredMountPath"] == service["disk"]["mountPath"]
    assert railway["numReplicas"] == 1
    assert service["healthCheckPath"] == railway["healthcheckPath"] == "/health"


def test_the_space_says_what_hugging_face_wants_to_know() -> None:
    _, front, text = read("deploy/space/README.md").split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["sdk"] == "docker"
    assert str(facts["app_port"]) == docker_environment("deploy/space/Dockerfile")["PORT"]
    assert "REELWRIGHT_API_KEYS" in text


def test_every_variable_that_is_set_is_one_that_somebody_reads() -> None:
    known = {environment_name(field) for field in Settings.model_fields} | OF_OTHERS
    composed: list[dict[str, Any]] = [
        service
        for file in ("compose.yaml", FLEET, *OVERLAYS)
        for service in yaml.safe_load(read(file))["services"].values()
    ]
    names = {name for service in composed for name in service["environment"]}
    names |= {one["key"] for one in yaml.safe_load(read("render.yaml"))["services"][0]["envVars"]}
    names |= {name for dockerfile in DOCKERFILES for name in docker_environment(dockerfile)}
    names |= set(re.findall(r"^Environment=(\w+)=", read("deploy/systemd/reelwright.service"), flags=re.MULTILINE))
    names |= set(re.findall(r"\b([A-Z_]+)=", read("Procfile")))
    assert names <= known
