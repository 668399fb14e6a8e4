"""The page of the jobs of a selection."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from job_retry.django.dead_letters import letters as letters_module
from job_retry.django.dead_letters.letters import list_letters
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import DeadLetter, GroupMark
from job_retry.django.states import Status

from tests.app.models import ContainerJob
from tests.console.reading import JOBS, html, letter_page, rows, words
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    import pytest
    from django.test import Client
    from job_retry.django.queue import JobQueueManager


def test_a_row_tells_of_the_job_and_its_letter(
    manager: JobQueueManager, reports: JobQueueManager, viewer: Client
) -> None:
    now = timezone.now()
    [letter] = dead(
        manager,
        1,
        "starting\n<b>connection refused</b>\n",
        died_at=now - timedelta(hours=3),
        job={"name": "nightly", "retry_count": 4},
        generation=2,
        state=DeadLetter.State.REQUEUED,
        settled_by="ann",
    )
    ContainerJob.objects.update(status=Status.COMPLETED, completed_at=now, failed_at=None)
    dead(
        reports,
        1,
        "ValueError: boom",
        died_at=now - timedelta(hours=2),
        job={"slug": "report-7"},
        reason="permanent error",
    )
    report, container = rows(viewer, f"{JOBS}?state=")
    assert "Report job report-7 2 hours ago ValueError: boom Permanent error 3 1 Open Failed" in report
    assert (
        f"Container job {letter.job_key}: nightly 3 hours ago <b>connection refused</b> Retry limit exceeded 4 2"
        in (container)
    )
    assert container.endswith("Requeued ann Completed")
    assert f'<a href="{letter_page(letter.pk)}">' in html(viewer, f"{JOBS}?state=requeued")


def test_a_group_is_named_above_its_jobs(manager: JobQueueManager, viewer: Client) -> None:
    first, *_ = dead(manager, 2, lambda number: f"dial tcp 10.0.0.{number}:5432: connection refused")
    dead(manager, 1, "something else")
    GroupMark.objects.create(
        fingerprint=first.fingerprint, state="known", marked_at=timezone.now() + timedelta(hours=1), note="see ticket 7"
    )
    path = f"{JOBS}?fingerprint={first.fingerprint}"
    said = words(viewer, path)
    assert "dial tcp <address>:<port>: connection refused" in said
    assert f"{first.fingerprint} Known see ticket 7" in said
    assert "2 dead letters" in said
    assert len(rows(viewer, path)) == 2


def test_jobs_that_died_by_hand_are_a_group_without_an_error(manager: JobQueueManager, viewer: Client) -> None:
    dead(manager, 1, failure=None, fingerprint="", reason="by hand")
    assert "No error: set to failed by hand" in words(viewer, f"{JOBS}?fingerprint=")


def test_the_job_of_a_letter_may_be_gone(manager: JobQueueManager, viewer: Client) -> None:
    [letter] = dead(manager, 1)
    ContainerJob.objects.all().delete()
    DeadLetter.objects.filter(pk=letter.pk).update(job_model="app.removed")
    [row] = rows(viewer, JOBS)
    assert row.startswith(f"app.removed {letter.job_key}")
    assert row.endswith("gone")


def test_jobs_come_in_pages(manager: JobQueueManager, viewer: Client) -> None:
    dead(manager, 53, lambda number: f"error number {number}")
    first, second = rows(viewer, JOBS), rows(viewer, f"{JOBS}?page=2")
    assert (len(first), len(second)) == (50, 3)
    assert "error number 52" in first[0]
    assert "error number 0" in second[-1]
    assert 'rel="next" href="?page=2"' in html(viewer, JOBS)
    assert 'rel="next"' not in html(viewer, f"{JOBS}?page=2")
    assert rows(viewer, f"{JOBS}?page=3") == []


def test_what_is_searched_for_is_counted_up_to_a_limit(
    manager: JobQueueManager, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead(manager, 5)
    monkeypatch.setattr(letters_module, "COUNTED_AT_MOST", 4)
    found = list_letters(Selection(search="refused"), "default", page_size=2)
    assert (found.count, found.is_exact, found.has_more) == (4, False, True)
    assert "More than 4 dead letters" in words(viewer, f"{JOBS}?search=refused")
    assert "5 dead letters" in words(viewer, JOBS)
