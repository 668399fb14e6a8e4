"""``manage.py prune_job_history``: remove the history of jobs that ended long ago."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from job_retry.django.dead_letters.pruning import OPEN, Pruning
from job_retry.django.history.keys import model_label
from job_retry.django.management.arguments import duration
from job_retry.django.management.long_work import INTERRUPTED, progress, stopping_between_chunks
from job_retry.django.management.queue_choice import chosen_managers

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from job_retry.django.queue import JobQueueManager


class Command(BaseCommand):
    """Remove the history of jobs that ended long ago."""

    help = (
        "Remove dead letters that were requeued or discarded long ago, the ledger of failed attempts of jobs that have "
        "ended, and bulk actions that are over. Never touches the history of a job that is not finished, and leaves "
        "open dead letters, with the ledger of their jobs, unless told otherwise. May be interrupted and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--older-than",
            type=duration,
            required=True,
            metavar="TIME",
            help="remove what ended longer ago than this, such as 90d, 12h or 2w",
        )
        parser.add_argument("--queue", metavar="NAME", help="only the history of this queue's jobs (default: all)")
        parser.add_argument(
            "--include-open",
            action="store_true",
            help="open dead letters too, by when their jobs died; the jobs stay failed, and `dead_letters sync` finds "
            "them again",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Prune each database once, and say what was removed."""
        managers = {manager.using: manager for manager in reversed(chosen_managers(options["queue"]))}
        for using, manager in sorted(managers.items()):
            pruning = Pruning(
                using,
                moment_before(manager, options["older_than"]),
                model=model_label(manager.model) if options["queue"] else "",
                include_open=options["include_open"],
                dry_run=options["dry_run"],
            )
            finished = self._run(pruning)
            self._report(pruning)
            if not finished:
                raise CommandError("Stopped before the end. Run it again to go on.", returncode=INTERRUPTED)

    def _run(self, pruning: Pruning) -> bool:
        """Prune until the end or until told to stop; return whether it was the end."""
        with (
            stopping_between_chunks() as stop,
            progress(self.stderr, "Looking through old rows", pruning.total()) as shown,
        ):
            for number in pruning.run():
                shown.advance(number)
                if stop.is_set():
                    return False
        return True

    def _report(self, pruning: Pruning) -> None:
        would = "would remove" if pruning.dry_run else "removed"
        self.stdout.write(f"Database {pruning.using!r}, from before {pruning.before:%Y-%m-%d %H:%M:%S}:")
        by_table: dict[str, dict[str, int]] = defaultdict(dict)
        for tally, number in sorted(pruning.removed.items()):
            by_table[tally.table][tally.why] = number
        for table, numbers in by_table.items():
            states = ", ".join(f"{number:,} {state}" for state, number in numbers.items() if state)
            self.stdout.write(f"{would} {sum(numbers.values()):,} {table}" + (f": {states}" if states else ""))
        if not by_table:
            self.stdout.write(f"{would} nothing")
        for tally, number in sorted(pruning.kept.items()):
            way_out = " (--include-open removes them too)" if tally.why == OPEN else ""
            if number:
                self.stdout.write(f"kept {number:,} {tally.table}: {tally.why}{way_out}")


def moment_before(manager: JobQueueManager, length: timedelta) -> datetime:
    """Return the moment that is so long ago; CommandError where the calendar has none."""
    try:
        return manager.clock() - length
    except OverflowError as error:
        raise CommandError(f"--older-than {length.days}d: the calendar does not go back that far.") from error
