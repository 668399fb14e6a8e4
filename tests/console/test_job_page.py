"""The page of one job: its whole history and what happens next."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from job_retry.django.history.models import BulkAction, DeadLetter, FailedAttempt

from tests.app.models import ContainerJob
from tests.console.reading import JOB, html, in_words, letter_page, words
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from job_retry.django.queue import JobQueueManager

REFUSED = "dial tcp 10.0.0.7:5432: connection refused"


def fails(letter: DeadLetter, error: str, **columns: Any) -> FailedAttempt:
    """Let a further attempt at the job of ``letter`` fail."""
    attempt = FailedAttempt.objects.get(pk=letter.failure_id)
    attempt.pk = None
    for name, value in {"error": error, **columns}.items():
        setattr(attempt, name, value)
    attempt.save()
    return attempt


def test_the_timeline_tells_of_all_generations(manager: JobQueueManager, viewer: Client) -> None:
    noon = timezone.now()
    action = BulkAction.objects.create(
        kind="requeue", selection={}, started_by="ben", started_at=noon, stepped_at=noon, state="done"
    )
    [letter] = dead(
        manager,
        1,
        REFUSED,
        died_at=noon,
        state=DeadLetter.State.REQUEUED,
        settled_at=noon + timedelta(minutes=9),
        settled_by="ann",
        put_back_at=noon + timedelta(minutes=5),
        put_back_from=action,
    )
    fails(
        letter,
        "dial tcp: timeout",
        attempt=2,
        failed_at=noon - timedelta(minutes=1),
        started_at=None,
        delay_seconds=2.5,
        reason="attempts left",
        strategy="aggressive",
    )
    again = fails(
        letter,
        "No such image: x",
        generation=2,
        attempt=4,
        failed_at=noon + timedelta(minutes=10),
        started_at=noon + timedelta(minutes=9, seconds=58.5),
        reason="permanent error",
        worker="host:2",
        rule="docker/image-absent-here",
        verdict="permanent",
        why="it is not there",
    )
    last = DeadLetter.objects.create(
        job_model=letter.job_model,
        job_key=letter.job_key,
        generation=2,
        died_at=again.failed_at,
        failure=again,
        reason="permanent error",
        state="discarded",
        settled_at=again.failed_at,
        note="not <b>worth</b> it",
    )
    said = words(viewer, letter_page(last.pk))
    told = [
        "Generation 1",
        "Failed attempt 2",
        "dial tcp: timeout",
        "Retry strategy aggressive Then the next attempt after 2.50 s: attempts left",
        "Failed attempt 3",
        "transient network/connection-refused",
        REFUSED,
        "Took 2 s Worker host:1:test Retry strategy default Then no further attempt: retry limit exceeded",
        "Dead letter",
        "Retry limit exceeded",
        "Put back before it was launched",
        f"Requeue {action.pk}, begun by ben on",
        "Requeued",
        "by ann",
        "Generation 2",
        "Failed attempt 4",
        "permanent docker/image-absent-here it is not there No such image : x Took 1.5 s Worker host:2",
        "Permanent error",
        "Discarded",
        "not <b>worth</b> it",
        "What happens next Never by itself. If the job is retried now:",
    ]
    place = 0
    for part in told:
        place = said.find(part, place)
        assert place >= 0, part
    past = said[: said.index("What happens next")]
    assert words(viewer, letter_page(letter.pk)).startswith(past)  # the letters of one job lead to the same


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (REFUSED, "dial tcp 10.0.0.7:5432: <mark>connection refused</mark>"),
        ("<i>&amp; connection refused", "&lt;i&gt;&amp;amp; <mark>connection refused</mark>"),
        ("<script>alert(1)</script> broke", "&lt;script&gt;alert(1)&lt;/script&gt; broke"),
    ],
)
def test_the_text_that_decided_is_marked_and_all_text_stays_text(
    manager: JobQueueManager, viewer: Client, error: str, shown: str
) -> None:
    [letter] = dead(manager, 1, error)
    fails(letter, error, traceback="<script>", why="<script>", worker="<script>", exception_class="<script>")
    page = html(viewer, letter_page(letter.pk))
    assert f'<pre class="job-error">{shown}</pre>' in page
    assert "<script" not in page


def test_a_letter_leads_to_the_action_that_settled_it(manager: JobQueueManager, viewer: Client) -> None:
    now = timezone.now()
    action = BulkAction.objects.create(kind="requeue", selection={}, started_at=now, stepped_at=now, state="done")
    [letter] = dead(manager, 1, state="requeued", settled_at=now, bulk_action=action)
    address = f"/job_retry/bulkaction/{action.pk}/change/"
    assert f'<a href="{address}">Requeue {action.pk}</a>' in html(viewer, letter_page(letter.pk))
    assert viewer.get(address).status_code == 200


def test_nothing_is_marked_where_another_rule_decided_then(manager: JobQueueManager, viewer: Client) -> None:
    [letter] = dead(manager, 1, REFUSED)
    FailedAttempt.objects.update(rule="project/of-old")
    assert "<mark>" not in html(viewer, letter_page(letter.pk))


def test_long_errors_and_tracebacks_are_folded(manager: JobQueueManager, viewer: Client) -> None:
    [letter] = dead(manager, 1, "line of output\n" * 30 + "connection refused")
    FailedAttempt.objects.update(traceback="Traceback: here", exception_class="builtins.OSError")
    page = html(viewer, letter_page(letter.pk))
    assert "The whole error" in page
    assert "Recognised by <mark>connection refused</mark>" in page
    folded = [in_words(part.split("</details>")[0]) for part in page.split("<details>")[1:]]
    assert folded[0].startswith("The whole error line of output")
    assert folded[1] == "Traceback of builtins.OSError Traceback: here"


def test_a_long_history_comes_in_pages(manager: JobQueueManager, viewer: Client) -> None:
    [letter] = dead(manager, 1, "the last error")
    for number in range(26):
        fails(letter, f"error {number}!", failed_at=letter.died_at - timedelta(days=1) + timedelta(seconds=number))
    latest, first = words(viewer, letter_page(letter.pk)), words(viewer, f"{letter_page(letter.pk)}?page=2")
    assert "Page 1 of 2" in latest
    assert ("the last error" in latest, "error 2!" in latest, "error 1!" in latest) == (True, True, False)
    assert ("error 2!" in first, "error 1!" in first, "error 0!" in first) == (False, True, True)
    with CaptureQueriesContext(connection) as queries:
        viewer.get(letter_page(letter.pk))
    assert len(queries) <= 9


def test_a_job_that_is_gone_still_has_its_history(manager: JobQueueManager, viewer: Client) -> None:
    [letter] = dead(manager, 1, REFUSED)
    ContainerJob.objects.all().delete()
    said = words(viewer, letter_page(letter.pk))
    assert "The job is gone." in said
    assert REFUSED in said
    assert "What happens next" not in said


@pytest.mark.parametrize(
    "path",
    [
        letter_page(4711),
        f"{letter_page(1)[:-9]}x/change/",
        JOB,
        f"{JOB}?model=app.reportjob&key=x",
        f"{JOB}?model=app.reportjob&key=%00",
    ],
)
def test_what_there_is_not_is_not_found(manager: JobQueueManager, viewer: Client, path: str) -> None:
    assert viewer.get(path).status_code == 404


def test_a_row_of_any_other_table_is_no_job(viewer: Client) -> None:
    assert viewer.get(f"{JOB}?model=auth.user&key={viewer.session['_auth_user_id']}").status_code == 404


def test_a_jobs_own_page_leads_to_its_history_and_back(
    manager: JobQueueManager, person: Callable[..., Client], operator: Client, viewer: Client
) -> None:
    [letter] = dead(manager, 1, REFUSED)
    own = f"/app/containerjob/{letter.job_key}/change/"
    history = f"{JOB}?model=app.containerjob&key={letter.job_key}"
    assert f'<a href="{history.replace("&", "&amp;")}">All failed attempts</a>' in operator.get(own).content.decode()
    assert "All failed attempts" not in operator.get(f"/staff{own}").content.decode()  # without a console
    assert f'<a href="{own}">' in html(operator, history)
    assert f'<a href="{own}">' not in html(viewer, history)  # who may not view the job itself
    assert REFUSED in words(viewer, history)


def test_a_job_that_never_failed_has_a_page(manager: JobQueueManager, viewer: Client) -> None:
    job = ContainerJob.objects.create()
    said = words(viewer, f"{JOB}?model=app.containerjob&key={job.pk}")
    assert "No failed attempt is on record." in said
    assert "If the job is queued now:" in said


def test_a_lost_worker_is_no_failed_attempt(manager: JobQueueManager, viewer: Client) -> None:
    [letter] = dead(manager, 1, REFUSED)
    fails(letter, "Worker lost: host:1 held this job alone", attempt=0, reason="worker lost", delay_seconds=0.0)
    shown = words(viewer, letter_page(letter.pk))
    assert "Worker lost" in shown
    assert "Failed attempt 0" not in shown
