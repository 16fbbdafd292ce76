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

import pytest
import yaml

from reelwright.settings import Settings, environment_name
from tests.servers import ROOT, ServerProcess

TOOLS = Path(sys.executable).parent
DOCKERFILES = ("Dockerfile", "deploy/space/Dockerfile")
OF_OTHERS = {
    "PATH",
    "PYTHONUNBUFFERED",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_CACHE_DIR",
    "HF_HOME",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "POSTGRES_USER",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
}
"""Variables that pip, Python, huggingface_hub, the NVIDIA runtime and the Postgres image read."""


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


def test_compose_fits_its_schema() -> None:
    run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_compose_asks_for_keys_and_builds_a_target_there_is() -> None:
    server = yaml.safe_load(read("compose.yaml"))["services"]["server"]
    assert server["environment"]["REELWRIGHT_API_KEYS"].startswith("${REELWRIGHT_API_KEYS:?")
    assert server["build"]["target"] == "cpu"
    assert "data:/data" in server["volumes"]


def test_kubernetes_fits_its_schema() -> None:
    run(TOOLS / "kubernetes-validate", "--strict", "deploy/kubernetes.yaml")


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
    compose: dict[str, Any] = yaml.safe_load(read("compose.yaml"))["services"]
    names = {name for service in compose.values() for name in service["environment"]}
    names |= {one["key"] for one in yaml.safe_load(read("render.yaml"))["services"][0]["envVars"]}
    names |= {name for dockerfile in DOCKERFILES for name in docker_environment(dockerfile)}
    names |= set(re.findall(r"^Environment=(\w+)=", read("deploy/systemd/reelwright.service"), flags=re.MULTILINE))
    names |= set(re.findall(r"\b([A-Z_]+)=", read("Procfile")))
    assert names <= known
