"""The console as moderators use it: in a browser, against a served API."""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dev import parts
from shared.accounts.models import User
from shared.database import Database
from shared.photos.models import Photo
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
def windows(url: str, chromium: Browser) -> Iterator[list[Window]]:  # closed before their server is
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


def go(page: Page, name: str) -> None:
    page.locator("#sidebar-menu").get_by_role("link", name=name).click()
    expect(page.locator(".page-title")).to_contain_text(name)


def loaded(page: Page, pictures: str) -> bool:
    """Whether every picture is there, seen from within the page."""
    expect(page.locator(pictures).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return bool(page.eval_on_selector_all(pictures, "all => all.every(one => one.naturalWidth > 100)"))


def keep(page: Page, name: str) -> None:
    """A picture for the docs, when they are asked for."""
    if os.environ.get("SCREENSHOTS"):
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot.quantize(128, dither=Image.Dither.NONE).save(ROOT / "docs" / f"{name}.png", optimize=True)


def test_a_case_from_the_login_to_the_audit_log(
    windows: list[Window], chromium: Browser, url: str, here: Scene, committed: Database
) -> None:
    page = log_in(windows, chromium, url, "mo@example.com")
    expect(page.locator("svg.chart")).to_have_count(4)
    go(page, "People")
    page.get_by_label("Search").fill("len")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("State").select_option("paused")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nobody like that.")).to_be_visible()
    page.get_by_role("link", name="Reset").click()
    expect(page.locator("tbody tr")).to_have_count(20)
    page.get_by_role("link", name="Person").click()
    expect(page.locator("tbody tr").first).to_contain_text("Ann")
    go(page, "Photos")
    assert loaded(page, ".gallery img")
    go(page, "Cases")
    page.get_by_role("link", name="Lena").click()
    assert loaded(page, ".pair img")
    expect(page.locator(".pair img")).to_have_count(2)
    page.get_by_role("button", name="Take").click()
    expect(page.get_by_text("This case is yours for 4 hours.")).to_be_visible()
    keep(page, "console-case")
    decide = page.locator("#decide")
    decide.get_by_role("radio", name="Remove a photo").check()
    decide.get_by_alt_text("Photo 1").click()
    decide.get_by_label("Why, in your words").fill("The picture shows somebody else.")
    decide.get_by_role("button", name="Decide").click()
    expect(page).to_have_url(re.compile("/cases/detail"))  # not before it was confirmed
    decide.get_by_text("I have looked at everything above.").click()
    decide.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Decided. The person has been told.")).to_be_visible()
    expect(page.get_by_text("The picture shows somebody else.").first).to_be_visible()
    go(page, "Notices")
    expect(page.locator("tbody")).to_contain_text(
        "We have removed one of your photos. The picture shows somebody else."
    )
    go(page, "Audit log")
    expect(page.locator("tbody")).to_contain_text("case.remove_photo")
    expect(page.locator("tbody")).not_to_contain_text("Root")
    with committed.transaction() as session:
        assert session.get_one(Photo, here.photo.id).rejection == "removed"
    page.get_by_label("Open user menu").last.click()
    page.get_by_role("button", name="Log out").last.click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.go_back()
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_an_admin_on_a_phone_and_a_moderator_who_is_none_any_more(
    windows: list[Window], chromium: Browser, url: str, here: Scene
) -> None:
    moderator = log_in(windows, chromium, url, "mo@example.com")
    moderator.goto(f"{url}/admin/people/detail?pk={here.moderator.id}")
    expect(moderator.get_by_text("For admins")).to_have_count(0)
    admin = log_in(windows, chromium, url, "root@example.com", viewport=PHONE)
    admin.get_by_label("Toggle navigation").first.click()
    go(admin, "People")
    admin.get_by_role("link", name="Mo mo@example.com").click()
    admin.get_by_label("Role").select_option("user")
    admin.get_by_role("button", name="Change role").click()
    expect(admin.get_by_text("Mo is now user.")).to_be_visible()
    assert admin.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    moderator.reload()
    expect(moderator.get_by_role("button", name="Log in")).to_be_visible()


def test_a_page_of_another_site_cannot_press_a_button(
    windows: list[Window], chromium: Browser, url: str, here: Scene, committed: Database
) -> None:
    admin = log_in(windows, chromium, url, "root@example.com")
    token = admin.locator("input[name=csrftoken]").first.get_attribute("value")
    elsewhere = url.replace("127.0.0.1", "localhost")
    form = (
        '<link rel="icon" href="data:,">'
        f'<form method="post" action="{url}/admin/people/{here.mia.id}/role"><input name="role" value="admin">'
        f'<input name="csrftoken" value="{token}"><button>Win a prize</button></form>'
    )
    admin.route(f"{elsewhere}/prize", lambda route: route.fulfill(body=form, content_type="text/html"))
    admin.goto(f"{elsewhere}/prize")
    admin.get_by_role("button").click()
    expect(admin.get_by_text("This was asked for by another site, so nothing was done.")).to_be_visible()
    with committed.transaction() as session:
        assert session.get_one(User, here.mia.id).role == "user"
    windows[0].forgive("403")
