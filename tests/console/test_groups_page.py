"""The page on which "Dead letters" opens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from job_retry.django.error_text import error_fingerprint
from job_retry.django.history.models import DeadLetter, FailedAttempt, GroupMark

from tests.console.reading import GROUPS, JOB, JOBS, html, letter_page, rows, words
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from job_retry.django.queue import JobQueueManager

REFUSED = "dial tcp 10.0.0.7:5432: connection refused"
NO_IMAGE = "No such image: busybox:latest"
BAD_VALUE = "ValueError: invalid literal for int() with base 10: 'x'"


@pytest.fixture
def letters(manager: JobQueueManager, reports: JobQueueManager) -> Any:
    """Three groups."""
    now = timezone.now()
    dead(manager, 3, REFUSED, died_at=now - timedelta(days=3), job={"image": "alpine"})
    dead(manager, 2, NO_IMAGE, died_at=now - timedelta(hours=2), reason="permanent error")
    dead(
        reports,
        1,
        BAD_VALUE,
        died_at=now,
        strategy="aggressive",
        exception_class="builtins.ValueError",
        reason="too many workers lost",
    )
    dead(manager, 1, NO_IMAGE, died_at=now, state=DeadLetter.State.DISCARDED)
    return now


def shown(client: Client, query: str) -> set[str]:
    """Return the errors of the groups that are listed."""
    listed = rows(client, f"{GROUPS}?{query}")
    errors = {"connection refused": REFUSED, "No such image": NO_IMAGE, "ValueError": BAD_VALUE}
    found = {error for part, error in errors.items() if any(part in row for row in listed)}
    assert len(found) == len(listed)
    return found


def test_a_group_shows_what_its_letters_have_in_common(letters: Any, viewer: Client) -> None:
    GroupMark.objects.create(
        fingerprint=error_fingerprint(REFUSED), state="resolved", marked_at=letters - timedelta(days=9), note="rebooted"
    )
    refused, image, _ = rows(viewer, GROUPS)
    assert refused.startswith("dial tcp <address>:<port>: connection refused transient network/connection-refused")
    assert "3 50%" in refused
    assert "3 jobs from" in refused  # the sparkline's own words
    assert "3 days ago" in refused
    assert "Container job default" in refused
    assert "Resolved seen again rebooted" in refused
    assert image.startswith("No such image: <name> permanent docker/image-absent-here")
    assert "2 33%" in image
    assert "2 hours ago 2 hours ago" in image


def test_all_groups_together_lead_to_their_jobs(letters: Any, viewer: Client) -> None:
    page = html(viewer, f"{GROUPS}?verdict=permanent")
    address = f"{JOBS}?verdict=permanent"
    assert f'<a href="{address}">Show all 3 dead letters job by job</a>' in page
    assert len(rows(viewer, address)) == 3


def test_a_group_leads_to_its_jobs(letters: Any, viewer: Client) -> None:
    link = f'<a href="{JOBS}?fingerprint='
    page = html(viewer, f"{GROUPS}?period=week&reason=permanent+error")
    [address] = [part.split('"')[0] for part in page.split('href="')[1:] if part.startswith(link[9:])]
    assert "reason=permanent+error" in address
    assert "died_from=" in address
    assert len(rows(viewer, address.replace("&amp;", "&"))) == 2


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("", {REFUSED, NO_IMAGE, BAD_VALUE}),
        ("state=discarded", {NO_IMAGE}),
        ("state=requeued", set()),
        ("search=CONNECTION+REFUSED", {REFUSED}),
        ("search=alpine", set()),  # of the job, whose fields have filters of their own
        ("rule=docker/image-absent-here", {NO_IMAGE}),
        ("verdict=permanent", {NO_IMAGE, BAD_VALUE}),
        ("verdict=permanent&reason=permanent+error", {NO_IMAGE}),
        ("exception_class=builtins.ValueError", {BAD_VALUE}),
        ("reason=too+many+workers+lost", {BAD_VALUE}),
        ("strategy=aggressive", {BAD_VALUE}),
        ("model=app.reportjob", {BAD_VALUE}),
        ("model=app.nothing", set()),
        ("field.image=alpine", {REFUSED}),
        ("model=app.containerjob&field.image=alpine", {REFUSED}),
        ("field.image=", {REFUSED, NO_IMAGE, BAD_VALUE}),
        ("period=hour", {BAD_VALUE}),
        ("period=day", {NO_IMAGE, BAD_VALUE}),
        ("period=week", {REFUSED, NO_IMAGE, BAD_VALUE}),
        ("died_until=2026-01-01T00:00", set()),
        ("died_from=2026-01-01T00:00", {REFUSED, NO_IMAGE, BAD_VALUE}),
    ],
)
def test_filters_choose_letters(letters: Any, viewer: Client, query: str, errors: set[str]) -> None:
    assert shown(viewer, query) == errors


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("died_from=x", "died_from is 'x', which is no date and time"),
        (
            "model=app.containerjob&field.command=rm",
            "ContainerJob.dead_letter_fields does not name command, but: image",
        ),
        ("database=elsewhere", "database is 'elsewhere', which no queue is in"),
    ],
)
def test_a_filter_that_cannot_be_is_said_to_be_one(letters: Any, viewer: Client, query: str, problem: str) -> None:
    for path in (GROUPS, JOBS):
        said = words(viewer, f"{path}?{query}", status=400)
        assert problem in said
        assert "connection refused" not in said


def test_the_filters_offer_what_there_is_and_keep_what_is_chosen(letters: Any, viewer: Client) -> None:
    page = html(viewer, f"{GROUPS}?rule=gone/rule&field.image=alpine&search=%22x%22&state=&tab=known")
    for option in ("docker/image-absent-here", "builtins.ValueError", "aggressive", "app.reportjob"):
        assert f'<option value="{option}">' in page
    assert '<option value="gone/rule" selected>' in page
    assert '<option value="" selected>In any state</option>' in page
    assert 'name="field.image" id="dead-letters-field.image" value="alpine"' in page
    assert 'value="&quot;x&quot;"' in page
    assert '<input type="hidden" name="tab" value="known">' in page
    assert "<summary>Filters (2)</summary>" in page


def test_tabs_tell_what_is_known_of_groups(letters: Any, viewer: Client) -> None:
    mark = {"state": "known", "marked_at": letters, "marked_by": "ann", "note": "<b>moved</b>"}
    GroupMark.objects.create(fingerprint=error_fingerprint(REFUSED), **mark)
    assert "Needs attention 2 Known 1 Resolved 0 All 3" in words(viewer, GROUPS)
    assert shown(viewer, "") == {NO_IMAGE, BAD_VALUE}
    assert shown(viewer, "tab=known") == {REFUSED}
    assert "Known <b>moved</b> ann" in rows(viewer, f"{GROUPS}?tab=known")[0]
    assert "No group is in this tab" in words(viewer, f"{GROUPS}?tab=resolved")


def test_groups_are_sorted_and_come_in_pages(manager: JobQueueManager, viewer: Client) -> None:
    now = timezone.now()
    names = [f"{first}{second}" for first in ("red", "green", "blue") for second in "abcdefghij"]
    dead(manager, 30, lambda number: f"{names[number]} broke", died_at=lambda number: now - timedelta(minutes=number))
    dead(manager, 1, "redh broke", died_at=now - timedelta(minutes=7))
    first = rows(viewer, GROUPS)
    assert len(first) == 25
    assert first[0].startswith("redh broke")
    latest = rows(viewer, f"{GROUPS}?order=last")
    assert latest[0].startswith("reda broke")
    assert len(rows(viewer, f"{GROUPS}?order=last&page=2")) == 5
    assert "Page 2 of 2" in words(viewer, f"{GROUPS}?page=7")  # what is beyond is the last
    assert 'rel="next" href="?order=last&amp;page=2"' in html(viewer, f"{GROUPS}?order=last")


def test_what_jobs_say_stays_text(manager: JobQueueManager, viewer: Client) -> None:
    script = "<script>alert(1)</script>"
    dead(manager, 1, f"{script} broke", rule=script, strategy=script, exception_class=script)
    FailedAttempt.objects.update(why=script)
    GroupMark.objects.create(
        fingerprint=DeadLetter.objects.get().fingerprint, state="known", marked_at=timezone.now(), note=script
    )
    for path in (f"{GROUPS}?tab=all", f"{GROUPS}?search={script}", JOBS):
        assert "<script" not in html(viewer, path)
    assert words(viewer, f"{GROUPS}?tab=all").count(script.replace("1", "<number>")) >= 1


@pytest.mark.parametrize("path", [GROUPS, JOBS])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    manager: JobQueueManager, reports: JobQueueManager, viewer: Client, path: str
) -> None:
    def make(count: int, name: str) -> None:
        dead(manager, count, f"{name} broke", died_at=timezone.now())
        dead(reports, count, f"{name} broke", died_at=timezone.now())

    make(1, "alpha")
    viewer.get(path)  # what is asked once, is asked now
    with CaptureQueriesContext(connection) as few:
        viewer.get(path)
    for name in ("beta", "gamma", "delta"):
        make(6, name)
    with CaptureQueriesContext(connection) as many:
        viewer.get(path)
    assert len(many) == len(few) <= 12


@pytest.mark.parametrize("path", [GROUPS, JOBS, letter_page(1), JOB])
def test_only_who_may_view_dead_letters_sees_them(person: Callable[..., Client], client: Client, path: str) -> None:
    assert person().get(path).status_code == 403
    assert person("requeue_deadletter").get(path).status_code == 403
    assert client.get(path).status_code == 302  # to log in


def test_nobody_adds_changes_or_deletes_a_dead_letter(letters: Any, operator: Client) -> None:
    before = list(DeadLetter.objects.values())
    pk = before[0]["id"]
    for path in ("add/", f"{pk}/delete/"):
        assert operator.get(GROUPS + path).status_code == 403
        assert operator.post(GROUPS + path, {"post": "yes"}).status_code == 403
    operator.post(letter_page(pk), {"state": "discarded"})
    assert list(DeadLetter.objects.values()) == before


def test_the_admins_index_leads_to_the_groups(letters: Any, viewer: Client) -> None:
    index = viewer.get("/").content.decode()
    assert f'href="{GROUPS}"' in index
    assert f"{GROUPS}add/" not in index
