"""The demo from its first line to its exit status."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.db import connection, transaction
from job_retry import __version__
from job_retry.django.history.reconcile import reconcile
from job_retry.django.management.commands.run_job_queue import QueueNotDrainedError
from job_retry.django.queue import JobQueueManager, get_queue_manager
from job_retry.django.states import FINAL, Status
from jobs.models import ContainerJob
from rich.console import Console

from .attempts import AttemptRecorder
from .judgement import Observed, fault
from .kinds import KINDS, Kind
from .network import LoopbackService
from .report import report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from job_retry.django.decision import FailureDecision

NAME_PREFIX = "demo: "
"""Begins the names of the demo's jobs. Those of an earlier run are deleted, all others left alone."""

POLL_INTERVAL_SECONDS = 0.1

INTERRUPTED = 130
"""Exit status after Ctrl-C, as the shell has it."""

ENDED = (*FINAL, Status.FAILED)

WIDTH_ELSEWHERE = 120
"""Columns of the tables where the output goes to no terminal."""


@dataclass(frozen=True)
class Queued:
    """A job in the queue, and the service it is going to call."""

    job: ContainerJob
    kind: Kind
    service: LoopbackService | None


def main(kinds: Sequence[Kind] = KINDS) -> int:
    """Run jobs of ``kinds`` and return the exit status."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_ELSEWHERE
    manager = get_queue_manager()
    call_command("migrate", verbosity=0)
    ContainerJob.objects.filter(name__startswith=NAME_PREFIX).delete()
    list(reconcile(manager))  # and with them go their dead letters, of which nobody needs to know any more
    with ExitStack() as services:
        queued = queue_jobs(kinds, manager, services)
        console.print(
            f"{len(queued)} jobs of {len(kinds)} kinds wait in {connection.display_name} "
            f"for the worker of django-job-retry {__version__}.\n"
        )

        def tell_service(job: Any, decision: FailureDecision) -> None:
            service = queued[job.pk].service
            if service is not None:
                service.job_failed(decision.failed_attempts)

        began = monotonic()
        # Why the queue may not be drained is said below, with the number of jobs that were left.
        with AttemptRecorder(on_retry=tell_service) as recorder, suppress(QueueNotDrainedError):
            call_command("run_job_queue", "--drain", "--poll-interval", str(POLL_INTERVAL_SECONDS))
        seconds = monotonic() - began
    jobs = observed(queued, recorder)
    unfinished = sum(job.state not in ENDED for job in jobs)
    if unfinished:
        console.print(f"\nThe worker was stopped before {unfinished} of {len(jobs)} jobs had ended.")
        return INTERRUPTED
    console.print()
    console.print(report(jobs, manager.strategies))
    faults = {job: found for job in jobs if (found := fault(job)) is not None}
    for job, found in faults.items():
        console.print(f"{job.name} (job {job.pk}): {found}", style="bold red", markup=False, highlight=False)
    right = len(jobs) - len(faults)
    console.print(f"{right} of {len(jobs)} jobs went as the row of their kind says, in {seconds:.0f} s.")
    return 1 if faults else 0


def queue_jobs(kinds: Sequence[Kind], manager: JobQueueManager, services: ExitStack) -> Mapping[int, Queued]:
    """Queue the jobs of all kinds, mixed, and return them by primary key; ``services`` closes their services."""
    queued = {}
    with transaction.atomic():
        for number in range(1, max(kind.jobs for kind in kinds) + 1):
            for kind in kinds:
                if number > kind.jobs:
                    continue
                service = None
                if kind.service is not None:
                    service = services.enter_context(closing(LoopbackService(kind.service)))
                job = ContainerJob.objects.create(
                    name=f"{NAME_PREFIX}{kind.name} {number}",
                    image=kind.image,
                    command=kind.command.format(port=service.port) if service else kind.command,
                    priority=kind.priority,
                    retry_strategy=kind.retry_strategy,
                    max_retries=kind.max_retries,
                )
                queued[job.pk] = Queued(job, kind, service)
        manager.queue_jobs(entry.job for entry in queued.values())
    return queued


def observed(queued: Mapping[int, Queued], recorder: AttemptRecorder) -> list[Observed]:
    """Return what the database and the signals say of the jobs."""
    jobs = []
    for pk, entry in queued.items():
        queued_at = entry.job.queued_at
        assert queued_at is not None
        row = ContainerJob.objects.get(pk=pk)
        jobs.append(
            Observed(
                pk=pk,
                name=row.name,
                kind=entry.kind,
                state=row.status,
                queued_at=queued_at,
                attempts=tuple(recorder.attempts[pk]),
                last_error=row.last_error or "",
            )
        )
    return jobs
