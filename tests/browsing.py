"""A real browser for tests: the Chromium of the system, driven by Playwright, which is to download nothing."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
PATIENCE_MILLISECONDS = 30_000
"""When a test gives up on a page; it never waits that long unless something is broken."""


class NewPage(Protocol):
    """What the fixture `new_page` is."""

    def __call__(self, base_url: str, *, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
        """Open a window without cookies; it is closed at the end of the test."""


class TakeScreenshot(Protocol):
    """What the fixture `take_screenshot` is."""

    def __call__(self, page: Page, name: str) -> None:
        """Write what the window shows as ``name``, if screenshots are asked for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare where screenshots go."""
    parser.addoption(
        "--screenshots", metavar="FOLDER", type=Path, help="where tests put the screenshots of the documentation"
    )


# Not for the whole session: Playwright's event loop, as long as it runs, looks to Django like asynchronous code.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, until the end of the module."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"Chromium is not installed: no {', '.join(PROGRAMS)}")
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Open windows of their own."""
    with ExitStack() as contexts:

        def open_page(base_url: str, *, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
            context = browser.new_context(
                base_url=base_url,
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                locale="en-GB",
            )
            contexts.callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            return context.new_page()

        yield open_page


@pytest.fixture
def take_screenshot(request: pytest.FixtureRequest) -> TakeScreenshot:
    """Write screenshots into the folder that ``--screenshots`` names."""
    folder: Path | None = request.config.getoption("--screenshots")

    def take(page: Page, name: str) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{name}.png")

    return take
