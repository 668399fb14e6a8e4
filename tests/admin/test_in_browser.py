"""The admin in a real browser, with real workers beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from job_retry.django.queue import get_queue_manager
from job_retry.django.states import Status

from tests.admin.conftest import LIST, job_in, page
from tests.app.models import ContainerJob
from tests.worker.processes import PATIENCE_SECONDS, command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from tests.browsing import NewPage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def visit(live_server: LiveServer, new_page: NewPage) -> Callable[..., Page]:
    """Open a window in which the user of ``client`` is logged in."""

    def open_page(client: Client, path: str, **options: Any) -> Page:
        window = new_page(live_server.url, **options)
        name = settings.SESSION_COOKIE_NAME
        cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
        window.context.add_cookies([cookie])
        window.goto(path)
        return window

    return open_page


def choose(window: Page, job: ContainerJob, action: str) -> None:
    """Tick ``job`` in the list and have ``action`` done."""
    window.check(f'input[name="_selected_action"][value="{job.pk}"]')
    window.select_option('select[name="action"]', action)
    # A click does not wait for the page that it leads to, which for a moment is there and empty.
    with window.expect_navigation():
        window.click('button[name="index"]')


def message(window: Page) -> str:
    return window.inner_text("ul.messagelist li")


def state_shown(window: Page, job: ContainerJob) -> str:
    row = window.locator("#result_list tbody tr", has=window.locator(f'input[value="{job.pk}"]'))
    return row.locator(".field-job_state").inner_text()


def test_a_dead_job_retried_by_hand_completes(visit: Callable[..., Page], operator: Client) -> None:
    job = job_in("failed")
    window = visit(operator, LIST)
    assert state_shown(window, job) == "Failed"
    choose(window, job, "retry_jobs")
    assert message(window) == "1 job requeued."
    assert state_shown(window, job) == "Queued"
    with command("run_job_queue", "--drain") as worker:
        output = worker.communicate(timeout=PATIENCE_SECONDS)[0]
    assert worker.returncode == 0, output
    window.goto(LIST)
    assert state_shown(window, job) == "Completed"
    window.click(f"a[href*='{page(job)}']")
    assert window.inner_text(".field-job_next_attempt .readonly") == "never: completed"


def test_a_dead_job_is_retried_from_its_page(visit: Callable[..., Page], operator: Client) -> None:
    job = job_in("failed")
    window = visit(operator, page(job))
    window.click("text=Retry with a fresh count")
    assert message(window) == "1 job requeued with a fresh count."
    assert window.inner_text(".field-job_next_attempt .readonly") == "now"
    job.refresh_from_db()
    assert (job.status, job.retry_count) == ("queued", 0)


def test_a_form_left_open_while_a_worker_claims_the_job_does_not_undo_the_claim(
    visit: Callable[..., Page], operator: Client, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    job = get_queue_manager().queue_job(ContainerJob.objects.create(name="report", command=str(pipe)))
    window = visit(operator, page(job))
    window.fill("#id_image", "alpine")
    with command("run_job_queue", "--drain") as worker:
        with pipe.open("w"):  # returns when the launch is under way, which goes on until this is closed
            job.refresh_from_db()
            claim = (job.status, job.claimed_by, job.claim_token, job.attempt_serial)
            assert claim[0] == "launching"
            window.click('input[name="_continue"]')
            refusal = window.inner_text(".errorlist.nonfield")
            assert f"the job moved on from “Queued” to “Launching”, held by {job.claimed_by}." in refusal
            assert window.input_value("#id_image") == "alpine"
            job.refresh_from_db()
            assert job.image == "busybox"
            assert (job.status, job.claimed_by, job.claim_token, job.attempt_serial) == claim
            window.click('input[name="_continue"]')
            assert "was changed successfully" in message(window)
            job.refresh_from_db()
            assert job.image == "alpine"
            assert (job.status, job.claimed_by, job.claim_token, job.attempt_serial) == claim
        assert "1 launched" in worker.communicate(timeout=PATIENCE_SECONDS)[0]
    job.refresh_from_db()
    assert (job.status, job.image, job.retry_count) == ("completed", "alpine", 0)


def test_cancelling_is_asked_about_first(visit: Callable[..., Page], operator: Client) -> None:
    job = job_in("queued", name="nightly")
    window = visit(operator, f"{LIST}?status__exact=queued")
    choose(window, job, "cancel_jobs")
    assert "nightly" in window.inner_text(".job-confirm")
    window.click("text=No, take me back")
    assert state_shown(window, job) == "Queued"
    choose(window, job, "cancel_jobs")
    window.click('input[type="submit"]')
    assert message(window) == "1 job cancelled."
    job.refresh_from_db()
    assert job.status == "cancelled"


def test_who_may_only_view_sees_no_actions_and_no_form(
    visit: Callable[..., Page], person: Callable[..., Client]
) -> None:
    job = job_in("failed")
    window = visit(person("view"), LIST)
    assert window.locator("#result_list tbody tr").count() == 1
    assert window.locator('select[name="action"], input[name="_selected_action"]').count() == 0
    window.goto(page(job))
    assert window.locator(".job-error").inner_text() == "no such image"
    assert window.locator("#containerjob_form input:visible, #containerjob_form textarea").count() == 0


def test_who_may_retry_can_do_that_and_nothing_else(visit: Callable[..., Page], person: Callable[..., Client]) -> None:
    job = job_in("failed")
    window = visit(person("view", "retry"), LIST)
    offered = window.locator('select[name="action"] option').all_inner_texts()
    assert offered[1:] == ["Retry selected container jobs", "Retry selected container jobs with a fresh count"]
    choose(window, job, "retry_jobs")
    assert message(window) == "1 job requeued."


LOWEST_CONTRAST = """
() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => [red, green, blue]
    .map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const background = element => {
    for (; element; element = element.parentElement) {
      const found = channels(getComputedStyle(element).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const contrasts = [...document.querySelectorAll("#content *")]
    .filter(element => element.checkVisibility())
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
    .map(element => {
      const pair = [channels(getComputedStyle(element).color), background(element)].map(luminance);
      return [(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), element.outerHTML.slice(0, 100)];
    });
  return contrasts.reduce((lowest, each) => each[0] < lowest[0] ? each : lowest);
}
"""
"""The contrast of text and background as WCAG 2 computes it, where it is lowest."""

READABLE_CONTRAST = 4.5
"""Level AA of WCAG 2."""


def assert_looks_right(window: Page) -> None:
    """Text can be read, and nothing but the tables scrolls sideways."""
    contrast, where = window.evaluate(LOWEST_CONTRAST)
    assert contrast >= READABLE_CONTRAST, where
    assert window.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [1280, 390], ids=["wide", "narrow"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_light_or_dark_wide_or_narrow_it_can_be_read(
    visit: Callable[..., Page], operator: Client, dark: bool, width: int
) -> None:
    for status in Status.values:
        job_in(status, name=status * 3, last_error="unbroken" * 100)
    window = visit(operator, LIST, dark=dark, width=width)
    assert_looks_right(window)
    last_column = window.locator("#result_list thead th").last
    last_column.scroll_into_view_if_needed()
    edge = last_column.bounding_box()
    assert edge is not None
    assert 0 <= edge["x"] < width
    failed = ContainerJob.objects.get(status="failed")
    choose(window, failed, "cancel_jobs")
    assert_looks_right(window)
    window.goto(page(failed))
    assert_looks_right(window)


def test_beside_the_side_bar_and_the_filters_the_error_is_in_sight(
    visit: Callable[..., Page], operator: Client
) -> None:
    job_in("failed", last_error="unbroken" * 100)
    window = visit(operator, LIST, width=1280)
    assert window.locator("#nav-sidebar").is_visible()
    error, table = window.locator("td.field-job_error_line").bounding_box(), window.locator(".results").bounding_box()
    assert error is not None
    assert table is not None
    assert error["x"] + error["width"] <= table["x"] + table["width"]
