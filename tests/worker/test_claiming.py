"""A worker that has found nothing claims again when there is something that it may have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import get_queue_settings
from job_retry.django.testing import COMPLETED, ManualClock
from job_retry.django.worker.claiming import WorkerClaims
from job_retry.django.worker.summons import Summons

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = 2


def nothing(manager: Any) -> None: ...


def saved(manager: Any) -> None:
    """Queue a job without a word to anybody."""
    job = ContainerJob.objects.create()
    job.mark_as_queued()


def written_in_sql(manager: Any) -> None:
    ContainerJob.objects.filter(pk=ContainerJob.objects.create().pk).update(status="queued")


def for_later(manager: Any) -> None:
    manager.queue_job(ContainerJob.objects.create(), manager.clock() + timedelta(hours=1))


def come_due(manager: Any) -> None:
    for_later(manager)
    manager.clock.advance(3600)


def suspect(manager: Any) -> None:
    saved(manager)
    assert len(manager.claim_next_batch(1, "host:1:lost")) == 1
    manager.clock.advance(61)
    assert len(manager.rescue_lost_jobs()) == 1


def beyond_the_limit(manager: Any) -> list[Any]:
    for _ in range(LIMIT):
        saved(manager)
    jobs: list[Any] = manager.claim_next_batch(LIMIT, "host:1:other")
    assert len(jobs) == LIMIT
    saved(manager)
    return jobs


def below_the_limit(manager: Any) -> None:
    assert manager.complete(beyond_the_limit(manager)[0])


# What there is, and whether it is something for an idle worker, and for one that runs something.
FINDS: dict[str, tuple[Callable[[Any], Any], bool, bool]] = {
    "nothing": (nothing, False, False),
    "a job that was saved": (saved, True, True),
    "a job of which nobody knows since when": (written_in_sql, True, True),
    "a job that is not due": (for_later, False, False),
    "a job that has become due": (come_due, True, True),
    "a suspect": (suspect, True, False),
    "a job beyond the queue's limit": (beyond_the_limit, False, False),
    "a job below the queue's limit": (below_the_limit, True, True),
}


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def claims_that_found_nothing() -> tuple[Any, WorkerClaims, Seconds]:
    options = replace(get_queue_settings(), queue_limit=LIMIT)
    manager = JobQueueManager(ContainerJob, lambda job: COMPLETED, options=options, clock=ManualClock())
    seconds = Seconds()
    claims = WorkerClaims(manager, "host:2:looking", seconds, summons=Summons(seconds))
    assert claims.next(LIMIT, idle=True) == []
    return manager, claims, seconds


@pytest.mark.parametrize("what", FINDS)
def test_it_claims_again_when_there_is_something_for_it(what: str) -> None:
    prepare, *expected = FINDS[what]
    manager, claims, _ = claims_that_found_nothing()
    prepare(manager)
    with CaptureQueriesContext(connection) as looks:
        assert [claims.may_find(idle=True), claims.may_find(idle=False)] == expected
    assert len(looks) == 2
    assert len(claims.next(1, idle=True)) == expected[0]


def test_it_does_not_look_first_where_it_is_told_or_has_found_something() -> None:
    manager, claims, _ = claims_that_found_nothing()
    saved(manager)
    with CaptureQueriesContext(connection) as looks:
        claims.hear()
        assert claims.may_find(idle=True)
    assert not looks.captured_queries
    assert len(claims.next(1, idle=True)) == 1
    with CaptureQueriesContext(connection) as looks:
        assert claims.may_find(idle=True)
    assert not looks.captured_queries


def test_where_it_came_too_late_just_now_it_lets_others_go_first() -> None:
    manager, claims, seconds = claims_that_found_nothing()
    claims.hear()
    assert claims.next(1, idle=True) == []
    saved(manager)
    claims.hear()
    with CaptureQueriesContext(connection) as looks:
        assert not claims.may_find(idle=True)
    assert not looks.captured_queries
    seconds.now += claims.postponed_seconds
    assert not claims.may_find(idle=True)  # a job that has just become ready may be in somebody's hands
    seconds.now += claims.postponed_seconds
    assert claims.may_find(idle=True)  # and is in nobody's, where it is there still
    assert len(claims.next(1, idle=True)) == 1


def test_a_job_that_has_waited_is_in_nobodys_hands() -> None:
    manager, claims, seconds = claims_that_found_nothing()
    saved(manager)
    manager.clock.advance(1)
    claims.hear()
    assert claims.may_find(idle=True)
    [job] = claims.next(1, idle=True)
    assert claims.next(1, idle=True) == []
    claims.hear()
    assert claims.next(1, idle=True) == []
    assert manager.release_claim(job)
    claims.hear()
    assert not claims.may_find(idle=True)
    seconds.now += claims.postponed_seconds
    assert claims.may_find(idle=True)
