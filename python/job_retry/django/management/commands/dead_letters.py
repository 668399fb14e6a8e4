"""``manage.py dead_letters``: look at dead letters, and decide on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser

from job_retry.django.management.dead_letters.acting import Discard, Requeue
from job_retry.django.management.dead_letters.actions import Actions, PutBack, Resume, Stop
from job_retry.django.management.dead_letters.groups import Groups
from job_retry.django.management.dead_letters.listing import List
from job_retry.django.management.dead_letters.marks import Mark
from job_retry.django.management.dead_letters.show import Show
from job_retry.django.management.dead_letters.sync import Sync

if TYPE_CHECKING:
    from job_retry.django.management.dead_letters.subcommand import Subcommand

SUBCOMMANDS: tuple[type[Subcommand], ...] = (
    Groups,
    List,
    Show,
    Requeue,
    Discard,
    Mark,
    Actions,
    Resume,
    Stop,
    PutBack,
    Sync,
)


class Command(BaseCommand):
    """Look at dead letters, and decide on them."""

    help = "Look at dead letters, by their cause or one by one, and requeue or discard them, as the admin does."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands; without one, the groups are listed."""
        self._subcommands = {each.name: each(self.stdout, self.stderr) for each in SUBCOMMANDS}
        parsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND")
        for name, subcommand in self._subcommands.items():
            described = parsers.add_parser(name, help=subcommand.help, description=subcommand.help)
            subcommand.add_arguments(described)
            described.add_argument("--json", action="store_true", help="print JSON")
            if name == Groups.name:
                parser.set_defaults(**vars(described.parse_args([])))
        parser.set_defaults(subcommand=Groups.name)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what the subcommand says."""
        subcommand = self._subcommands[options["subcommand"]]
        subcommand.stdout, subcommand.stderr = self.stdout, self.stderr  # those that the call has given
        subcommand.run(options)
