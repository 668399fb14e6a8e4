"""What time it is says the database, where it has a clock of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from job_retry.django import clocks
from job_retry.django.clocks import TRUSTED_SECONDS, DatabaseClock
from job_retry.django.queue import JobQueueManager
from job_retry.django.times import current_moment

from tests.app.models import ContainerJob
from tests.queue.support import queued_job, row

pytestmark = pytest.mark.django_db


def manager() -> JobQueueManager:
    return JobQueueManager(ContainerJob, lambda job: {"success": True})


def has_clock() -> bool:
    return connection.vendor != "sqlite"


def test_the_default_clock_is_the_databases_where_it_has_one() -> None:
    clock = manager().clock
    assert isinstance(clock, DatabaseClock) if has_clock() else clock is current_moment


def test_it_agrees_with_a_host_whose_clock_is_right() -> None:
    now = manager().clock()
    assert timezone.is_aware(now) == timezone.is_aware(timezone.now())
    assert abs(now - timezone.now()) < timedelta(minutes=1)
    with_jobs = manager()
    queued_job(with_jobs)
    assert abs(with_jobs.clock() - timezone.now()) < timedelta(minutes=1)


def test_a_host_whose_clock_is_minutes_off_neither_launches_early_nor_steals(monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_clock():
        pytest.skip("needs a database with a clock of its own")
    right = manager()
    later = queued_job(right)
    ContainerJob.objects.filter(pk=later.pk).update(scheduled_for=right.clock() + timedelta(minutes=2))
    queued_job(right)
    [claimed] = right.claim_next_batch(1, "host:1:a")
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(minutes=5))
    fast = manager()
    assert fast.claim_next_batch(5) == []
    assert fast.rescue_lost_jobs() == []
    assert row(claimed).status == "launching"
    job = queued_job(fast)
    assert fast.claim_next_batch(5) == [job]
    assert abs(row(job).lease_expires_at - right.clock() - right.claims.lease) < timedelta(minutes=1)


def test_the_database_is_asked_at_each_claim_and_not_for_each_result(django_assert_num_queries: Any) -> None:
    if not has_clock():
        pytest.skip("needs a database with a clock of its own")
    queue = manager()
    asked: list[datetime] = []
    ask = queue.clock.ask  # type: ignore[attr-defined]

    def counted() -> datetime:
        asked.append(ask())
        return asked[-1]

    queue.clock.ask = counted  # type: ignore[attr-defined]
    job = queued_job(queue)
    asked.clear()
    queue.launch_job_with_retry(job)
    assert queue.complete(job)
    assert len(asked) == 1


class Scripted:
    """A clock of seconds, and a database that answers with a moment."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.questions = 0

    def monotonic(self) -> float:
        return self.seconds


def test_an_answer_is_extrapolated_while_it_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Scripted()
    clock = DatabaseClock(ContainerJob.objects.all, script.monotonic)
    moment = timezone.now() - timedelta(days=1)

    def ask() -> datetime:
        script.questions += 1
        clock._answer = clocks._Answer(moment, script.seconds)
        return moment

    monkeypatch.setattr(clock, "ask", ask)
    assert clock() == moment
    script.seconds += TRUSTED_SECONDS
    assert clock() == moment + timedelta(seconds=TRUSTED_SECONDS)
    assert script.questions == 1
    script.seconds += 0.5
    assert clock() == moment
    assert script.questions == 2
