"""The list of groups: what it says of each, in which order, and in which tab."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from job_retry.django.dead_letters.groups import Group, GroupList, Order, Tab, list_groups
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.dead_letters.stretches import Stretches
from job_retry.django.error_text import error_fingerprint
from job_retry.django.history.models import DeadLetter, FailedAttempt, GroupMark
from job_retry.django.queue import JobQueueManager, get_queue_manager

from tests.dead_letters.support import dead

pytestmark = pytest.mark.django_db

REFUSED = "dial tcp 10.0.0.7:5432: connection refused"
NO_IMAGE = "No such image: busybox:latest"
BOOM = "ValueError: boom"


@pytest.fixture
def manager() -> JobQueueManager:
    return get_queue_manager("default")


@pytest.fixture
def now() -> Any:
    return timezone.now().replace(microsecond=0)


def listed(now: Any, selection: Selection | None = None, **options: Any) -> GroupList:
    return list_groups(selection or Selection(), "default", now=now, **options)


def samples(found: GroupList) -> list[str]:
    return [group.sample for group in found.groups]


def mark(error: str, state: str, marked_at: Any) -> GroupMark:
    return GroupMark.objects.create(fingerprint=error_fingerprint(error), state=state, marked_at=marked_at)


def test_a_group_says_how_many_since_when_and_of_what(manager: JobQueueManager, now: Any) -> None:
    reports = get_queue_manager("reports")
    dead(manager, 6, lambda n: f"dial tcp 10.0.0.{n}:5432: connection refused", died_at=lambda n: now - timedelta(n))
    last = dead(
        reports, 1, REFUSED, died_at=now, strategy="aggressive", exception_class="builtins.OSError", rule="x/later"
    )
    dead(manager, 1, BOOM, died_at=now)
    group: Group = listed(now).groups[0]
    assert (group.fingerprint, group.count, group.share) == (error_fingerprint(REFUSED), 7, 7 / 8)
    assert (group.first_died_at, group.last_died_at) == (now - timedelta(5), now)
    assert group.sample == REFUSED
    assert group.rules == ("x/later", "network/connection-refused")  # that of the latest first
    assert (group.verdict, group.why) == ("transient", FailedAttempt.objects.get(pk=last[0].failure_id).why)
    assert group.models == ("app.reportjob", "app.containerjob")
    assert group.strategies == ("aggressive", "default")
    assert group.exception_classes == ("builtins.OSError",)
    assert sum(group.trend) == 7
    assert (group.trend[0], group.trend[-1]) == (1, 2)  # a day has six of the thirty stretches of five days


def test_groups_come_in_the_order_asked_for(manager: JobQueueManager, now: Any) -> None:
    dead(manager, 3, REFUSED, died_at=now - timedelta(hours=2))
    dead(manager, 1, BOOM, died_at=now)
    dead(manager, 2, NO_IMAGE, died_at=now - timedelta(hours=1))
    assert samples(listed(now, order=Order.COUNT)) == [REFUSED, NO_IMAGE, BOOM]
    assert samples(listed(now, order=Order.LAST)) == [BOOM, NO_IMAGE, REFUSED]


def test_groups_come_in_pages(manager: JobQueueManager, now: Any) -> None:
    errors = ["alpha", "beta", "gamma", "delta", "epsilon"]
    for count, error in enumerate(errors, 1):
        dead(manager, count, f"{error} broke", died_at=now)
    pages = [listed(now, page=page, page_size=2) for page in (1, 2, 3)]
    assert [error for page in pages for error in samples(page)] == [f"{error} broke" for error in reversed(errors)]
    assert [(page.page, page.pages) for page in pages] == [(1, 3), (2, 3), (3, 3)]
    assert listed(now, page=9, page_size=2) == pages[2]  # what is beyond is the last


@pytest.mark.parametrize(
    ("tab", "shown"),
    [
        (Tab.ATTENTION, {REFUSED, "seen again"}),
        (Tab.KNOWN, {NO_IMAGE}),
        (Tab.RESOLVED, {BOOM}),
        (Tab.ALL, {REFUSED, NO_IMAGE, BOOM, "seen again"}),
    ],
)
def test_a_mark_counts_until_the_cause_is_seen_again(
    manager: JobQueueManager, now: Any, tab: Tab, shown: set[str]
) -> None:
    hour = timedelta(hours=1)
    for error in (REFUSED, NO_IMAGE, BOOM, "seen again"):
        dead(manager, 2, error, died_at=now - hour)
    mark(NO_IMAGE, "known", now)
    mark(BOOM, "resolved", now - hour)  # in the very moment is not later
    mark("seen again", "resolved", now - 2 * hour)
    found = listed(now, tab=tab)
    assert set(samples(found)) == shown
    assert found.totals.groups == {Tab.ATTENTION: 2, Tab.KNOWN: 1, Tab.RESOLVED: 1, Tab.ALL: 4}
    assert found.totals.letters == 8
    assert {group.sample for group in found.groups if group.is_back} == shown & {"seen again"}


def test_a_cause_is_seen_again_whatever_became_of_the_letter(manager: JobQueueManager, now: Any) -> None:
    mark(REFUSED, "known", now - timedelta(hours=1))
    dead(manager, 1, REFUSED, died_at=now - timedelta(hours=2))
    dead(manager, 1, REFUSED, died_at=now, state=DeadLetter.State.REQUEUED)
    assert samples(listed(now, tab=Tab.KNOWN)) == []
    assert samples(listed(now, tab=Tab.ATTENTION)) == [REFUSED]


def test_only_selected_letters_count(manager: JobQueueManager, now: Any) -> None:
    dead(manager, 3, REFUSED, died_at=lambda n: now - timedelta(days=n))
    dead(manager, 2, REFUSED, died_at=now, state=DeadLetter.State.DISCARDED)
    dead(manager, 1, BOOM, died_at=now)
    [refused, boom] = listed(now, Selection(died_from=now - timedelta(days=1))).groups
    assert (refused.count, refused.share, boom.count) == (2, 2 / 3, 1)
    assert listed(now, Selection(state="discarded")).groups[0].count == 2
    assert listed(now, Selection(state="requeued")).groups == ()


def test_letters_without_an_error_are_a_group(manager: JobQueueManager, now: Any) -> None:
    letters = dead(manager, 2, BOOM, died_at=now)
    DeadLetter.objects.update(failure=None, fingerprint="", verdict="unknown", rule="")
    [group] = listed(now).groups
    assert (group.fingerprint, group.count, group.sample, group.rules) == ("", len(letters), "", ())


def test_the_error_of_a_group_is_looked_for_where_the_ledger_still_has_it(manager: JobQueueManager, now: Any) -> None:
    dead(manager, 2, lambda n: f"dial tcp 10.0.0.{n}:5432: connection refused", died_at=now)
    FailedAttempt.objects.last().delete()
    assert samples(listed(now)) == ["dial tcp 10.0.0.0:5432: connection refused"]
    FailedAttempt.objects.all().delete()
    assert samples(listed(now)) == [""]


def test_the_number_of_queries_does_not_depend_on_what_there_is(manager: JobQueueManager, now: Any) -> None:
    dead(manager, 1, REFUSED, died_at=now)
    with CaptureQueriesContext(connection) as few:
        listed(now)
    for error in ("alpha", "beta", "gamma", "delta"):
        dead(manager, 5, f"{error} broke", died_at=lambda n: now - timedelta(days=n))
        mark(f"{error} broke", "known", now - timedelta(days=1))
    with CaptureQueriesContext(connection) as many:
        assert len(listed(now, tab=Tab.ALL).groups) == 5
    assert len(many) == len(few) == 5


@pytest.mark.parametrize(
    ("seconds", "number", "length"),
    [(0, 30, 1), (29, 30, 1), (30, 30, 1), (31, 30, 2), (86400, 24, 3600), (86401, 24, 3601)],
)
def test_a_span_is_cut_into_stretches_of_whole_seconds(now: Any, seconds: int, number: int, length: int) -> None:
    end = now + timedelta(seconds=seconds)
    stretches = Stretches.over(now, end, number)
    assert (stretches.seconds, stretches.number) == (length, number)
    assert stretches.end >= end


def test_the_database_finds_the_stretch_of_a_moment(manager: JobQueueManager, now: Any) -> None:
    moments = [0, 0.999999, 59.5, 60, 61, 3599, 86399.25]
    start = now - timedelta(days=1)
    dead(manager, len(moments), BOOM, died_at=lambda n: start + timedelta(seconds=moments[n]))
    found = DeadLetter.objects.annotate(stretch=Stretches(start, 60, 1440).of("died_at")).order_by("pk")
    assert list(found.values_list("stretch", flat=True)) == [0, 0, 0, 1, 1, 59, 1439]
