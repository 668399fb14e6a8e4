"""Scripted launches, the clock that stands still, and draining in-process."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from django.test import TestCase
from job_retry.django.queue import JobQueueManager, get_queue_manager
from job_retry.django.testing import COMPLETED, STARTED, LaunchCall, ManualClock, ScriptedLauncher, drain, failed
from job_retry.django.times import in_time_zone

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from job_retry.django.testing.fixtures import JobQueueFixture

NOON = in_time_zone(datetime(2026, 3, 1, 12, tzinfo=timezone.utc))


def test_the_clock_goes_on_only_when_told() -> None:
    clock = ManualClock(NOON)
    assert clock() == clock() == NOON
    clock.advance(1.5)
    assert clock() == NOON + timedelta(seconds=1.5)
    clock.advance_to(NOON)
    assert clock() == NOON + timedelta(seconds=1.5)
    with pytest.raises(ValueError, match="does not go back: -1 seconds"):
        clock.advance(-1)


def test_each_job_goes_through_the_script_and_repeats_its_end() -> None:
    launcher = ScriptedLauncher(failed("busy"), COMPLETED, scripts={2: [OSError]})
    first, second = ContainerJob(pk=1), ContainerJob(pk=2)
    assert [launcher(first, "a"), launcher(first, "b"), launcher(first, "c")] == [failed("busy"), COMPLETED, COMPLETED]
    with pytest.raises(OSError):  # noqa: PT011 - raised without a message
        launcher(second, "d")
    launcher.script(second, STARTED)
    assert launcher(second, "e") == STARTED
    assert launcher.calls[-2:] == [LaunchCall(2, 1, "d"), LaunchCall(2, 1, "e")]
    assert (launcher.attempts(first), launcher.attempts(second)) == (3, 2)


def test_an_empty_script_is_refused() -> None:
    with pytest.raises(ValueError, match="scripts of \\[7\\] are empty"):
        ScriptedLauncher(scripts={7: []})
    with pytest.raises(ValueError, match="script of job 7 is empty"):
        ScriptedLauncher().script(ContainerJob(pk=7))


class DrainInTestCase(TestCase):
    """`drain` in the transaction of a plain TestCase."""

    def manager(self, *outcomes: object) -> JobQueueManager:
        return JobQueueManager(ContainerJob, ScriptedLauncher(*outcomes), clock=ManualClock(NOON))

    def test_waits_for_retries_by_putting_the_clock_forward(self) -> None:
        manager = self.manager(failed("connection refused"), failed("connection refused"), COMPLETED)
        job = manager.queue_job(ContainerJob.objects.create())
        drained = drain(manager)
        job.refresh_from_db()
        assert (job.status, job.retry_count, drained.launches) == ("completed", 2, 3)
        # The preset "default": at once, then after 2 seconds.
        assert drained.waited_seconds == 2.0
        assert [result["success"] for _pk, result in drained.results] == [False, False, True]

    def test_gives_the_manager_its_clock_back(self) -> None:
        def noon() -> datetime:
            return NOON

        manager = self.manager()
        manager.clock = noon
        manager.queue_job(ContainerJob.objects.create())
        assert drain(manager).launches == 1
        assert manager.clock is noon

    def test_leaves_jobs_that_people_scheduled_unless_told(self) -> None:
        manager = self.manager(COMPLETED)
        manager.queue_job(ContainerJob.objects.create(), schedule_for=NOON + timedelta(hours=1))
        assert drain(manager).launches == 0
        drained = drain(manager, scheduled_too=True)
        assert (drained.launches, drained.waited_seconds) == (1, 3600.0)

    def test_says_so_when_there_is_no_end(self) -> None:
        manager = self.manager(failed("connection refused"))
        job = manager.queue_job(ContainerJob.objects.create())
        with pytest.raises(AssertionError, match="not drained after 2 launches"):
            drain(manager, launch_limit=2)
        job.refresh_from_db()
        assert (job.status, job.claim_token, job.retry_count) == ("retrying", None, 2)


def test_the_fixture_scripts_the_configured_queue(job_queue: JobQueueFixture) -> None:
    queue = job_queue(failed("no such image"))
    assert get_queue_manager() is queue.manager
    job = get_queue_manager().queue_job(ContainerJob.objects.create())
    assert queue.drain().launches == queue.launcher.attempts(job) == 1
    job.refresh_from_db()
    assert (job.status, job.failed_at) == ("failed", queue.clock())


def test_the_fixture_leaves_nothing_behind() -> None:
    manager = get_queue_manager()
    assert manager.launch == "tests.app.services.job_service.launch_job"
    assert not isinstance(manager.clock, ManualClock)
