"""What is written down for deploying names settings, queues, routes and commands of the code, and must follow it."""

import importlib.util
import json
import os
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.app import create_app
from api.bodies import UPLOAD_LIMIT
from shared.jobs import LEDGER_JOBS, PERIODIC_JOBS, QUEUES
from shared.settings import Settings

ROOT = Path(__file__).parent.parent
ENV_LINE = re.compile(r"(?:# )?([A-Z][A-Z0-9_]*)=(.*)")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = {name: service for name, service in SERVICES.items() if name.startswith("worker-")}
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def _env_example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {match[1]: match[2] for line in lines if (match := ENV_LINE.fullmatch(line))}


def _paths() -> set[str]:
    return set(create_app().openapi()["paths"])


def _seconds(duration: str) -> int:
    number, unit = duration[:-1], duration[-1]
    return int(number) * {"s": 1, "m": 60}[unit]


def _option(command: list[str], flag: str) -> str:
    return command[command.index(flag) + 1]


def test_env_example_names_every_setting_in_order_and_nothing_else() -> None:
    assert list(_env_example()) == [name.upper() for name in Settings.model_fields]


def test_env_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("PORT", raising=False)
    defaults = Settings(_env_file=None)
    everything = tmp_path / "env"
    everything.write_text("".join(f"{name}={value}\n" for name, value in _env_example().items()))
    shown = Settings(_env_file=everything)
    # What is unset by default can only be shown by an example.
    unset = {name for name, value in defaults.model_dump().items() if value is None}
    assert shown.model_dump(exclude=unset) == defaults.model_dump(exclude=unset)


def test_env_example_works_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    assert Settings(_env_file=ROOT / ".env.example") == Settings(_env_file=None)


def test_the_procfile_has_a_worker_for_each_queue() -> None:
    workers = {name: shlex.split(command) for name, command in PROCFILE.items() if name.startswith("worker_")}
    assert {name: _option(command, "-Q") for name, command in workers.items()} == {f"worker_{q}": q for q in QUEUES}
    assert len({_option(command, "-n") for command in workers.values()}) == len(QUEUES)
    assert {"release", "web", "beat", "flower"} == PROCFILE.keys() - workers.keys()


def test_compose_has_a_worker_for_each_queue_watched_by_its_heartbeat() -> None:
    assert {name: _option(service["command"], "-Q") for name, service in WORKERS.items()} == {
        f"worker-{queue}": queue for queue in QUEUES
    }
    for name, service in WORKERS.items():
        assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "worker.health", name.removeprefix("worker-")]


def test_compose_and_the_procfile_start_the_same_commands() -> None:
    for name, command in PROCFILE.items():
        service = SERVICES[{"web": "api", "release": "migrate"}.get(name, name.replace("_", "-"))]
        words = [word for word in shlex.split(command) if "=" not in word or word.startswith("--")]
        assert service["command"] == words


@pytest.mark.parametrize("name", OURS)
def test_compose_services_name_what_exists(name: str) -> None:
    service = OURS[name]
    assert service["depends_on"].keys() <= SERVICES.keys()
    stages = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert service["build"]["target"] in stages
    assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= COMPOSE["volumes"].keys()
    command = service["command"]
    module = _option(command, "-m" if command[0] == "python" else "-A") if command[0] != "alembic" else "alembic"
    assert importlib.util.find_spec(module) is not None
    for word in command:
        if word.startswith("--conf="):
            assert (ROOT / word.removeprefix("--conf=")).exists()


def test_only_workers_carry_what_workers_need() -> None:
    targets = {name: service["build"]["target"] for name, service in OURS.items()}
    assert {name for name, target in targets.items() if target == "worker"} == WORKERS.keys()


def test_the_workers_image_holds_the_model_and_not_what_prepares_it() -> None:
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL))
    folder = re.search(r"^ENV EMBEDDING_DIR=(\S+)$", stages["worker"], re.MULTILINE)
    assert folder is not None
    assert f"COPY --from=model {folder[1]} {folder[1]}" in stages["worker"]
    assert f"RUN EMBEDDING_DIR={folder[1]} python -m shared.embedding" in stages["model"]
    assert [name for name, lines in stages.items() if "embeddings.txt" in lines] == ["model"]


def test_compose_runs_the_model_that_it_builds_the_workers_image_with() -> None:
    environment, build = COMPOSE["x-app"]["environment"], COMPOSE["x-worker"]["build"]
    assert f"ENV EMBEDDING_DIR={environment['EMBEDDING_DIR']}\n" in DOCKERFILE
    assert environment["EMBEDDING_MODEL"] == f"${{EMBEDDING_MODEL:-{_env_example()['EMBEDDING_MODEL']}}}"
    assert build["args"]["EMBEDDING_MODEL"] is None, "from the same place"


