"""The transition table, by instance and set-based, and what each entry does to the columns."""

from __future__ import annotations

from datetime import datetime, timedelta
from datetime import timezone as fixed_offset
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone
from job_retry.django.exceptions import InvalidTransition
from job_retry.django.states import FINAL, SOURCES, TARGETS, TRANSITIONS, Status, entry_update

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, broken_invariants, row

# The contract's table, written a second time and in another shape.
ALLOWED = {
    "pending": {"queued", "running", "cancelled"},
    "queued": {"launching", "pending", "retrying", "failed", "running", "cancelled"},
    "retrying": {"launching", "queued", "pending", "running", "failed", "cancelled"},
    "launching": {"running", "completed", "retrying", "failed", "timeout", "cancelled", "queued"},
    "running": {"completed", "retrying", "failed", "timeout", "cancelled"},
    "failed": {"queued", "retrying", "cancelled"},
    "completed": set(),
    "timeout": set(),
    "cancelled": set(),
}
TOKEN = UUID(int=1)
PAIRS = [(source, target) for source, target in product(Status.values, repeat=2)]


def job_in(status: str) -> Any:
    """Return a job whose columns are as a job in ``status`` has them."""
    now = timezone.now()
    times = {
        "queued_at": None if status in {"pending", "failed", "cancelled"} else now,
        "scheduled_for": now if status == "retrying" else None,
        "failed_at": now if status == "failed" else None,
        "completed_at": now if status == "completed" else None,
    }
    claim = {"claim_token": TOKEN, "claimed_by": "host:1"} if status in {"launching", "running"} else {}
    job = ContainerJob.objects.create(status=status, **times, **claim)
    assert not broken_invariants(job)
    return job


def test_the_table_is_the_contracts() -> None:
    assert {source: {str(target) for target in targets} for source, targets in TARGETS.items()} == ALLOWED
    assert len(TRANSITIONS) == sum(map(len, ALLOWED.values()))
    assert {str(status) for status in FINAL} == {"completed", "timeout", "cancelled"}
    assert all(source in SOURCES[target] for source, target, _by in TRANSITIONS)
    assert all(transition.by for transition in TRANSITIONS)


@pytest.mark.django_db
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_each_pair_is_allowed_or_refused_as_the_table_says(source: str, target: str) -> None:
    job = job_in(source)
    assert job.can_transition_to(target) == (target in ALLOWED[source])
    if target in ALLOWED[source]:
        assert job.transition_to(target) is True
        assert row(job).status == job.status == target
        assert_invariants()
        return
    with pytest.raises(InvalidTransition) as refusal:
        job.transition_to(target)
    assert isinstance(refusal.value, ValueError)
    allowed = str(refusal.value).partition("Allowed")[2]
    assert f"from {source} to {target}" in str(refusal.value)
    assert all(name in allowed for name in ALLOWED[source])
    assert ALLOWED[source] or "none, it is final" in allowed
    assert row(job).status == source


@pytest.mark.django_db
@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair[1] in ALLOWED[pair[0]]])
def test_a_set_based_update_writes_what_an_instance_writes(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded_at, now = timezone.now(), timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: loaded_at)
    by_instance, by_update = job_in(source), job_in(source)
    monkeypatch.setattr(timezone, "now", lambda: now)
    by_instance.transition_to(target)
    ContainerJob.objects.filter(pk=by_update.pk).update(**entry_update(target, now))
    # The claim on a launching job is given by a save, or by what claims set-based.
    left_out = {"id", "claim_token", "claimed_by", "attempt_serial"} if target == "launching" else {"id"}
    columns = [field.attname for field in ContainerJob._meta.concrete_fields if field.attname not in left_out]
    first, second = (ContainerJob.objects.values_list(*columns).get(pk=job.pk) for job in (by_instance, by_update))
    assert dict(zip(columns, first, strict=True)) == dict(zip(columns, second, strict=True))


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["done", "", "QUEUED", None])
def test_an_unknown_status_is_named_with_those_that_exist(status: Any) -> None:
    job = job_in("pending")
    assert not job.can_transition_to(status)
    with pytest.raises(InvalidTransition, match=r"Unknown status .*pending, queued, launching"):
        job.transition_to(status)


@pytest.mark.django_db
def test_nothing_is_written_until_save_where_that_is_asked_for() -> None:
    job = job_in("pending")
    job.transition_to("queued", save=False)
    assert (job.status, row(job).status) == ("queued", "pending")
    job.save()
    assert row(job).status == "queued"
    assert_invariants()


@pytest.mark.django_db
def test_the_classic_shortcuts_go_through_the_table() -> None:
    job = job_in("pending")
    later = timezone.now() + timedelta(hours=1)
    job.mark_as_queued(scheduled_for=later)
    assert (job.is_queued, job.is_ready_to_launch, row(job).scheduled_for) == (True, False, later)
    job.mark_as_running()
    assert (job.is_queued, job.launched_at is not None) == (False, True)
    job.mark_as_completed()
    assert row(job).completed_at is not None
    assert_invariants()
    with pytest.raises(InvalidTransition, match="from completed to queued"):
        job.mark_as_queued()


@pytest.mark.django_db
def test_a_job_that_is_not_saved_yet_is_saved_by_its_first_transition() -> None:
    job = ContainerJob(name="new")
    job.mark_as_queued()
    assert (row(job).status, row(job).name) == ("queued", "new")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        datetime(2030, 7, 1, 12, 0),  # noqa: DTZ001
        datetime(2030, 7, 1, 10, 0, tzinfo=fixed_offset.utc),
    ],
    ids=["naive", "aware"],
)
def test_a_naive_time_is_in_the_current_time_zone(given: datetime) -> None:
    job = job_in("pending")
    job.mark_as_queued(scheduled_for=given)
    stored = "2030-07-01T10:00:00+00:00" if settings.USE_TZ else "2030-07-01T12:00:00"
    assert row(job).scheduled_for.isoformat() == stored
