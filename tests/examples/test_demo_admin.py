"""The demo's admin as one opens it: a URL and a password, and a worker that runs what is retried."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from examples.container_jobs.demonstration.kinds import KINDS
from tests.examples.admin_site import PATIENCE_SECONDS, AdminSite, admin_site, logged_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.browsing import NewPage, TakeScreenshot
    from tests.examples.project import Project

FORGET_EARLIER_RUNS = """
from django.core.management import call_command
from jobs.models import ContainerJob
from job_retry.django.history.models import DeadLetter, FailedAttempt
call_command("migrate", verbosity=0)
for model in (ContainerJob, DeadLetter, FailedAttempt):
    model.objects.all().delete()
"""
LIST = "jobs/containerjob/"


@pytest.fixture(scope="module")
def first_output(project: Project) -> str:
    """What the first start says, for which there are no jobs yet."""
    forgotten = project.run_program(FORGET_EARLIER_RUNS)
    assert forgotten.returncode == 0, forgotten.stderr
    with admin_site(project, 0) as opened:
        return opened.said


@pytest.fixture
def site(project: Project, first_output: str) -> Iterator[AdminSite]:
    """The admin on the jobs of the demo and a free port."""
    with admin_site(project, 0) as opened:
        yield opened


def test_it_runs_the_demo_if_that_has_not_been_run(first_output: str) -> None:
    jobs = sum(kind.jobs for kind in KINDS)
    assert f"{jobs} of {jobs} jobs went as the row of their kind says" in first_output


def test_only_this_machine_is_answered(site: AdminSite) -> None:
    with urlopen(site.url) as response:
        assert response.status == 200
    # A server that listens on all addresses has this one as well.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", site.port))


def test_on_a_port_that_is_taken_it_takes_another(site: AdminSite, project: Project) -> None:
    with admin_site(project, site.port) as other:
        assert other.port != site.port
        assert f"Port {site.port} cannot be had (Address already in use); taking {other.port}." in other.said
        # The jobs are there: the demo is not run again, and the password is a new one.
        assert "jobs went as" not in other.said
        assert other.password != site.password


@pytest.mark.parametrize("arguments", [["http"], ["-1"], ["65536"], ["1", "2"]])
def test_what_is_no_port_is_refused(project: Project, arguments: list[str]) -> None:
    refused = project.run("demo_admin.py", *arguments)
    assert refused.returncode == 1
    assert f"not '{' '.join(arguments)}'" in refused.stderr


def test_a_dead_job_is_put_right_retried_and_completes(
    site: AdminSite, new_page: NewPage, take_screenshot: TakeScreenshot
) -> None:
    window = logged_in(site, new_page, width=1360, height=600)
    window.goto(LIST)
    assert window.inner_text(".paginator").split()[0] == str(sum(kind.jobs for kind in KINDS))
    window.goto(f"{LIST}?o=8")
    window.evaluate("document.getElementById('toggle-nav-sidebar').click()")
    take_screenshot(window, "admin-list")
    window.goto(f"{LIST}?status__exact=failed&q=%22no+execute+bit+1%22")
    assert window.inner_text(".field-job_next_attempt") == "never: permanent error"
    window.click("#result_list tbody th a")
    assert "Permission denied" in window.inner_text(".job-error")
    window.set_viewport_size({"width": 1100, "height": 1040})
    take_screenshot(window, "admin-job")
    window.fill("#id_command", "true")
    window.click('input[name="_save"]')
    window.goto(f"{LIST}?q=%22no+execute+bit+1%22")
    window.check('input[name="_selected_action"]')
    window.select_option('select[name="action"]', "retry_jobs")
    window.click('button[name="index"]')
    assert "1 job requeued." in window.inner_text("ul.messagelist")
    completed = window.locator(".job-state-completed")
    for _ in range(PATIENCE_SECONDS):  # looked for as a person would: load the page again until it is there
        if completed.count():
            break
        window.wait_for_timeout(1000)
        window.reload()
    assert window.inner_text(".field-job_state") == "Completed"


GROUPS = "job_retry/deadletter/"
JOBS = "job_retry/deadletter/jobs/"


@pytest.fixture
def mended(project: Project) -> Iterator[Path]:
    """Where the program has to be that is missing, and is not afterwards."""
    tool = project.folder / "tools" / "resize-images"
    tool.parent.mkdir()
    yield tool
    shutil.rmtree(tool.parent)


def group(window: Page, error: str) -> Locator:
    """Return the row of the group whose error has these words, on the page that opens with "Dead letters"."""
    window.goto(GROUPS)
    return window.locator(".dead-letters-groups tbody tr", has_text=error)


def reloaded_until(window: Page, locator: Locator, count: int) -> None:
    """Load the page again, as a person would, until there are so many."""
    for _ in range(PATIENCE_SECONDS):
        if locator.count() == count:
            return
        window.wait_for_timeout(1000)
        window.reload()
    assert locator.count() == count


def test_half_of_a_group_is_requeued_and_the_group_shrinks_as_a_worker_finishes_them(
    site: AdminSite, mended: Path, new_page: NewPage, take_screenshot: TakeScreenshot
) -> None:
    window = logged_in(site, new_page, width=1360, height=760)
    window.goto(GROUPS)
    window.evaluate("document.getElementById('toggle-nav-sidebar').click()")
    take_screenshot(window, "console-groups")
    missing = group(window, "command not found")
    assert missing.locator(".dead-letters-number").inner_text().split()[0] == "4"

    mended.touch(0o755)
    mended.write_text("#!/bin/sh\n")

    missing.locator("th a").click()
    boxes = window.locator('input[name="letter"]')
    assert boxes.count() == 4
    for box in boxes.all()[:2]:
        box.check()
    window.click("text=Requeue now")
    assert "2 dead letters" in window.inner_text("#content")
    assert "command not found" in window.inner_text(".dead-letters-touched")
    take_screenshot(window, "console-confirm")
    window.click('input[type="submit"]')
    assert window.locator(".bulk-action-done").count() == 1
    assert "Requeued\t2" in window.inner_text(".bulk-action-figures")

    assert group(window, "command not found").locator(".dead-letters-number").inner_text().split()[0] == "2"
    group(window, "command not found").locator("th a").click()
    window.goto(f"{window.url}&state=requeued")
    reloaded_until(window, window.locator(".dead-letters-jobs .job-state-completed"), 2)
    window.locator(".dead-letters-jobs tbody th a").first.click()
    assert "Requeued" in window.inner_text(".dead-letters-settled")
    assert "by demo" in window.inner_text(".dead-letters-settled")


def test_a_canary_that_fails_as_before_stops_the_redrive_and_the_rest_stays(
    site: AdminSite, new_page: NewPage, take_screenshot: TakeScreenshot
) -> None:
    window = logged_in(site, new_page, width=1360, height=760)
    refused = group(window, "Connection refused")
    assert refused.locator(".dead-letters-number").inner_text().split()[0] == "3"
    refused.locator("th a").click()
    window.click("text=Canary redrive")
    window.fill('[name="canary_size"]', "1")
    window.click('input[type="submit"]')
    window.locator(".bulk-action-stopped").wait_for(timeout=PATIENCE_SECONDS * 1000)
    take_screenshot(window, "console-canary")
    rows = window.inner_text(".bulk-action-figures").splitlines()
    figures = dict(row.split("\t") for row in rows)
    assert (figures["Requeued"], figures["Canaries failed as before"], figures["Canaries passed"]) == ("1", "1", "0")


def test_the_timeline_of_a_job_shows_each_attempt_and_markup_stays_text(
    site: AdminSite, new_page: NewPage, take_screenshot: TakeScreenshot
) -> None:
    window = logged_in(site, new_page, width=1360, height=900)
    group(window, "Bad Gateway").locator("th a").click()
    window.locator(".dead-letters-jobs tbody th a").first.click()
    attempts = window.locator(".dead-letters-attempt")
    assert attempts.count() == 3
    assert "<script>document.title" in attempts.first.locator(".job-error").inner_text()
    assert window.locator(".dead-letters-attempt script, .dead-letters-attempt h1").count() == 0
    assert window.title() != "run"
    assert attempts.first.locator("mark").first.inner_text() != ""
    take_screenshot(window, "console-timeline")


ADD_VIEWER = """
from django.contrib.auth.models import Permission, User
user = User.objects.create_user("viewer", password="only to look", is_staff=True)
user.user_permissions.add(Permission.objects.get(codename="view_deadletter"))
"""
COUNT_OPEN = """
from job_retry.django.history.models import BulkAction, DeadLetter
is_open = DeadLetter.objects.filter(state="open", exception_class="FileNotFoundError")
print(is_open.count(), BulkAction.objects.filter(started_by="viewer").count())
"""


def test_who_may_only_look_sees_no_button_and_a_forged_request_is_refused(
    site: AdminSite, project: Project, new_page: NewPage
) -> None:
    added = project.run_program(ADD_VIEWER)
    assert added.returncode == 0, added.stderr
    before = project.run_program(COUNT_OPEN).stdout
    window = logged_in(site, new_page, "viewer", "only to look")
    group(window, "FileNotFoundError").locator("th a").click()
    assert window.locator(".dead-letters-jobs tbody tr").count() == 2
    assert window.locator("#content button, #content input[type=checkbox]").all_inner_texts() == ["Show"]
    fingerprint = window.url.partition("fingerprint=")[2].partition("&")[0]
    cookies = {cookie["name"]: cookie["value"] for cookie in window.context.cookies()}
    forged = window.request.post(
        f"{site.url}{GROUPS}act/",
        form={
            "csrfmiddlewaretoken": cookies["csrftoken"],
            "act": "requeue",
            "selection": f"fingerprint={fingerprint}",
            "confirmed": "999999",
        },
        headers={"Referer": site.url},
    )
    assert forged.status == 403
    assert project.run_program(COUNT_OPEN).stdout == before == "2 0\n"


def test_the_overview_says_which_errors_retrying_has_helped(
    site: AdminSite, new_page: NewPage, take_screenshot: TakeScreenshot
) -> None:
    window = logged_in(site, new_page, width=1360, height=1200)
    window.goto(f"{GROUPS}overview/")
    window.click("text=Last hour")
    window.evaluate("document.getElementById('toggle-nav-sidebar').click()")
    shown = window.inner_text("#content")
    # The demo's restarted services came back, and its full devices stayed full.
    assert "network/connection-lost" in shown
    assert "posix/disk-full" in shown
    assert window.locator("#content svg[role=img]").count() > 1
    take_screenshot(window, "console-overview")
