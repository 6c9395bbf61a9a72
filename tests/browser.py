"""A browser for tests, and windows of it in which nothing may go wrong unseen."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 20_000  # milliseconds: a process may be starting again, beside other tests
MISSING = f"no Chromium: install one (Debian: apt-get install chromium) as {' or '.join(NAMES)} on the PATH"


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium. Without one the tests are skipped, but where everything has to be tested."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(QUIET), headless=True)
        yield started
        started.close()


@dataclass
class Window:
    """One window of one person, with what its console and its network have complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(said.text)

    @classmethod
    def opened(cls, browser: Browser, url: str, **options: Any) -> "Window":
        """A window that shares nothing with any other."""
        window = cls(browser.new_context(**options).new_page())
        window.page.goto(url)
        return window

    def forgive(self, words: str) -> None:
        """What has been complained about, once, was wanted."""
        (only,) = self.complaints
        assert words in only
        self.complaints.clear()

    def close(self) -> None:
        """Close it; whatever it has complained about fails the test."""
        self.page.context.close()
        assert self.complaints == []
