"""The demo's admin as one opens it: a URL and a password, and a worker that runs what is retried."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from examples.container_jobs.demonstration.kinds import KINDS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from playwright.sync_api import Page

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
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class AdminSite:
    """A running `demo_admin.py`."""

    process: subprocess.Popen[str]
    said: str
    url: str
    port: int
    password: str


@contextmanager
def admin_site(project: Project, port: int) -> Iterator[AdminSite]:
    """Run `demo_admin.py` until the end of the block, and a little longer if it has failed."""
    with project.start("demo_admin.py", str(port)) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if "password" in line:
                    break
            found = re.search(r"(http://127\.0\.0\.1:(\d+)/admin/)\n    user demo, password (\S+)\n", said)
            if found is None:
                pytest.fail(said + process.communicate()[1])
            yield AdminSite(process, said, found[1], int(found[2]), found[3])
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 0, errors
            assert "Traceback" not in errors
    assert project.left_behind() == []


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


def logged_in(site: AdminSite, new_page: NewPage, **options: int) -> Page:
    window = new_page(site.url, **options)
    window.goto(LIST)
    window.fill("#id_username", "demo")
    window.fill("#id_password", site.password)
    window.click('input[type="submit"]')
    return window


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
    assert window.inner_text(".paginator").split()[0] == str(sum(kind.jobs for kind in KINDS))
    window.goto(f"{LIST}?o=8")
    window.evaluate("document.getElementById('toggle-nav-sidebar').click()")
    take_screenshot(window, "admin-list")
    window.goto(f"{LIST}?status__exact=failed&q=%22missing+executable+1%22")
    assert window.inner_text(".field-job_next_attempt") == "never: permanent error"
    window.click("#result_list tbody th a")
    assert "command not found" in window.inner_text(".job-error")
    window.set_viewport_size({"width": 1100, "height": 1040})
    take_screenshot(window, "admin-job")
    window.fill("#id_command", "true")
    window.click('input[name="_save"]')
    window.goto(f"{LIST}?q=%22missing+executable+1%22")
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
