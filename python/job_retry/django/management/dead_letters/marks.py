"""``dead_letters mark``: say what is known of a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from job_retry.django.dead_letters.marks import mark_groups, unmark_groups
from job_retry.django.history.models import DeadLetter, GroupMark
from job_retry.django.management.dead_letters.acting import default_name
from job_retry.django.management.dead_letters.choice import add_queue, chosen_queues
from job_retry.django.management.dead_letters.subcommand import Subcommand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

NONE = "none"


class Mark(Subcommand):
    """Marks groups."""

    name = "mark"
    help = "Mark groups as known or resolved, until a job dies of the cause again; `none` takes the mark away."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("mark", choices=[*GroupMark.State.values, NONE])
        parser.add_argument("fingerprints", nargs="+", metavar="FINGERPRINT", help="a group, as `groups` lists it")
        add_queue(parser)
        parser.add_argument("--note", default="", metavar="TEXT", help="what is known")
        parser.add_argument("--by", default=default_name(), metavar="NAME", help="who knows it (default: %(default)r)")

    def run(self, options: Mapping[str, Any]) -> None:
        """Mark all, or none where a group is not known."""
        manager = chosen_queues(options)[0]
        groups = sorted(set(options["fingerprints"]))
        letters = DeadLetter.objects.using(manager.using).filter(fingerprint__in=groups)
        missing = sorted(set(groups).difference(letters.values_list("fingerprint", flat=True).distinct()))
        if missing and options["mark"] != NONE:
            raise CommandError(f"No job has died of {', '.join(missing)}. Nothing was marked. `groups` lists causes.")
        if options["mark"] == NONE:
            marks = unmark_groups(manager.using, groups)
        else:
            marks = mark_groups(
                manager.using, groups, options["mark"], note=options["note"], by=options["by"], now=manager.clock()
            )
        if options["json"]:
            self.write_json_list({"fingerprint": mark.fingerprint, "mark": options["mark"]} for mark in marks)
        else:
            self.stdout.write(f"{len(marks):,} groups marked {options['mark']}")