def test_the_stage_that_prepares_the_model_has_the_code_that_it_needs() -> None:
    code = "".join(path.read_text() for path in (ROOT / "shared/embedding").glob("*.py"))
    imported = set(re.findall(r"^\s*from (shared[\w.]*) import", code, re.MULTILINE))
    assert {name for name in imported if not name.startswith("shared.embedding")} == {"shared.settings"}
    assert "from shared" not in (ROOT / "shared/settings.py").read_text()


def test_only_what_prepares_the_model_pins_torch_and_nothing_pins_cuda() -> None:
    pinned = {
        path.stem: set(re.findall(r"^([\w.-]+)==", path.read_text(), re.MULTILINE))
        for path in (ROOT / "requirements").glob("*.txt")
    }
    assert {name for name, packages in pinned.items() if "torch" in packages} == {"embeddings", "dev"}
    assert {name for name, packages in pinned.items() if "onnxruntime" in packages} == {"worker", "embeddings", "dev"}
    assert not [name for packages in pinned.values() for name in packages if re.match("nvidia|cuda|triton", name)]


def test_everything_waits_for_the_migrations() -> None:
    for name, service in OURS.items():
        if name != "migrate":
            assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_nothing_of_ours_and_no_store_is_open_to_the_network() -> None:
    published = [port for name, service in SERVICES.items() if name != "caddy" for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_workers_may_finish_whatever_they_are_doing() -> None:
    for name, service in WORKERS.items():
        jobs = [job for job in (*LEDGER_JOBS.values(), *PERIODIC_JOBS) if f"worker-{job.queue}" == name]
        assert _seconds(service["stop_grace_period"]) > max(job.hard_limit for job in jobs)


def test_the_images_hold_all_of_the_code() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:].rstrip("/") for line in lines if line.startswith("!")}
    assert let_in >= {*packages["packages"], "alembic", "requirements", "pyproject.toml"}
    assert "*" in lines


def test_systemd_starts_what_the_procfile_does_and_gives_it_as_long_to_stop_as_compose() -> None:
    for name, command in PROCFILE.items():
        unit = {"web": "api", "release": "migrate"}.get(name, name.replace("_", "-"))
        file = ROOT / f"deploy/systemd/delete-{unit}{'@' if name.startswith('worker') else ''}.service"
        told = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
        words = [word for word in shlex.split(command) if "=" not in word or word.startswith("--")]
        started = told["ExecStart"].replace("-%i@%%h", "@%h").removeprefix("/opt/delete/.venv/bin/")
        assert shlex.split(started) == words
        grace = SERVICES[unit if unit in SERVICES else name].get("stop_grace_period")
        assert grace is None or int(told["TimeoutStopSec"]) == _seconds(grace)


def test_nginx_lets_photos_through_and_streams_pass_at_once() -> None:
    nginx = (ROOT / "deploy/nginx.conf").read_text()
    let_through = re.search(r"client_max_body_size (\d+)m;", nginx)
    assert let_through is not None
    assert int(let_through[1]) * 1024**2 >= UPLOAD_LIMIT
    streams = re.findall(r"location = (\S+) \{.*?proxy_buffering off;", nginx, re.DOTALL)
    assert streams == ["/v1/events"]
    assert set(streams) <= _paths()


@pytest.mark.parametrize("name", ["railway.json", "railway.background.json"])
def test_railway_is_told_what_exists(name: str) -> None:
    told = json.loads((ROOT / name).read_text())
    assert told["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}
    assert told["deploy"]["restartPolicyType"] == "ALWAYS"
    assert isinstance(told["deploy"]["drainingSeconds"], int)  # its schema knows no other form
    assert told["deploy"].get("healthcheckPath", "/v1/health") in _paths()


def test_caddy_looks_at_a_real_route_and_lets_photos_through() -> None:
    caddyfile = (ROOT / "Caddyfile").read_text()
    looked_at = re.search(r"health_uri (\S+)", caddyfile)
    let_through = re.search(r"max_size (\d+)MB", caddyfile)
    assert looked_at is not None
    assert looked_at[1] in _paths()
    assert let_through is not None
    assert int(let_through[1]) * 1000**2 >= UPLOAD_LIMIT
    assert "flower" not in re.sub(r"#.*", "", caddyfile).lower()


def test_ci_runs_what_people_run() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    test = workflow["jobs"]["test"]
    assert any(".ci/run" in step.get("run", "") for step in test["steps"])
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / ".ci/run", os.X_OK)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert test["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
