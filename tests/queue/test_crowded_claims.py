"""Workers that claim at the same moment, on databases that let them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, manager_for

PATIENCE_SECONDS = 30


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_claim_or_goes_without_because_of_it() -> None:
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("needs a database with row locks that can be passed over")
    manager = manager_for()
    # The lower the key, the lower the priority: the order of the queue is not that of the table.
    manager.queue_jobs([ContainerJob.objects.create(priority=30 + number) for number in range(20)])
    in_order = list(manager.get_ready_jobs().values_list("pk", flat=True))
    claims: list[list[Any]] = []

    def claim() -> None:
        claims.append([job.pk for job in manager.claim_next_batch(4)])
        connection.close()

    with transaction.atomic():
        claim_of_mine = [job.pk for job in manager.claim_next_batch(4)]
        for _ in range(3):  # one after the other, while mine is not committed
            worker = threading.Thread(target=claim)
            worker.start()
            worker.join(PATIENCE_SECONDS)
            assert not worker.is_alive()
    assert [claim_of_mine, *claims] == [in_order[start : start + 4] for start in (0, 4, 8, 12)]
    assert_invariants()
