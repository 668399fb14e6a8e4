"""``dead_letters list``: the letters of a selection, the latest first."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from job_retry.django.management.arguments import positive_integer
from job_retry.django.management.dead_letters.choice import add_selection, chosen
from job_retry.django.management.dead_letters.subcommand import Subcommand
from job_retry.django.management.text import Column, last_line, of_which_shown, write_table
from job_retry.django.management.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.core.management.base import CommandParser
    from django.db.models import QuerySet

    from job_retry.django.history.models import DeadLetter

SHOWN_LETTERS = 50
CHUNK_ROWS = 100
"""Each may have an error of 64 KiB."""

COLUMNS = (
    Column("ID", is_number=True),
    Column("JOB"),
    Column("DIED"),
    Column("ATTEMPTS", is_number=True),
    Column("STATE"),
    Column("REASON"),
    Column("RULE"),
    Column("ERROR"),
)


class List(Subcommand):
    """Lists the letters of a selection."""

    name = "list"
    help = "List dead letters, the latest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_selection(parser, of_any_state=True)
        parser.add_argument(
            "--limit",
            type=positive_integer,
            metavar="N",
            help=f"show so many at most (default: {SHOWN_LETTERS}, and with --json all)",
        )

    def run(self, options: Mapping[str, Any]) -> None:
        """Print the letters."""
        choice = chosen(options)
        letters = choice.selection.letters(choice.using)
        if options["json"]:
            self.write_json_list(islice(map(letter_as_json, latest_first(letters)), options["limit"]))
            return
        shown = list(islice(latest_first(letters), options["limit"] or SHOWN_LETTERS))
        if shown:
            write_table(self.stdout, COLUMNS, [_cells(letter) for letter in shown])
        number = letters.count()
        self.stdout.write(f"{number:,} dead letters{of_which_shown(len(shown), number)}")


def latest_first(letters: QuerySet[DeadLetter]) -> Iterator[DeadLetter]:
    """Yield letters with their last failures, those that were written last first; few are in memory at a time."""
    rows = letters.select_related("failure").defer("failure__traceback", "previous").order_by("-pk")
    chunk = list(rows[:CHUNK_ROWS])
    while chunk:
        yield from chunk
        chunk = list(rows.filter(pk__lt=chunk[-1].pk)[:CHUNK_ROWS])


def letter_as_json(letter: DeadLetter) -> dict[str, Any]:
    """Return what there is to know of a letter, its last error included."""
    failure = letter.failure
    return {
        "id": letter.pk,
        "job_model": letter.job_model,
        "job_key": letter.job_key,
        "generation": letter.generation,
        "state": letter.state,
        "died_at": letter.died_at,
        "reason": letter.reason,
        "failed_attempts": letter.retry_count,
        "verdict": letter.verdict,
        "rule": letter.rule,
        "fingerprint": letter.fingerprint,
        "exception_class": letter.exception_class,
        "strategy": letter.strategy,
        "error": "" if failure is None else failure.error,
        "why": "" if failure is None else failure.why,
        "settled_at": letter.settled_at,
        "settled_by": letter.settled_by,
        "note": letter.note,
        "bulk_action": letter.bulk_action_id,
    }


def _cells(letter: DeadLetter) -> list[str]:
    return [
        str(letter.pk),
        f"{letter.job_model} {letter.job_key}",
        shown_moment(letter.died_at),
        str(letter.retry_count),
        letter.state,
        letter.reason,
        letter.rule or letter.verdict,
        "" if letter.failure is None else last_line(letter.failure.error),
    ]
