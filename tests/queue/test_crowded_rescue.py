"""Rescuers that meet each other, or somebody who has stopped amid a transaction: nobody waits."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, manager_for, queued_job, row

PATIENCE_SECONDS = 30
LEASE_SECONDS = 60
HOLDERS = ("host:1:a", "host:2:b")


@pytest.fixture
def manager(transactional_db: None) -> Any:
    """Return a manager; a job of each holder has been lost."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("needs a database with row locks that can be passed over")
    manager = manager_for()
    for holder in HOLDERS:
        queued_job(manager)
        manager.claim_next_batch(1, holder)
    manager.clock.advance(LEASE_SECONDS + 1)
    return manager


def rescued_elsewhere(manager: Any) -> list[str]:
    """Return whose jobs are brought back by another connection, which must not have to wait."""
    holders: list[str] = []

    def rescue() -> None:
        holders.extend(loss.holder for loss in manager.rescue_lost_jobs())
        connection.close()

    rescuer = threading.Thread(target=rescue)
    rescuer.start()
    rescuer.join(PATIENCE_SECONDS)
    assert not rescuer.is_alive()
    return holders


def test_while_one_rescues_the_others_do_not_wait(manager: Any) -> None:
    with transaction.atomic():
        assert [loss.holder for loss in manager.rescue_lost_jobs()] == list(HOLDERS)
        assert rescued_elsewhere(manager) == []
    assert {job.status for job in ContainerJob.objects.all()} == {"queued"}
    assert_invariants()


def test_a_lost_job_whose_row_somebody_holds_is_left_for_another_time(manager: Any) -> None:
    held, other = ContainerJob.objects.order_by("-pk")
    assert held.claimed_by == HOLDERS[1]
    with transaction.atomic():
        ContainerJob.objects.filter(pk=held.pk).update(name="held")
        assert rescued_elsewhere(manager) == [HOLDERS[0]]
    assert [row(job).status for job in (held, other)] == ["launching", "queued"]
    assert rescued_elsewhere(manager) == [HOLDERS[1]]
    assert_invariants()
