"""Rows of a job model from before the queue, moved into it and back by the migrations that the guide shows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from job_retry.django.queue import JobQueueManager
from job_retry.django.testing import COMPLETED, ScriptedLauncher, drain
from job_retry.django.times import in_time_zone

from tests.adoption.exports.models import Export
from tests.queue.support import broken_invariants

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = "0001_initial"
QUEUE_COLUMNS = "0002_queue_columns"
QUEUE_STATES = "0003_queue_states"
AFTER = "0004_old_columns"

NOON: Any = in_time_zone(datetime(2026, 3, 1, 12, tzinfo=timezone.utc))
STARTED, ENDED, NEXT_TRY = (NOON + timedelta(hours=hours) for hours in (1, 2, 3))

# One row for each kind of row that the old program left: its columns, and what they become.
OLD_ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "new": ({"status": "waiting"}, {"status": "queued", "queued_at": NOON, "retry_count": 0}),
    "tried again later": (
        {"status": "failed", "attempts": 2, "error": "busy 🚚", "ended_at": ENDED, "next_try_at": NEXT_TRY},
        {
            "status": "retrying",
            "queued_at": NOON,
            "scheduled_for": NEXT_TRY,
            "retry_count": 2,
            "attempt_serial": 2,
            "last_error": "busy 🚚",
            "last_error_at": ENDED,
            "failed_at": None,
        },
    ),
    "under way": (
        {"status": "running", "attempts": 1, "started_at": STARTED},
        {"status": "failed", "queued_at": None, "retry_count": 1, "launched_at": None, "claim_token": None},
    ),
    "given up": (
        {"status": "dead", "attempts": 3, "error": "no such report", "started_at": STARTED, "ended_at": ENDED},
        {"status": "failed", "queued_at": None, "failed_at": ENDED, "last_error": "no such report", "retry_count": 3},
    ),
    "given up, nobody knows when": (
        {"status": "dead", "attempts": 3},
        {"status": "failed", "failed_at": NOON, "last_error_at": NOON},
    ),
    "done at the second attempt": (
        {"status": "done", "attempts": 2, "started_at": STARTED, "ended_at": ENDED},
        {"status": "completed", "launched_at": STARTED, "completed_at": ENDED, "retry_count": 1, "attempt_serial": 2},
    ),
    "called off": ({"status": "stopped"}, {"status": "cancelled", "queued_at": None}),
}


def migrate(name: str) -> Any:
    """Bring the table to the state after migration ``name``, and return the model of that time."""
    executor = MigrationExecutor(connection)
    executor.migrate([("exports", name)])
    return MigrationExecutor(connection).loader.project_state([("exports", name)]).apps.get_model("exports", "Export")


def write_old_rows(model: Any) -> None:
    for name, (columns, _expected) in OLD_ROWS.items():
        model.objects.create(report=name, **columns)
    model.objects.update(created_at=NOON)  # which `auto_now_add` has set otherwise


@pytest.fixture
def old_model() -> Iterator[Any]:
    """The model of before the queue; afterwards its table is as all other tests know it."""
    yield migrate(BEFORE)
    Export.objects.all().delete()  # what a test has left may be what no migration takes
    migrate(AFTER)


def test_each_old_row_has_its_place_in_the_queue(old_model: Any) -> None:
    write_old_rows(old_model)
    migrate(AFTER)
    for job in Export.objects.all():
        expected = OLD_ROWS[job.report][1]
        assert {name: getattr(job, name) for name in expected} == expected, job.report
        assert broken_invariants(job) == [], job.report
    interrupted = Export.objects.get(report="under way")
    assert interrupted.last_error is not None
    assert interrupted.last_error.startswith("Interrupted")


def test_the_moved_rows_run_through_the_queue(old_model: Any) -> None:
    write_old_rows(old_model)
    migrate(AFTER)
    launcher = ScriptedLauncher(COMPLETED)
    manager = JobQueueManager(Export, launcher)
    drain(manager)
    completed = {"new", "tried again later", "done at the second attempt"}
    assert set(Export.objects.filter(status="completed").values_list("report", flat=True)) == completed
    dead = Export.objects.dead_letters()
    assert [job.report for job in dead] == ["under way", "given up", "given up, nobody knows when"]
    for job in dead:
        manager.retry_failed_job(job)
    drain(manager)
    assert not Export.objects.exclude(status__in=("completed", "cancelled")).exists()
    assert launcher.calls[0].idempotency_key.endswith((":1", ":3"))


def test_back_again_the_old_program_finds_its_rows(old_model: Any) -> None:
    write_old_rows(old_model)
    before = {row["report"]: row for row in old_model.objects.values()}
    migrate(AFTER)
    after = {row["report"]: row for row in migrate(BEFORE).objects.values()}
    assert after.keys() == before.keys()
    # What ran when the queue took over has failed, and says so.
    interrupted = after.pop("under way")
    assert (interrupted["status"], interrupted["attempts"]) == ("dead", 1)
    for name, row in after.items():
        for column in ("status", "attempts", "error", "next_try_at", "created_at"):
            assert row[column] == before[name][column], (name, column)


def test_as_long_as_the_old_columns_stand_the_way_back_loses_nothing(old_model: Any) -> None:
    write_old_rows(old_model)
    old_model.objects.create(report="done, with the error of an attempt before", status="done", error="busy")
    old_model.objects.create(report="waits after an error", status="waiting", error="busy", started_at=STARTED)
    before = {row["report"]: row for row in old_model.objects.exclude(status="running").values()}
    migrate(QUEUE_STATES)
    after = {row["report"]: row for row in migrate(BEFORE).objects.values()}
    for name, row in before.items():
        for column, value in row.items():
            # A time that the old program did not know may have been filled in.
            assert value is None or after[name][column] == value, (name, column)


def test_a_status_that_nobody_thought_of_stops_the_move_before_it_begins(old_model: Any) -> None:
    write_old_rows(old_model)
    old_model.objects.create(report="a surprise", status="paused")
    migrate(QUEUE_COLUMNS)
    with pytest.raises(ValueError, match=r"Nothing was changed.*0003_queue_states.*\['paused'\]"):
        migrate(QUEUE_STATES)
    statuses = {columns["status"] for columns, _expected in OLD_ROWS.values()}
    assert set(Export.objects.values_list("status", flat=True)) == {*statuses, "paused"}
