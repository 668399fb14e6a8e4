"""``manage.py release_claim``: put back the claims of a worker that died."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db.models import Count

from job_retry.django.management.queue_command import QueueCommand


class Command(QueueCommand):
    """Put back the claims of a worker that died."""

    help = (
        "Put back the claims of a worker that died: its launching jobs return to where they came from, its running "
        "ones are retried at once; no attempt is counted. A result that still comes in is ignored. Without --worker "
        "or --job: list who holds what."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("--worker", metavar="HOST:PID", help="all claims of this worker")
        parser.add_argument("--job", action="append", default=[], metavar="PK", help="this job; may be repeated")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be put back")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Release the claims that the arguments name."""
        manager = self.queue_manager(options["queue"])
        held = manager.claims.held(options["worker"])
        if options["job"]:
            try:
                held = held.filter(pk__in=options["job"])
            except (ValueError, ValidationError) as error:
                raise CommandError(f"--job: {options['job']} are no keys of {manager.model._meta.label}.") from error
        elif not options["worker"]:
            self._list(held)
            return
        jobs = list(held)
        missing = set(options["job"]) - {str(job.pk) for job in jobs}
        if missing:
            raise CommandError(
                f"Not claimed, or not by that worker: {', '.join(sorted(missing))}. Nothing was released."
            )
        if not jobs:
            raise CommandError(f"{options['worker']} holds no job. Without arguments, this command lists who does.")
        if options["dry_run"]:
            for job in jobs:
                self.stdout.write(f"would release job {job.pk} ({job.status}, held by {job.claimed_by})")
            return
        self.stdout.write(f"released {manager.release_claims(jobs)} of {len(jobs)} claims")

    def _list(self, held: Any) -> None:
        holders = held.order_by("claimed_by", "status").values("claimed_by", "status").annotate(jobs=Count("pk"))
        for row in holders:
            self.stdout.write(f"{row['claimed_by']}: {row['jobs']} {row['status']}")
        if not holders:
            self.stdout.write("nobody holds a job")
