"""The page of figures."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from job_retry.django.history.models import FailedAttempt

from tests.console.reading import html, in_words, words
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from job_retry.django.queue import JobQueueManager

OVERVIEW = "/job_retry/deadletter/overview/"
NASTY = "<script>alert(1)</script>"
QUERIES_AT_MOST = 19


@pytest.fixture
def history(manager: JobQueueManager, reports: JobQueueManager) -> None:
    """Jobs that died lately and long ago, and one that a retry has helped."""
    now = timezone.now()
    dead(manager, 3, f"No such image: {NASTY}", died_at=now - timedelta(minutes=5), rule="docker/no-such-image")
    dead(reports, 2, "connection refused", died_at=now - timedelta(days=3), rule=NASTY)
    helped = manager.jobs().create(status="completed", attempt_serial=2, retry_count=1, completed_at=now)
    FailedAttempt.objects.create(
        job_model="app.containerjob",
        job_key=str(helped.pk),
        attempt=1,
        attempt_serial=1,
        failed_at=now - timedelta(minutes=9),
        verdict="transient",
        rule="network/refused",
        error="connection refused",
        reason="attempts left",
        delay_seconds=2.0,
    )


def section(client: Client, query: str, title: str) -> str:
    """Return the words of one section of the page."""
    page = html(client, f"{OVERVIEW}?{query}")
    (found,) = re.findall(rf"(?s)<section class=\"figures\"><h2>{re.escape(title)}</h2>(.*?)</section>", page)
    return in_words(found)


def test_it_shows_the_jobs_of_each_queue(history: None, viewer: Client) -> None:
    shown = section(viewer, "", "Jobs now")
    assert "default app.ContainerJob" in shown
    assert "Completed 1, Failed 3 Completed" in shown
    assert "reports app.ReportJob Failed 2" in shown


@pytest.mark.parametrize(("period", "count"), [("hour", 4), ("day", 4), ("week", 6), ("all", 6), ("", 4)])
def test_it_counts_the_failures_of_the_period(history: None, viewer: Client, period: str, count: int) -> None:
    shown = section(viewer, f"period={period}", "Failed attempts per minute")
    assert f"{count} failed attempts in this time." in shown
    assert "docker/no-such-image: 3" in shown


def test_it_says_whether_retrying_helps(history: None, viewer: Client) -> None:
    shown = section(viewer, "", "Does retrying help?")
    assert re.search(r"network/refused 1 helped 1 helped 1 0 0 0 0 100%", shown), shown


def test_it_says_what_was_spent_for_nothing(history: None, viewer: Client) -> None:
    shown = section(viewer, "", "Spent for nothing")
    assert re.search(r"docker/no-such-image 3 .*?6 s 0 s", shown), shown
    page = html(viewer, OVERVIEW)
    assert re.search(r'<a href="/job_retry/deadletter/jobs/\?state=&amp;fingerprint=[^"]+">No such image', page)


def test_what_jobs_say_stays_text_and_charts_are_well_formed(history: None, viewer: Client) -> None:
    page = html(viewer, f"{OVERVIEW}?period=week")
    assert "<script" not in page
    assert in_words(page).count(NASTY) > 1
    charts = re.findall(r"(?s)<svg .*?</svg>", page)
    assert len(charts) > 4
    assert all(ET.fromstring(chart).get("aria-label") for chart in charts)


def test_without_anything_it_says_so(viewer: Client) -> None:
    shown = words(viewer, OVERVIEW)
    assert "0 failed attempts in this time." in shown
    assert "No retry was granted in this time." in shown
    assert "Nothing, in this time." in shown


@pytest.mark.parametrize(("query", "said"), [("period=year", "'year'"), ("database=nowhere", "'nowhere'")])
def test_what_it_cannot_show_is_named(viewer: Client, query: str, said: str) -> None:
    assert said in words(viewer, f"{OVERVIEW}?{query}", status=400)


def test_only_people_who_may_view_dead_letters_see_it(person: Callable[..., Client]) -> None:
    assert person().get(OVERVIEW).status_code == 403
    assert person("requeue_deadletter").get(OVERVIEW).status_code == 403


def test_the_tab_leads_to_it(viewer: Client) -> None:
    assert f'href="{OVERVIEW}" aria-current="page"' in html(viewer, OVERVIEW)


def test_it_takes_the_same_queries_for_any_number_of_failures(
    manager: JobQueueManager, history: None, viewer: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            viewer.get(f"{OVERVIEW}?period=all")
        return len(captured)

    few = queries()
    errors: Any = lambda number: f"error of kind {'abcdefghijklmnopqrstuvwxyz'[number % 26]}"  # noqa: E731
    dead(manager, 60, errors)
    assert queries() == few <= QUERIES_AT_MOST


def test_times_that_were_too_many_to_count_are_said(
    history: None, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from job_retry.django.dead_letters import overview

    monkeypatch.setitem(overview.overview.__kwdefaults__, "counted", 2)
    shown = words(viewer, OVERVIEW)
    assert "were too many to be counted" in shown
    assert "too many to look at the job of each" in shown
