"""A real browser: Debian's Chromium without its windows, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# With half the work of the whole one, which draws its tabs and menus for nobody.
PROGRAM = "chromium-headless-shell"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class BrowserUnavailable(Exception):
    """There is no Chromium; the message says what to do about it."""


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Start Chromium, with a profile that is empty and goes with it.

    Raises
    ------
    BrowserUnavailable
        When it is not installed.
    """
    program = shutil.which(PROGRAM)
    if not program:
        raise BrowserUnavailable(f"This test needs {PROGRAM}. Run ci/install-debian-packages.")
    # here, not above: only the tests of pages need it
    from playwright.sync_api import expect, sync_playwright

    # instead of 5 s: several servers start at once on the machines that run the tests
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
