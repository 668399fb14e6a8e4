"""What breaks the rules that hold of every job is found, and nothing is mended."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from job_retry.django.invariants import INVARIANTS
from job_retry.django.queue import get_queue_manager
from job_retry.django.states import Status

from tests.app.models import ContainerJob
from tests.queue.support import broken_invariants, row

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LEASE = timedelta(seconds=60)

# The rule, and what another program writes to break it.
BREAKS: list[tuple[str, dict[str, Any]]] = [
    ("the status is one of those that exist", {"status": "lost"}),
    ("queued_at is set in the queue", {"status": "queued", "queued_at": None}),
    ("queued_at is empty outside of the queue", {"status": "pending", "queued_at": NOW}),
    ("scheduled_for is set in retrying", {"status": "retrying", "queued_at": NOW, "scheduled_for": None}),
    ("failed_at is set in failed, and only there", {"status": "failed"}),
    ("failed_at is set in failed, and only there", {"failed_at": NOW}),
    ("completed_at is set in completed, and only there", {"status": "completed"}),
    ("completed_at is set in completed, and only there", {"completed_at": NOW}),
    ("a token stands in launching and running only", {"claim_token": uuid4(), "claimed_by": "x"}),
    ("a launching job has a token", {"status": "launching", "queued_at": NOW}),
    ("a holder goes with a token", {"claimed_by": "x"}),
    ("a lease stands on a claim or on a suspect", {"lease_expires_at": NOW}),
]


def checked(*arguments: str) -> str:
    output = StringIO()
    try:
        call_command("check_job_queue", *arguments, stdout=output)
    except CommandError as error:
        return f"{output.getvalue()}{error}"
    return output.getvalue()


@pytest.mark.parametrize(("rule", "written"), BREAKS, ids=[f"{rule}: {', '.join(new)}" for rule, new in BREAKS])
def test_a_break_is_found_by_its_rule_alone(rule: str, written: dict[str, Any]) -> None:
    ContainerJob.objects.create()
    job = ContainerJob.objects.create()
    assert checked() == "Queue 'default': 2 jobs, all in order.\n"
    ContainerJob.objects.filter(pk=job.pk).update(**written)
    before = ContainerJob.objects.filter(pk=job.pk).values().get()
    said = checked()
    assert f"broken: {rule} (" in said
    assert f": 1 jobs: {job.pk}\n" in said
    assert said.count("broken:") == 1
    assert said.endswith(f"Queue 'default': 1 of {len(INVARIANTS) + 2} checks found jobs.")
    assert ContainerJob.objects.filter(pk=job.pk).values().get() == before


def test_every_rule_has_a_break() -> None:
    assert {rule for rule, _ in BREAKS} == {invariant.rule for invariant in INVARIANTS}


@pytest.mark.parametrize("status", Status)
def test_what_the_queue_writes_on_entering_a_status_breaks_no_rule(status: Status) -> None:
    job = ContainerJob.objects.create(status=status)
    assert broken_invariants(row(job)) == []
    assert checked() == "Queue 'default': 1 jobs, all in order.\n"


def test_leases_that_nobody_takes_over_and_overdue_runs_are_reported() -> None:
    manager = get_queue_manager()
    now = manager.clock()
    lost, long, short, leased = [ContainerJob.objects.create(status="running") for _ in range(4)]
    for job, values in {
        lost: {"lease_expires_at": now - 2 * LEASE},
        long: {"launched_at": now - timedelta(days=2)},
        short: {"launched_at": now - timedelta(hours=2)},
        leased: {"launched_at": now - timedelta(days=2), "lease_expires_at": now + LEASE},
    }.items():
        ContainerJob.objects.filter(pk=job.pk).update(claim_token=uuid4(), claimed_by="host:1:a", **values)
    said = checked()
    assert f"no worker runs that would bring the job back: 1 jobs: {lost.pk}\n" in said
    assert "runs for more than 86400 s without a lease: " in said
    assert f": 1 jobs: {long.pk}\n" in said
    assert f": 2 jobs: {long.pk}, {short.pk}\n" in checked("--overdue-after", "3600")
    assert manager.jobs().filter(status="running").count() == 4


def test_many_are_counted_and_some_shown() -> None:
    jobs = ContainerJob.objects.bulk_create(ContainerJob(claimed_by="x") for _ in range(30))
    shown = ", ".join(str(job.pk) for job in jobs[:10])
    assert f": 30 jobs: {shown}, ...\n" in checked()


def test_what_cannot_be_asked_is_refused() -> None:
    assert "no queue 'nowhere'" in checked("nowhere")
    with pytest.raises(CommandError, match="above 0, not '-1'"):
        call_command("check_job_queue", "--overdue-after", "-1")
