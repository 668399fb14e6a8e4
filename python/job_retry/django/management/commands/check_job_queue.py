"""``manage.py check_job_queue``: find jobs that break what holds of every job, and runs that nobody hears of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from job_retry.django.invariants import INVARIANTS
from job_retry.django.management.arguments import positive_seconds
from job_retry.django.management.queue_command import QueueCommand
from job_retry.django.states import Status

SHOWN_JOBS = 10


class Command(QueueCommand):
    """Report jobs in limbo, and overdue runs."""

    help = (
        "Report jobs whose status, times and claim contradict each other, leases that ended and nobody has taken over, "
        "and runs that go on without a heartbeat. Changes nothing. Exit status 1 where something was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument(
            "--overdue-after",
            type=positive_seconds,
            default=86_400.0,
            metavar="SECONDS",
            help="report runs without a lease that were launched longer ago (default: %(default).0f)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look, and say what is found."""
        manager = self.queue_manager(options["queue"])
        jobs, now = manager.jobs(), manager.clock()
        # A worker looks for ended leases every so often; only what stays longer has no worker.
        unnoticed = now - timedelta(seconds=manager.renew_seconds) - manager.claims.lease
        overdue = now - timedelta(seconds=options["overdue_after"])
        for_long = f"runs for more than {options['overdue_after']:.0f} s without a lease"
        found = [
            *((f"broken: {rule.rule} ({rule.why})", jobs.filter(rule.broken)) for rule in INVARIANTS),
            ("the lease has ended, and no worker runs that would bring the job back", jobs.lost(unnoticed)),
            (
                f"{for_long}: end it with complete, fail or time_out, or set RUN_LEASE_SECONDS",
                jobs.filter(status=Status.RUNNING, lease_expires_at__isnull=True, launched_at__lt=overdue),
            ),
        ]
        problems = 0
        for what, broken in found:
            keys = list(broken.order_by("pk").values_list("pk", flat=True)[: SHOWN_JOBS + 1])
            if keys:
                problems += 1
                shown = ", ".join(map(str, keys[:SHOWN_JOBS])) + (", ..." if len(keys) > SHOWN_JOBS else "")
                self.stdout.write(f"{what}: {broken.count()} jobs: {shown}")
        if problems:
            raise CommandError(f"Queue {options['queue']!r}: {problems} of {len(found)} checks found jobs.")
        self.stdout.write(f"Queue {options['queue']!r}: {manager.jobs().count()} jobs, all in order.")
