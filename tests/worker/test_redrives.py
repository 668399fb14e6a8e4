"""When a worker looks for canary redrives, and that it stays for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction
from job_retry.django.testing import ScriptedLauncher, failed
from job_retry.django.worker import Worker
from job_retry.django.worker.redrives import LEAST_LOOK_SECONDS, LOOK_SECONDS, Redrives

from tests.app.models import ContainerJob
from tests.dead_letters.support import ERROR, dead
from tests.queue.support import manager_for

if TYPE_CHECKING:
    from job_retry.django.queue import JobQueueManager

POLL_SECONDS = 0.25


class Seconds:
    """A monotonic clock that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def begin(manager: JobQueueManager, size: int = 1, rate: float = 6000.0) -> BulkAction:
    return bulk.begin(
        manager.using,
        Selection(),
        BulkAction.Kind.CANARY,
        by="",
        now=manager.clock(),
        canary_size=size,
        rate_per_minute=rate,
    )


def state(action: BulkAction) -> tuple[int, str]:
    action.refresh_from_db()
    return action.done, action.state


@pytest.mark.django_db
@pytest.mark.parametrize(("is_told", "seconds"), [(False, LOOK_SECONDS), (True, LEAST_LOOK_SECONDS)])
def test_a_worker_looks_now_and_then_and_sooner_when_it_is_told(is_told: bool, seconds: float) -> None:
    manager, clock = manager_for(), Seconds()
    redrives = Redrives(manager, POLL_SECONDS, clock)
    redrives.step()
    dead(manager, 1)
    action = begin(manager)
    if is_told:
        redrives.tell()
    clock.now += seconds - 0.01
    redrives.step()
    assert state(action) == (0, "running")
    clock.now += 0.01
    redrives.step()
    assert state(action) == (1, "running")


@pytest.mark.django_db
def test_while_there_is_one_it_has_a_step_a_poll() -> None:
    manager, clock = manager_for(), Seconds()
    dead(manager, 1)
    action = begin(manager)
    redrives = Redrives(manager, POLL_SECONDS, clock)
    assert not redrives.are_done()
    redrives.step()
    redrives.step()  # not time yet, however often the worker turns
    assert state(action) == (1, "running")
    clock.now += POLL_SECONDS
    redrives.step()
    assert state(action) == (1, "watching")
    bulk.stop(action, "enough", manager.clock())
    assert redrives.are_done()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("launcher", "ended", "statuses"),
    [
        (ScriptedLauncher(), (3, "done"), ["completed"] * 3),
        (ScriptedLauncher(failed(ERROR)), (1, "stopped"), ["failed"] * 3),
    ],
)
def test_a_worker_that_drains_stays_until_it_has_ended(
    launcher: ScriptedLauncher, ended: tuple[int, str], statuses: list[str]
) -> None:
    manager = manager_for(launcher, clock=timezone.now)
    dead(manager, 3)
    action = begin(manager)
    summary = Worker(manager, poll_interval=0.01, drain=True).run()
    assert summary.drained
    assert state(action) == ended
    assert list(ContainerJob.objects.values_list("status", flat=True)) == statuses
