"""``dead_letters groups``: the letters of a selection by their cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from job_retry.django.dead_letters.groups import Order, Tab, list_groups
from job_retry.django.management.arguments import positive_integer
from job_retry.django.management.dead_letters.choice import add_selection, chosen
from job_retry.django.management.dead_letters.subcommand import Subcommand
from job_retry.django.management.text import Column, last_line, of_which_shown, write_table
from job_retry.django.management.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from job_retry.django.dead_letters.groups import Group

SHOWN_GROUPS = 25

COLUMNS = (
    Column("LETTERS", is_number=True),
    Column("SHARE", is_number=True),
    Column("FIRST"),
    Column("LAST"),
    Column("MARK"),
    Column("RULE"),
    Column("FINGERPRINT"),
    Column("ERROR"),
)


class Groups(Subcommand):
    """Lists the groups of a selection."""

    name = "groups"
    help = "List dead letters by their cause. Without a subcommand, this is what is done."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_selection(parser, of_any_state=True)
        parser.add_argument(
            "--marked",
            choices=Tab.values,
            default=Tab.ALL.value,
            help="only groups that need attention, or that somebody has marked as known or as resolved and of which no "
            "job has died since (default: %(default)s)",
        )
        parser.add_argument("--order", choices=Order.values, default=Order.COUNT.value, help="(default: %(default)s)")
        parser.add_argument(
            "--limit", type=positive_integer, default=SHOWN_GROUPS, metavar="N", help="at most (default: %(default)s)"
        )

    def run(self, options: Mapping[str, Any]) -> None:
        """Print the groups."""
        choice = chosen(options)
        listed = list_groups(
            choice.selection,
            choice.using,
            now=choice.now(),
            tab=Tab(options["marked"]),
            order=Order(options["order"]),
            page_size=options["limit"],
        )
        if options["json"]:
            self.write_json_list(map(group_as_json, listed.groups))
            return
        if listed.groups:
            write_table(self.stdout, COLUMNS, [_cells(group) for group in listed.groups])
        number = listed.totals.groups[Tab(options["marked"])]
        more = of_which_shown(len(listed.groups), number)
        self.stdout.write(f"{number:,} groups{more}; {listed.totals.letters:,} dead letters")


def _mark(group: Group) -> str:
    if group.mark is None:
        return ""
    state: str = group.mark.state
    return f"{state}, back" if group.is_back else state


def _cells(group: Group) -> list[str]:
    return [
        f"{group.count:,}",
        f"{group.share:.0%}",
        shown_moment(group.first_died_at),
        shown_moment(group.last_died_at),
        _mark(group),
        group.rules[0] if group.rules else group.verdict,
        group.fingerprint or "(no error)",
        last_line(group.sample),
    ]


def group_as_json(group: Group) -> dict[str, Any]:
    """Return what there is to know of a group."""
    mark = group.mark
    return {
        "fingerprint": group.fingerprint,
        "count": group.count,
        "share": group.share,
        "first_died_at": group.first_died_at,
        "last_died_at": group.last_died_at,
        "verdict": group.verdict,
        "rules": group.rules,
        "why": group.why,
        "models": group.models,
        "strategies": group.strategies,
        "exception_classes": group.exception_classes,
        "error": group.sample,
        "mark": None
        if mark is None
        else {
            "state": mark.state,
            "note": mark.note,
            "marked_at": mark.marked_at,
            "marked_by": mark.marked_by,
            "is_back": group.is_back,
        },
    }
