"""``dead_letters requeue`` and ``discard``: say what will be touched, ask once, and do it."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db.models import Max

from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.preview import preview
from job_retry.django.history.models import BulkAction
from job_retry.django.management.arguments import positive_integer, positive_number
from job_retry.django.management.dead_letters.choice import add_selection, chosen, refuse_no_choice
from job_retry.django.management.dead_letters.subcommand import Subcommand
from job_retry.django.management.dead_letters.working import report, work, write_reasons
from job_retry.django.management.text import Column, last_line, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from job_retry.django.dead_letters.preview import Preview

Kind = BulkAction.Kind

COLUMNS = (Column("LETTERS", is_number=True), Column("FINGERPRINT"), Column("ERROR"))


class Acting(Subcommand):
    """Does something with the open letters of a selection."""

    verb: str
    """What is done, for the question."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_selection(parser, of_any_state=False)
        parser.add_argument("--dry-run", action="store_true", help="only say what would be touched")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--by", default=default_name(), metavar="NAME", help="who does it (default: %(default)r)")

    def run(self, options: Mapping[str, Any]) -> None:
        """Show, ask, do."""
        refuse_no_choice(options)
        choice = chosen(options)
        kind, how = self.chosen_action(options)
        newest = choice.selection.letters(choice.using).aggregate(newest=Max("pk"))["newest"]
        seen = preview(choice.using, choice.selection, kind)
        self._show(seen, options)
        if options["dry_run"] or not seen.total:
            return
        if not options["yes"] and not self._agreed(seen.total):
            raise CommandError("Nothing was done.")
        try:
            # None that has come while somebody was asked.
            action = bulk.begin(
                choice.using, choice.selection, kind, by=options["by"], now=choice.now(), up_to=newest, **how
            )
        except ValueError as error:
            raise CommandError(f"{error} Nothing was done.") from error
        self.begin(action, options)

    def chosen_action(self, options: Mapping[str, Any]) -> tuple[Kind, dict[str, Any]]:
        """Return the kind of action, and how it is done."""
        raise NotImplementedError

    def begin(self, action: BulkAction, options: Mapping[str, Any]) -> None:
        """Do what has been recorded."""
        if not options["json"]:
            self.stdout.write(f"Bulk action {action.pk} begins; Ctrl-C stops it between two chunks.")
        work(self, action, as_json=options["json"])

    def _show(self, seen: Preview, options: Mapping[str, Any]) -> None:
        """Say what will be touched; of JSON there is only one value, this or the result."""
        if options["json"]:
            if options["dry_run"] or not seen.total:
                self.write_json({**vars(seen), "groups": [group._asdict() for group in seen.groups]})
            return
        if seen.groups:
            rows = [
                [f"{group.number:,}", group.fingerprint or "(no error)", last_line(group.sample)]
                for group in seen.groups
            ]
            write_table(self.stdout, COLUMNS, rows)
        shown = f", of which the largest {len(seen.groups)} are shown" if seen.group_count > len(seen.groups) else ""
        models = ", ".join(f"{number:,} of {label}" for label, number in seen.models.items())
        self.stdout.write(f"{seen.total:,} open dead letters{f' ({models})' if models else ''}")
        self.stdout.write(f"{seen.group_count:,} groups{shown}")
        write_reasons(self, f"of {seen.examined:,} looked at, will be skipped", seen.skipped)

    def _agreed(self, total: int) -> bool:
        if not sys.stdin.isatty():
            raise CommandError("There is no terminal to ask on: say --yes. Nothing was done.")
        self.stderr.write(f"{self.verb} {total:,} dead letters? [y/N] ", lambda text: text, ending="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")


class Requeue(Acting):
    """Requeues the letters of a selection."""

    name = "requeue"
    verb = "Requeue"
    help = (
        "Queue the jobs of dead letters again. Shows first what it will touch, and asks. Works in chunks: Ctrl-C stops "
        "between two of them, `resume` goes on, `put-back` takes back what nobody has launched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument(
            "--fresh-count",
            action="store_true",
            help="count failed attempts from 0; else one that is left, or one more",
        )
        parser.add_argument("--new-strategy", default="", metavar="NAME", help="give the jobs this retry strategy")
        parser.add_argument("--new-priority", type=int, metavar="N", help="give the jobs this priority, 0 to 100")
        parser.add_argument("--note", default="", metavar="TEXT", help="why, for those who look at it later")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--spread-minutes", type=positive_number, default=0.0, metavar="N", help="make them due one after the other"
        )
        how.add_argument(
            "--canary",
            type=positive_integer,
            metavar="K",
            help="requeue so many first, and the rest only if those do not die of the same cause; the workers of the "
            "queue do it",
        )
        parser.add_argument(
            "--rate", type=positive_number, metavar="PER_MINUTE", help="with --canary: how fast the rest follows"
        )

    def chosen_action(self, options: Mapping[str, Any]) -> tuple[Kind, dict[str, Any]]:
        """Return a requeue, or a canary redrive."""
        how = {
            "fresh_count": options["fresh_count"],
            "strategy": options["new_strategy"],
            "priority": options["new_priority"],
            "note": options["note"],
        }
        if (options["canary"] is None) != (options["rate"] is None):
            raise CommandError("--canary and --rate belong together: how many first, and how many a minute after them.")
        if options["canary"] is None:
            return Kind.REQUEUE, {**how, "spread_seconds": options["spread_minutes"] * 60.0}
        return Kind.CANARY, {**how, "canary_size": options["canary"], "rate_per_minute": options["rate"]}

    def begin(self, action: BulkAction, options: Mapping[str, Any]) -> None:
        """Go on with a requeue here; a canary redrive is the workers' to go on with."""
        if action.kind != Kind.CANARY:
            super().begin(action, options)
            return
        report(self, action, as_json=options["json"])
        if not options["json"]:
            self.stdout.write(
                "The workers of the queue go on with it (manage.py run_job_queue). "
                f"`dead_letters actions` says how far it is, `dead_letters stop {action.pk}` stops it."
            )


class Discard(Acting):
    """Discards the letters of a selection."""

    name = "discard"
    verb = "Discard"
    help = (
        "Put dead letters aside for good: their jobs are cancelled, their history stays. Shows first what it will "
        "touch, and asks. Works in chunks: Ctrl-C stops between two of them, `resume` goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("--note", required=True, metavar="TEXT", help="why, for those who look for the jobs later")

    def chosen_action(self, options: Mapping[str, Any]) -> tuple[Kind, dict[str, Any]]:
        """Return a discard."""
        return Kind.DISCARD, {"note": options["note"]}


def default_name() -> str:
    """Return the name under which what is done is put on record; "" where the process has no user."""
    try:
        return f"manage.py ({getpass.getuser()})"
    except (KeyError, OSError):
        return "manage.py"
