"""``dead_letters sync``: bring the letters in step with jobs that were moved past the queue."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from job_retry.django.history.keys import model_label
from job_retry.django.history.models import DeadLetter
from job_retry.django.history.reconcile import Reconciled, reconcile
from job_retry.django.management.dead_letters.choice import add_queue
from job_retry.django.management.dead_letters.subcommand import Subcommand
from job_retry.django.management.long_work import INTERRUPTED, progress, stopping_between_chunks
from job_retry.django.management.queue_choice import chosen_managers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.core.management.base import CommandParser

    from job_retry.django.queue import JobQueueManager


class Sync(Subcommand):
    """Opens the letters that are missing, and settles those whose jobs have moved on."""

    name = "sync"
    help = (
        "Open the dead letters of failed jobs that have none, as after the first migrate, and settle those whose jobs "
        "were moved past the queue. May be interrupted and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_queue(parser)

    def run(self, options: Mapping[str, Any]) -> None:
        """Go through all jobs of the queues."""
        managers = chosen_managers(options["queue"])
        done = Reconciled()
        with (
            stopping_between_chunks() as stop,
            progress(self.stderr, "Opening dead letters", _missing(managers)) as shown,
        ):
            for chunk in chain.from_iterable(map(reconcile, managers)):
                done = Reconciled(*map(sum, zip(done, chunk, strict=True)))
                shown.advance(chunk.opened)
                if stop.is_set():
                    break
        if options["json"]:
            self.write_json(done._asdict())
        else:
            self.stdout.write(", ".join(f"{number:,} {what}" for what, number in done._asdict().items()))
        if stop.is_set():
            raise CommandError("Stopped before the end. Run it again to go on.", returncode=INTERRUPTED)


def _missing(managers: Sequence[JobQueueManager]) -> int:
    """Return how many letters are to be opened; those of jobs that have moved on count against it."""
    failed = sum(manager.get_failed_jobs().count() for manager in managers)
    letters = sum(
        DeadLetter.objects.using(manager.using)
        .filter(job_model=model_label(manager.model), state=DeadLetter.State.OPEN)
        .count()
        for manager in managers
    )
    return max(0, failed - letters)
