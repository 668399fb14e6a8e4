"""Which dead letters a subcommand means: the arguments, and the selection that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.keys import model_label, model_of
from job_retry.django.history.models import DeadLetter, Verdict
from job_retry.django.management.arguments import field_value, moment, positive_integer
from job_retry.django.management.queue_choice import chosen_managers
from job_retry.django.times import in_time_zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from django.core.management.base import CommandParser

    from job_retry.django.queue import JobQueueManager

ANY = "any"

REASONS = {
    "permanent": DeadLetter.Reason.PERMANENT,
    "limit": DeadLetter.Reason.LIMIT,
    "poison": DeadLetter.Reason.POISON,
    "by-hand": DeadLetter.Reason.BY_HAND,
}

CONDITIONS = (
    "ids",
    "queue",
    "model",
    "fingerprint",
    "verdict",
    "rule",
    "reason",
    "strategy",
    "exception_class",
    "since",
    "until",
    "search",
    "field",
)
"""Names of the arguments of which one must be given where something is done to the letters."""


@dataclass(frozen=True)
class Choice:
    """A selection, and where its letters are."""

    managers: Sequence[JobQueueManager]
    """Of the queues that are meant, all in one database."""
    selection: Selection

    @property
    def using(self) -> str:
        """The database."""
        return self.managers[0].using

    def now(self) -> datetime:
        """Return the present moment by the clock of the queues."""
        return self.managers[0].clock()


def add_queue(parser: CommandParser) -> None:
    """Declare the argument that names a queue."""
    parser.add_argument(
        "--queue", metavar="NAME", help="only of this queue's jobs; needed where queues are in several databases"
    )


def add_selection(parser: CommandParser, *, of_any_state: bool) -> None:
    """Declare the arguments that choose dead letters; all conditions must hold that are given."""
    parser.add_argument("ids", nargs="*", type=positive_integer, metavar="ID", help="these dead letters")
    add_queue(parser)
    parser.add_argument("--model", metavar="LABEL", help="only of this job model, as app_label.ModelName")
    parser.add_argument(
        "--fingerprint", metavar="ID", help="only of this group; '' is that of letters without an error"
    )
    parser.add_argument("--verdict", choices=Verdict.values, help="what the classifier said")
    parser.add_argument("--rule", metavar="PACK/RULE", help="the rule that decided")
    parser.add_argument("--reason", choices=list(REASONS), help="why the job is a dead letter")
    parser.add_argument("--strategy", metavar="NAME", help="the retry strategy under which it died")
    parser.add_argument("--exception-class", metavar="NAME", help="what was raised, with its module")
    parser.add_argument(
        "--since", type=moment, metavar="WHEN", help="not dead before: a date, a date and a time, or 2h ago as 2h"
    )
    parser.add_argument("--until", type=moment, metavar="WHEN", help="dead before, in the same forms")
    parser.add_argument(
        "--search", metavar="TEXT", help="a part of the error, or a whole fingerprint, or the key of a job"
    )
    parser.add_argument(
        "--field",
        action="append",
        type=field_value,
        default=[],
        metavar="NAME=VALUE",
        help="a field that the job model names in dead_letter_fields; may be repeated",
    )
    if of_any_state:
        parser.add_argument(
            "--state",
            choices=[*DeadLetter.State.values, ANY],
            default=DeadLetter.State.OPEN.value,
            help="what became of it (default: %(default)s)",
        )
    else:
        parser.add_argument("--all", action="store_true", help="all that are open, where nothing else is chosen")


def refuse_no_choice(options: Mapping[str, Any]) -> None:
    """Raise CommandError where neither a condition nor --all is given."""
    # An empty fingerprint is a condition.
    is_given = any(options[name] not in (None, []) for name in CONDITIONS)
    if not is_given and not options["all"]:
        raise CommandError("Say which dead letters, by their ids or a condition such as --fingerprint; or say --all.")


def chosen_queues(options: Mapping[str, Any]) -> Sequence[JobQueueManager]:
    """Return the managers of the queues that are meant; CommandError where they are in several databases."""
    managers = chosen_managers(options["queue"])
    if len({manager.using for manager in managers}) > 1:
        shown = ", ".join(f"{manager.options.name} ({manager.using})" for manager in managers)
        raise CommandError(f"The queues are in several databases: choose one by --queue. Queues: {shown}.")
    return managers


def chosen(options: Mapping[str, Any]) -> Choice:
    """Return what the arguments stand for; CommandError says what is wrong with them."""
    managers = chosen_queues(options)
    now = managers[0].clock()
    selection = Selection(
        model=_label(options, managers),
        state=_state(options),
        fingerprint=options["fingerprint"],
        verdict=options["verdict"] or "",
        rule=options["rule"] or "",
        reason=REASONS[options["reason"]].value if options["reason"] else "",
        strategy=options["strategy"] or "",
        exception_class=options["exception_class"] or "",
        died_from=_moment(options["since"], now),
        died_until=_moment(options["until"], now),
        search=options["search"] or "",
        fields=dict(options["field"]),
        ids=tuple(options["ids"]) or None,
    )
    if selection.fields and not selection.model:
        if len(managers) > 1:
            raise CommandError("--field is of one job model: name it by --queue or --model.")
        selection = replace(selection, model=model_label(managers[0].model))
    try:
        selection.letters(managers[0].using)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return Choice(managers, selection)


def _state(options: Mapping[str, Any]) -> str:
    state: str = options.get("state") or DeadLetter.State.OPEN.value
    return "" if state == ANY else state


def _label(options: Mapping[str, Any], managers: Sequence[JobQueueManager]) -> str:
    of_queue = model_label(managers[0].model) if options["queue"] else ""
    if not options["model"]:
        return of_queue
    model = model_of(options["model"])
    label = options["model"].lower() if model is None else model_label(model)
    if of_queue and label != of_queue:
        raise CommandError(f"--model {options['model']}: the jobs of queue {options['queue']!r} are {of_queue}.")
    if model is None and not DeadLetter.objects.using(managers[0].using).filter(job_model=label).exists():
        known = ", ".join(manager.model._meta.label for manager in managers)
        raise CommandError(f"--model {options['model']}: there is no such model. Models with a queue: {known}.")
    return label


def _moment(given: datetime | timedelta | None, now: datetime) -> datetime | None:
    try:
        return now - given if isinstance(given, timedelta) else in_time_zone(given)
    except OverflowError as error:
        raise CommandError(f"{given} ago: the calendar does not go back that far.") from error
