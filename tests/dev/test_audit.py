"""The look for known vulnerabilities, with a service of our own at the network's far end."""

import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dev import audit
from dev.audit import CONTROL, EVERYTHING, Ignored, main, open_advisories
from dev.parts import free_port

TODAY = date(2026, 11, 25)


def advisory(name: str, number: str, fixed: str) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": number, "aliases": [f"CVE-{number}"], "summary": "It breaks.", "affected": [affected]}


class Service:
    """Knows of the control, and of whatever it is told."""

    def __init__(self) -> None:
        self.known = {CONTROL.partition("==")[0]: advisory("pyyaml", "PYSEC-2020-96", "5.3.1")}
        self.asked: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = said["package"]["name"]
                service.asked.append(f"{name}=={said['version']}")
                answer = {"vulns": [service.known[name]]} if name in service.known else {}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    thread = Thread(target=running.server.serve_forever, args=[0.05])
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("# of ours\nstructlog==26.1.0\n    # via delete\npyjwt==2.15.0\n")
    return path


def test_what_is_pinned_is_asked_for_and_what_is_known_fails(
    service: Service, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--service", service.url, "--requirements", str(pinned)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "Known vulnerabilities: none\n"
    assert set(service.asked) == {CONTROL, "structlog==26.1.0", "pyjwt==2.15.0"}
    service.known["pyjwt"] = advisory("pyjwt", "PYSEC-2026-7", "2.15.1")
    assert main(arguments) == 1
    assert "pyjwt 2.15.0: PYSEC-2026-7, fixed in 2.15.1" in capsys.readouterr().out


def test_a_service_that_is_away_or_knows_nothing_is_told_and_fails_where_it_must_not(
    service: Service, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.known.clear()
    for url in (service.url, f"http://127.0.0.1:{free_port()}/v1/query"):
        arguments = ["--service", url, "--requirements", str(pinned)]
        assert main(arguments) == 0
        assert "NOT CHECKED" in capsys.readouterr().out
        assert main([*arguments, "--required"]) == 1


def test_an_ignored_advisory_is_looked_at_again_on_its_day() -> None:
    found = [{"name": "pyjwt", "version": "2", "vulns": [{"id": "A", "aliases": ["CVE-1"], "fix_versions": []}]}]

    def left(ignored: dict[str, Ignored], today: date = TODAY) -> int:
        return len(open_advisories(found, ignored, today=today))

    assert left({}) == left({"B": Ignored("another", date(2030, 1, 1))}) == 1
    for name in ("A", "CVE-1"):
        assert left({name: Ignored("we never call it", date(2026, 11, 26))}) == 0
        assert left({name: Ignored("we never call it", TODAY)}) == 1


def test_whatever_is_ignored_has_a_reason_and_a_day_that_is_not_far() -> None:
    for name, ignored in audit.IGNORED.items():
        assert len(ignored.why) > 20, name
        assert (ignored.until - date.today()).days < 180, name  # noqa: DTZ011 - a day more or less


def test_the_file_that_is_asked_about_holds_what_all_others_do() -> None:
    def pins(path: Path) -> set[str]:
        return {line.split(" ")[0] for line in path.read_text().splitlines() if line[:1].isalnum()}

    everything = pins(EVERYTHING)
    for path in EVERYTHING.parent.glob("*.txt"):
        assert pins(path) <= everything, path.name
