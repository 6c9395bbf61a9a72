"""The console as moderators use it: in a browser, against a served API."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from dev import parts
from shared.database import Database
from tests.browser import Window, browser
from tests.console_scene import Scene, scene
from tests.people import PASSWORD
from tests.stack import ROOT

DESK = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}

pytestmark = pytest.mark.xdist_group("console")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def here(committed: Database) -> Scene:
    return committed.call(scene)


@pytest.fixture
def url(committed: Database) -> Iterator[str]:
    """A served API."""
    port = parts.free_port()
    env = {**os.environ, "API_PORT": str(port), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen([sys.executable, "-m", "api"], cwd=ROOT, env=env)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while not _answers(address):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/v1/health/live").status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture
def windows(chromium: Browser) -> Iterator[list[Window]]:
    opened: list[Window] = []
    yield opened
    for window in opened:
        window.close()


def log_in(windows: list[Window], chromium: Browser, url: str, login: str, **options: object) -> Page:
    window = Window.opened(chromium, f"{url}/admin/", **{"viewport": DESK, **options})
    windows.append(window)
    window.page.get_by_label("E-mail or username").fill(login)
    window.page.get_by_label("Password").fill(PASSWORD)
    window.page.get_by_role("button", name="Log in").click()
    expect(window.page.get_by_role("heading", name="Overview")).to_be_visible()
    return window.page


def test_look(windows: list[Window], chromium: Browser, url: str, here: Scene) -> None:
    out = os.environ["LOOK"]
    for who, size in (("root@example.com", DESK), ("mo@example.com", PHONE)):
        page = log_in(windows, chromium, url, who, viewport=size)
        name = "desk" if size is DESK else "phone"
        for key, path in {
            "overview": "/",
            "people": "/people/list",
            "cases": "/cases/list",
            "photos": "/photos",
            "matches": "/matches/list",
            "signals": "/signals/list",
            "notices": "/notices/list",
            "work": "/work/list",
            "audit": "/audit/list",
            "person": f"/people/detail?pk={here.lena.id}",
            "case": f"/cases/detail?pk={here.case.id}",
            "match": f"/matches/detail?pk={here.match.id}",
            "missing": "/nothing",
        }.items():
            page.goto(f"{url}/admin{path}")
            if key == "case":
                page.get_by_role("button", name="Take").first.click()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=f"{out}/{name}-{key}.png", full_page=True)
        page.context.clear_cookies()
        page.goto(f"{url}/admin/")
        page.screenshot(path=f"{out}/{name}-login.png")
    for window in windows:
        print(window.complaints)
        window.complaints.clear()
