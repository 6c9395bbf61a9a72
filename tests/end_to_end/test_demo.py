"""The demo as somebody meets it who has just typed `make up`: in a browser, in two windows, over the real system."""

import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import Window, browser
from tests.live import api
from tests.pictures import small_photo
from tests.stack import ROOT, Stack

PEOPLE = 40
DESK = {"width": 1180, "height": 800}
PHONE = {"width": 390, "height": 844}

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def demo() -> Iterator[Stack]:
    """A system whose people are there, and ranked."""
    with TemporaryDirectory(prefix="delete-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        stack = Stack(Path(name), {"DEMO_PEOPLE": str(PEOPLE)})
        stack.start()
        stack.wait_for(lambda: stack.said(r"^demo +\| 40 people are here \(40 new\)"), seconds=90)
        stack.wait_for(lambda: stack.rows("SELECT count(*) FROM work")[0][0] == 0, seconds=60)
        yield stack
        assert stack.stop() == 0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def windows(demo: Stack, chromium: Browser) -> Iterator["Windows"]:
    opened = Windows(demo, chromium)
    yield opened
    for window in opened.all:
        window.close()


class Windows:
    """Windows of this test."""

    def __init__(self, stack: Stack, browser: Browser) -> None:
        self._url, self._browser = stack.url, browser
        self.all: list[Window] = []

    def open(self, *, at: str = "", link: str = "/demo", **options: object) -> Page:
        """A window on the page of the stack, or of another API."""
        self.all.append(Window.opened(self._browser, (at or self._url) + link, **options))
        return self.all[-1].page

    def of(self, login: str, *, at: str = "", viewport: dict[str, int] = DESK, **options: Any) -> Page:
        """A window in which one of the stars has logged in, by the list."""
        page = self.open(at=at, viewport=viewport, **options)
        page.locator(f".star.{login}").click()
        expect(page.locator("#live.connected")).to_be_visible()
        return page


def show(page: Page, view: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=view).click()


def keep(page: Page, name: str) -> None:
    """A picture for the docs, when they are asked for."""
    if os.environ.get("SCREENSHOTS"):
        page.wait_for_timeout(700)  # pictures fade in
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot.quantize(192, dither=Image.Dither.NONE).save(ROOT / "docs" / f"demo-{name}.png", optimize=True)


def test_everybody_has_come_ready_and_nobody_looks_stolen(demo: Stack) -> None:
    assert demo.rows("SELECT count(*) FROM users") == [(PEOPLE,)]
    assert demo.rows("SELECT DISTINCT status FROM photos") == [("ready",)]
    assert demo.rows("SELECT count(*) FROM prompt_answers WHERE vector IS NULL") == [(0,)]
    assert demo.rows("SELECT count(*) FROM signals WHERE kind = 'stolen_photo'") == [(0,)]
    assert demo.rows("SELECT count(*) FROM discovery_queues") == [(PEOPLE,)]
    again = demo.run(sys.executable, "-m", "dev.demo")
    said = again.stdout.splitlines()
    assert said[0] == f"{PEOPLE} people are here (0 new), with 0 new likes", again.stderr
    assert [line.partition("/demo  ")[2] for line in said[1:]] == [
        f"log in as {name}, password demo demo demo" for name in ("ada", "ben", "chris")
    ]


def test_logging_in_with_the_keyboard_alone(windows: Windows) -> None:
    page = windows.open(viewport=DESK)
    keep(page, "login")
    expect(page.locator(".star.ada")).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "username":
            break
    page.keyboard.type("ben")
    page.keyboard.press("Tab")
    page.keyboard.type("demo demo demo")
    page.keyboard.press("Enter")
    expect(page.locator("#me")).to_have_text("Ben")
    expect(page.locator(".card")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Log out").click()
    expect(page.locator(".star.ada")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_the_deck_shows_pictures_reasons_and_takes_a_like_with_a_sentence(windows: Windows) -> None:
    page = windows.of("ada")
    picture = page.locator(".pictures img")
    expect(picture).to_have_class("there")
    assert picture.evaluate("image => image.naturalWidth") >= 400
    assert "url(" in (page.locator(".pictures .photo").get_attribute("style") or "")
    expect(page.locator(".prompt")).to_have_count(3)
    expect(page.locator(".fit h3")).to_contain_text("%")
    keep(page, "deck")
    first = page.locator(".card").get_attribute("aria-label") or ""
    page.get_by_title("Why?").click()
    expect(page.get_by_role("dialog").locator("meter").first).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.locator(".act.like").click()
    page.get_by_label("Your sentence").fill("Too short")
    page.get_by_role("button", name="Send like").click()
    expect(page.locator(".refusal")).to_contain_text("at least 15 characters")
    windows.all[0].forgive("422")
    page.get_by_label("Your sentence").fill("I would have missed that fox at the bus stop, thank you.")
    page.get_by_role("button", name="Send like").click()
    expect(page.locator(".quota")).to_contain_text("9 of 10 likes left")
    expect(page.locator(".card")).not_to_have_attribute("aria-label", first)
    second = page.locator(".card").get_attribute("aria-label") or ""
    page.keyboard.press("Escape")  # whoever likes you comes early, so it may have been a match
    page.keyboard.press("p")
    expect(page.locator(".card")).not_to_have_attribute("aria-label", second)


def test_a_photo_becomes_ready_while_one_looks(windows: Windows) -> None:
    page = windows.of("chris", viewport=PHONE)
    show(page, "You")
    ready = page.locator(".photos [data-status=ready] img.there")
    expect(ready.first).to_be_visible()
    before = ready.count()
    data = small_photo(seed=77)
    page.set_input_files("#file", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": data})
    expect(page.get_by_text("Your photo is ready.")).to_be_visible()
    expect(ready).to_have_count(before + 1)
    assert ready.last.evaluate("image => image.naturalWidth") > 0


def test_a_match_appears_in_both_windows(windows: Windows) -> None:
    chris, ada = windows.of("chris"), windows.of("ada", viewport=PHONE, color_scheme="dark")
    show(ada, "Likes")
    expect(ada.locator(".admirer").first).to_be_visible()
    keep(ada, "likes-phone")
    ada.get_by_role("button", name="Like Chris back").click()
    ada.get_by_label("Your sentence").fill("Tomatoes and trumpets, in which order?")
    ada.get_by_role("button", name="Send like").click()
    for page, other in ((ada, "Chris"), (chris, "Ada")):
        dialog = page.get_by_role("dialog", name="It's a match")
        expect(dialog).to_contain_text(f"You and {other} like each other.")
        assert dialog.count() == 1
    keep(ada, "match-phone")
    chris.get_by_role("button", name="Write to Ada").click()
    expect(chris.get_by_label("Message to Ada")).to_be_focused()


def test_two_talk_live_and_see_what_has_been_read(windows: Windows) -> None:
    ada, ben = windows.of("ada"), windows.of("ben", viewport=PHONE)
    show(ben, "Matches")
    row = ben.locator(".matches a", has_text="Ada")
    expect(row.locator(".last")).to_contain_text("cat in the window")
    show(ada, "Matches")
    ada.locator(".matches a", has_text="Ben").click()
    ada.get_by_label("Message to Ben").fill("Yes, that one. Thursday at half past eight?")
    ada.keyboard.press("Enter")
    expect(ada.locator(".mine").last).to_contain_text("half past eight")
    expect(row.locator(".count")).to_have_text("1")
    expect(ada.locator(".mine").last).not_to_contain_text("read")
    row.click()
    expect(ben.locator(".theirs").last).to_contain_text("half past eight")
    expect(ada.locator(".mine").last).to_contain_text("read")
    ben.get_by_label("Message to Ada").fill("Half past eight. I will be the one with the umbrella.")
    ben.get_by_role("button", name="Send").click()
    expect(ada.locator(".theirs").last).to_contain_text("umbrella")
    expect(ben.locator(".mine").last).to_contain_text("read")
    assert ada.get_by_text("umbrella").count() == 2, "once in the talk, once in the list"
    keep(ada, "chat")
    keep(ben, "chat-phone")


def test_a_killed_api_process_is_seen_by_nobody_who_talks(demo: Stack, windows: Windows) -> None:
    """Ben's process is killed while Ada, at another, goes on writing; at the next he has missed nothing."""
    with api(**demo.addresses()) as other:
        ada, ben = windows.of("ada", at=other.url), windows.of("ben")
        for page, name in ((ada, "Ben"), (ben, "Ada")):
            show(page, "Matches")
            page.locator(".matches a", has_text=name).click()
        said = [f"Word number {number} of five." for number in range(1, 6)]
        write(ada, "Ben", said[0])
        expect(ben.get_by_text(said[0]).last).to_be_visible()
        killed = demo.pids()["api"]
        demo.kill("api")
        expect(ben.locator("#live.disconnected")).to_be_attached()
        for words in said[1:4]:
            write(ada, "Ben", words)
        demo.wait_for(lambda: demo.pids().get("api", killed) != killed, seconds=30)
        expect(ben.locator("#live.connected")).to_be_attached()
        write(ada, "Ben", said[4])
        theirs = ben.locator(".theirs", has_text="Word number")
        expect(theirs).to_have_count(5)
        assert [text.split("five.")[0] + "five." for text in theirs.all_inner_texts()] == said
        write(ben, "Ada", "I have them all.")
        expect(ada.locator(".theirs").last).to_contain_text("I have them all.")
        for window in windows.all:  # their servers go, one by force and one in peace
            window.page.goto("about:blank")
            assert {words for words in window.complaints if "net::ERR" not in words} == set()
            window.complaints.clear()


def test_whoever_is_suspended_reads_why_and_objects(demo: Stack, windows: Windows) -> None:
    (chris,) = demo.rows("SELECT id FROM users WHERE username = 'chris'")[0]
    demo.rows(f"UPDATE users SET status = 'suspended', suspended_from = 'active' WHERE id = '{chris}'")
    demo.rows(
        "INSERT INTO notices (id, user_id, kind, facts, rule, automatic, created_at) VALUES"
        f" (gen_random_uuid(), '{chris}', 'banned', 'We have closed your account.', 'Be kind.', false, now())"
    )
    try:
        page = windows.open(viewport=DESK)
        page.locator(".star.chris").click()
        expect(page.get_by_role("alert")).to_contain_text("suspended")
        windows.all[-1].forgive("403")
        notice = page.locator(".notices li")
        expect(notice).to_contain_text("We have closed your account.")
        notice.get_by_text("Object").click()
        notice.get_by_label("Why is that wrong?").fill("That was somebody else.")
        notice.get_by_role("button", name="Send").click()
        expect(notice).to_contain_text("You objected: That was somebody else.")
        assert demo.rows("SELECT kind FROM signals WHERE kind = 'appeal'") == [("appeal",)]
    finally:
        demo.rows(f"UPDATE users SET status = 'active', suspended_from = NULL WHERE id = '{chris}'")


def test_a_forgotten_password_is_replaced_by_the_link_of_a_mail(demo: Stack, windows: Windows) -> None:
    page = windows.open(viewport=DESK)
    page.get_by_role("button", name="Forgot your password?").click()
    page.get_by_label("E-mail address", exact=True).fill(
        demo.rows("SELECT email FROM users WHERE username = 'chris'")[0][0]
    )
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_text("If there is such an account")).to_be_visible()
    mails = Path(demo.addresses()["MAIL_DIR"])
    demo.wait_for(lambda: bool(list(mails.glob("*reset_password*.eml"))), seconds=30)
    (mail,) = mails.glob("*reset_password*.eml")
    link = re.search(rf"http://localhost:{demo.api_port}(/demo/reset\?token=[\w-]+)", mail.read_text())
    assert link is not None
    reset = windows.open(link=link[1])
    reset.locator("#new-password").fill("a garden at night")
    reset.get_by_role("button", name="Keep it").click()
    expect(reset.get_by_text("That is your password now.")).to_be_visible()
    reset.get_by_label("E-mail address or username").fill("chris")
    reset.get_by_label("Password", exact=True).fill("a garden at night")
    reset.get_by_role("button", name="Log in").click()
    expect(reset.locator("#live.connected")).to_be_visible()


def write(page: Page, name: str, words: str) -> None:
    page.get_by_label(f"Message to {name}").fill(words)
    page.keyboard.press("Enter")
    expect(page.locator(".mine").last).to_contain_text(words)
