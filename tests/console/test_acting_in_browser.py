"""Acting on dead letters in a real browser: the script goes on chunk by chunk, and without it there are buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from job_retry.django.dead_letters import bulk
from job_retry.django.history.models import BulkAction

from tests.console.acting import EVERYTHING, JOBS, states
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from job_retry.django.queue import JobQueueManager
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from tests.browsing import NewPage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def window(live_server: LiveServer, new_page: NewPage, person: Callable[..., Client], manager: JobQueueManager) -> Page:
    """The window of somebody who may do everything with dead letters, at a list of 25."""
    window = new_page(live_server.url)
    name = settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": person(*EVERYTHING).cookies[name].value, "url": live_server.url}
    window.context.add_cookies([cookie])
    dead(manager, 25)
    window.goto(JOBS)
    return window


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 25 letters be several chunks."""
    monkeypatch.setattr(bulk, "CHUNK_LETTERS", 10)
    monkeypatch.setattr(bulk.step, "__defaults__", (10,))
    monkeypatch.setattr(bulk.put_back_step, "__defaults__", (10,))


def begin(window: Page) -> None:
    """Requeue all that match."""
    window.click("button[value='requeue']")
    window.click(".act-form input[type='submit']")


def test_an_action_goes_on_by_itself_to_its_end_and_is_put_back(window: Page) -> None:
    problems: list[str] = []
    window.on("console", lambda message: problems.append(f"{message.text} {message.location['url']}"))
    begin(window)
    window.wait_for_selector("text=Done: 25 requeued.")
    assert states() == {"requeued": 25}
    assert window.get_attribute("progress", "value") == window.get_attribute("progress", "max")
    window.click("text=Put back what is not launched yet")
    window.wait_for_selector("text=Done: 25 requeued, 25 put back.")
    assert states() == {"open": 25}
    assert window.locator("#bulk-action button").count() == 0
    # Chromium asks for an icon, which no project has to have.
    assert [problem for problem in problems if not problem.endswith("/favicon.ico")] == []


def test_an_action_that_is_interrupted_says_so_and_goes_on_by_its_button(window: Page) -> None:
    window.route("**/step/", lambda route: route.abort())
    begin(window)
    window.wait_for_selector("[role=alert]:has-text('Nothing is lost; you can go on.')")
    assert states() == {"open": 25}
    window.unroute("**/step/")
    window.click("#bulk-action button:has-text('Go on')")
    window.wait_for_selector("text=Done: 25 requeued.")
    assert not window.inner_text("[role=alert]")


def test_an_action_is_stopped_and_gone_on_with(window: Page) -> None:
    # Held up until the button is pressed.
    window.route("**/step/", lambda route: None)
    begin(window)
    window.click("#bulk-action >> text=Stop")
    window.wait_for_selector("text=Stopped: by user0.")
    assert BulkAction.objects.get().state == "stopped"
    window.unroute("**/step/")
    window.click("#bulk-action button:has-text('Go on')")
    window.wait_for_selector("text=Done: 25 requeued.")
