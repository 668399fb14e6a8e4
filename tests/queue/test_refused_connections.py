"""A database that refuses a launch's very first connection, as it does while it starts or ends."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connections
from job_retry.django.testing import COMPLETED

from tests.queue.support import assert_invariants, manager_for, queued_job
from tests.servers.private import free_port


def refusing(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a database that cannot be connected to."""
    if settings["ENGINE"].endswith("sqlite3"):
        return {**settings, "NAME": "/no/such/folder/jobs.sqlite3"}
    return {**settings, "HOST": "127.0.0.1", "PORT": free_port()}


@pytest.mark.django_db(transaction=True)
def test_a_claim_whose_launch_gets_no_connection_is_given_back() -> None:
    manager = manager_for(lambda job: COMPLETED)
    job = queued_job(manager)
    [claimed] = manager.claim_next_batch(1)
    errors: list[BaseException] = []

    def launch() -> None:  # in a thread of its own, which has no connection yet
        connection = connections[manager.using]
        connection.settings_dict = refusing(connection.settings_dict)
        try:
            manager.launch_claimed_job(claimed)
        except OperationalError as error:
            errors.append(error)

    thread = threading.Thread(target=launch)
    thread.start()
    thread.join()
    assert len(errors) == 1
    [again] = manager.claim_next_batch(1)
    assert (again.pk, again.attempt_serial) == (job.pk, 1)
    assert again.claim_token != claimed.claim_token
    assert_invariants()
