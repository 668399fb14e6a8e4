"""A claim reads its jobs once, before it writes: they show what was written all the same."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from job_retry.django.testing import ManualClock

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, assert_shows_its_row, manager_for, queued_job, row

# What a job that waits may look like besides.
WAITING: list[dict[str, Any]] = [
    {},
    {"status": "retrying", "retry_count": 1, "attempt_serial": 1, "last_error": "over"},
    {"scheduled_for": None, "attempt_serial": 7},
    {"queued_at": None},  # another program's doing
    {"lease_expires_at": "now"},  # a suspect
]


@pytest.mark.django_db
@pytest.mark.parametrize("columns", WAITING)
def test_a_claimed_job_shows_its_row(columns: dict[str, Any]) -> None:
    clock = ManualClock()
    manager = manager_for(clock=clock)
    job = queued_job(manager)
    early = clock() - timedelta(seconds=5)
    set_by_hand = {"scheduled_for": early, **columns}
    if "lease_expires_at" in set_by_hand:
        set_by_hand["lease_expires_at"] = early
    manager.jobs().update(**set_by_hand)
    (claimed,) = manager.claim_next_batch(5, "me") or manager.claim_suspect("me")
    assert claimed == job
    assert claimed.get_deferred_fields() == set()
    assert_shows_its_row(claimed)
    assert {name: value for name, value in claimed._loaded.items() if name != "_state"} == {
        name: value for name, value in row(job)._loaded.items() if name != "_state"
    }
    claimed.save()  # nothing that the queue owns has changed
    assert_shows_its_row(claimed)
    assert_invariants()


@pytest.mark.django_db
def test_a_row_that_the_model_fails_to_load_does_not_stay_at_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_for()
    broken, whole = queued_job(manager, name="broken"), queued_job(manager)
    load = ContainerJob.from_db.__func__  # type: ignore[attr-defined]

    def fail(cls: Any, *arguments: Any, **keywords: Any) -> Any:
        job = load(cls, *arguments, **keywords)
        if job.name == "broken":
            raise ValueError("the name is broken")
        return job

    with monkeypatch.context() as patched:
        patched.setattr(ContainerJob, "from_db", classmethod(fail))
        with pytest.raises(ValueError, match="the name is broken"):
            manager.claim_next_batch(1)
        assert manager.claim_next_batch(1) == [whole]
    assert row(broken).status == "launching"  # until the lease of whoever fails has ended
    assert_invariants()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="needs SQLite, where no row can be locked")
def test_nobody_writes_between_the_look_and_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_for()
    jobs = [queued_job(manager) for _ in range(3)]
    # The default, under which a look locks nothing.
    monkeypatch.setattr(connections["default"], "transaction_mode", None)
    refused: list[str] = []

    def look_on(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and parameters and jobs[0].pk in parameters:
            stranger = sqlite3.connect(connection.settings_dict["NAME"], timeout=0)
            try:
                stranger.execute("UPDATE app_containerjob SET claimed_by = 'stranger'")
            except sqlite3.OperationalError as error:
                refused.append(str(error))
            finally:
                stranger.close()
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(look_on):
        assert manager.claim_next_batch(5) == jobs
    assert refused == ["database is locked"]
