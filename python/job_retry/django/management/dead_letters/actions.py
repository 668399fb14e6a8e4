"""``dead_letters actions``, ``resume``, ``stop`` and ``put-back``: what is, or was, being done with many letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.queues import clock_of
from job_retry.django.history.models import BulkAction
from job_retry.django.management.arguments import positive_integer
from job_retry.django.management.dead_letters.choice import add_queue, chosen_queues
from job_retry.django.management.dead_letters.subcommand import Subcommand
from job_retry.django.management.dead_letters.working import action_as_json, put_back, report, work
from job_retry.django.management.text import Column, harmless, write_table
from job_retry.django.management.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

SHOWN_ACTIONS = 20

COLUMNS = (
    Column("ID", is_number=True),
    Column("KIND"),
    Column("STATE"),
    Column("TOTAL", is_number=True),
    Column("DONE", is_number=True),
    Column("SKIPPED", is_number=True),
    Column("PUT BACK", is_number=True),
    Column("STARTED"),
    Column("BY"),
    Column("STOPPED BECAUSE"),
)


class Actions(Subcommand):
    """Lists bulk actions."""

    name = "actions"
    help = "List bulk actions, begun here or in the admin, the latest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_queue(parser)
        parser.add_argument(
            "--limit", type=positive_integer, default=SHOWN_ACTIONS, metavar="N", help="at most (default: %(default)s)"
        )

    def run(self, options: Mapping[str, Any]) -> None:
        """Print the actions."""
        using = chosen_queues(options)[0].using
        actions = BulkAction.objects.using(using).order_by("-pk")[: options["limit"]]
        if options["json"]:
            self.write_json_list(map(action_as_json, actions))
        elif actions:
            write_table(self.stdout, COLUMNS, [_cells(action) for action in actions])
        else:
            self.stdout.write("No bulk action is on record.")


class OfAction(Subcommand):
    """Does something with one bulk action."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("id", type=positive_integer, metavar="ID", help="a bulk action, as `actions` lists it")
        add_queue(parser)

    def run(self, options: Mapping[str, Any]) -> None:
        """Find the action, and do it."""
        using = chosen_queues(options)[0].using
        action = BulkAction.objects.using(using).filter(pk=options["id"]).first()
        if action is None:
            raise CommandError(f"There is no bulk action {options['id']}. `dead_letters actions` lists them.")
        try:
            self.act(action, options)
        except ValueError as error:
            raise CommandError(str(error)) from error

    def act(self, action: BulkAction, options: Mapping[str, Any]) -> None:
        """Do it; ValueError says why not."""
        raise NotImplementedError


class Resume(OfAction):
    """Goes on with a bulk action."""

    name = "resume"
    help = "Go on with a bulk action that was stopped, or whose process has ended."

    def act(self, action: BulkAction, options: Mapping[str, Any]) -> None:
        """Go on where it was."""
        if action.state != BulkAction.State.RUNNING:
            bulk.go_on(action, clock_of(str(action._state.db))())
        work(self, action, as_json=options["json"])


class Stop(OfAction):
    """Stops a bulk action."""

    name = "stop"
    help = "Stop a bulk action, a canary redrive too, after the chunk that is under way."

    def act(self, action: BulkAction, options: Mapping[str, Any]) -> None:
        """Stop it, and say how far it came."""
        if not bulk.stop(action, "stopped by manage.py dead_letters stop", clock_of(str(action._state.db))()):
            raise ValueError(f"Bulk action {action.pk} is {action.state} already.")
        report(self, action, as_json=options["json"])


class PutBack(OfAction):
    """Takes back what a bulk action has requeued."""

    name = "put-back"
    help = (
        "Make the jobs that a bulk action has requeued, and nobody has launched since, dead letters again as they "
        "were. An action that still goes on is stopped first. May be interrupted and run again."
    )

    def act(self, action: BulkAction, options: Mapping[str, Any]) -> None:
        """Put back what can be."""
        put_back(self, action, as_json=options["json"])


def _cells(action: BulkAction) -> list[str]:
    return [
        str(action.pk),
        action.kind,
        action.state,
        f"{action.total:,}",
        f"{action.done:,}",
        f"{sum(action.skipped.values()):,}",
        f"{action.put_back:,}",
        shown_moment(action.started_at),
        harmless(action.started_by),
        harmless(action.stopped_because),
    ]
