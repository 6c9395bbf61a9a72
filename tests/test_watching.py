"""What watches the system is off unless wanted, and what is ready to be deployed names what there is."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.up import _applications
from shared.settings import settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
PROMETHEUS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


@pytest.mark.parametrize(
    "process",
    [
        "import api.__main__, api.app; api.app.create_app()",
        "import worker; worker.app.loader.import_default_modules()",
        "import beat",
    ],
)
def test_what_nobody_has_configured_is_not_even_imported(process: str) -> None:
    unwanted = "{'opentelemetry.sdk.trace', 'opentelemetry.exporter', 'sentry_sdk'}"
    code = f"{process}; import sys; print(sorted({unwanted} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "[]", ended.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_tells_what_it_is_about_and_where_it_says_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "warn"}
    assert alert["annotations"]["summary"]
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert re.fullmatch(r"\d+[smh]", alert.get("for", "0s"))


def test_alerts_have_names_of_their_own() -> None:
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert DASHBOARD["title"]
    assert re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"])
    (source,) = DASHBOARD["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        if panel["type"] == "row":
            continue
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) >= 1
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": f"${{{source['name']}}}"}


def test_no_two_panels_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


def test_prometheus_reads_every_process_that_compose_starts() -> None:
    assert [rules for rules in PROMETHEUS["rule_files"] if not (DEPLOY / "prometheus" / rules).exists()] == []
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in PROMETHEUS["scrape_configs"]}
    workers = {name for name in SERVICES if name.startswith("worker-")}
    assert set(jobs["worker"]["names"]) == workers
    assert jobs["api"]["names"] == ["api"]
    assert str(jobs["api"]["port"]) == SERVICES["api"]["environment"]["API_PORT"]
    for name in workers:
        environment = SERVICES[name]["environment"]
        assert environment["WORKER_METRICS_PORT"] == str(jobs["worker"]["port"])
        assert environment["WORKER_METRICS_HOST"] == "0.0.0.0"
        assert "ports" not in SERVICES[name]
    jobs_asked_for = {name for alert in ALERTS for name in re.findall(r'job="(\w+)"', alert["expr"])}
    assert jobs_asked_for <= jobs.keys()


def test_compose_starts_what_watches_only_when_asked_and_with_what_exists() -> None:
    for name in ("prometheus", "grafana"):
        assert SERVICES[name]["profiles"] == ["observe"]
        for volume in SERVICES[name]["volumes"]:
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]
    provisioning = DEPLOY / "grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards/delete.yml").read_text())["providers"]
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert any(path.startswith(provider["options"]["path"]) for path in mounted)


def test_caddy_lets_nobody_read_metrics_or_begin_a_trace() -> None:
    caddyfile = (ROOT / "Caddyfile").read_text()
    assert re.search(r"@inside path /metrics /metrics/\*\s+error @inside 404", caddyfile)
    for header in ("traceparent", "tracestate", "baggage"):
        assert f"header_up -{header}\n" in caddyfile


def test_each_worker_of_make_up_has_a_port_of_its_own(configured: Callable[..., None]) -> None:
    configured(WORKER_METRICS_PORT="9808", DEV_WORKERS="2")
    workers = [program for program in _applications(settings(), {}) if program.name.startswith("worker")]
    assert [worker.env["WORKER_METRICS_PORT"] for worker in workers] == ["9808", "9809", "9810"]
