"""Canary redrives: requeue a few dead letters first, and the rest at a rate, only as long as the error stays away.

`decide` says what comes next, from the action's row and what is seen of its jobs; `step_all`, which each worker of the
queue calls once a poll, writes it. Several workers take turns, and a worker that is lost leaves a row with which the
next one goes on.

A canary has passed when its job is completed, or has failed of something else: then the error that the redrive is about
has not come back. A detached run counts as under way as long as it may still be reported on.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.utils.text import Truncator

from job_retry.django.dead_letters import bulk, returning
from job_retry.django.dead_letters.canaries import failed_as_before, requeued_by
from job_retry.django.dead_letters.chunks import Chunk, MovedError
from job_retry.django.dead_letters.letters import telling_line
from job_retry.django.error_text import clean_error_text, clean_traceback, error_text
from job_retry.django.expressions import StatusIn
from job_retry.django.history.keys import job_pk, model_label
from job_retry.django.history.models import BulkAction
from job_retry.django.locking import locked_row
from job_retry.django.outages import OUTAGE_ERRORS
from job_retry.django.states import CLAIMED, WAITING, Status
from job_retry.django.times import seconds_after

if TYPE_CHECKING:
    from datetime import datetime

    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")

RUN_TRUSTED_SECONDS = 900
"""A detached run without a lease, of which nothing may ever be heard, has passed when it has lasted so long."""

CATCH_UP_SECONDS = 60
"""How much of the rate is made up for after a time without a worker; more would be no rate any more."""

LATE_SECONDS = 600
"""How much later than it happened a failure may come on record, and is still seen."""

SHOWN_CHARACTERS = 200

State = BulkAction.State


class Seen(NamedTuple):
    """What is seen of the jobs that a canary redrive has requeued."""

    under_way: bool
    """Whether one of them waits or runs. Not looked at, and False, where it makes no difference."""
    returned: str
    """Which error has come back, and at which job; "" where none has."""


class Move(Enum):
    """What a canary redrive does next."""

    REQUEUE = "requeue"
    """Some more letters."""
    WATCH = "watch"
    """Nothing, until the jobs under way have ended."""
    WAIT = "wait"
    """Nothing, until the rate allows the next."""
    GO_ON = "go on"
    """With the rest: the canaries have passed."""
    STOP = "stop"
    """Begin to put back what is not launched: the error has come back."""
    PUT_BACK = "put back"
    """Go on with putting back."""
    END = "end"
    """All is done."""


class Decision(NamedTuple):
    """What is to be done now."""

    move: Move
    letters: int = 0
    """How many at most, of a requeue."""


def decide(action: BulkAction, seen: Seen, now: datetime) -> Decision:
    """Return what an action that has not ended does next. Pure."""
    if action.state == State.STOPPED:
        return Decision(Move.PUT_BACK)
    if seen.returned:
        return Decision(Move.STOP)
    if _is_exhausted(action):
        return Decision(Move.WATCH if seen.under_way else Move.END)
    if action.ramping_since is None:
        canaries_left = action.canary_size - action.done
        if canaries_left > 0:
            return Decision(Move.REQUEUE, canaries_left)
        return Decision(Move.WATCH if seen.under_way else Move.GO_ON)
    letters = _allowed(action, now)
    return Decision(Move.REQUEUE, letters) if letters else Decision(Move.WAIT)


def _is_exhausted(action: BulkAction) -> bool:
    return bool(action.cursor >= action.up_to)


def _allowed(action: BulkAction, now: datetime) -> int:
    """Return how many letters the rate allows now."""
    due_at = _due_at(action, now)
    if now < due_at:
        return 0
    due = (now - due_at).total_seconds() * action.rate_per_minute / 60
    return min(int(due) + 1, bulk.CHUNK_LETTERS)


def _due_at(action: BulkAction, now: datetime) -> datetime:
    """Return from when on the next letter may be requeued, as far as it is to be made up for."""
    return max(action.next_due_at or now, now - timedelta(seconds=CATCH_UP_SECONDS))


def live_actions(manager: JobQueueManager) -> list[BulkAction]:
    """Return the canary redrives of a queue that have not ended, those included that are being put back."""
    actions = BulkAction.objects.using(manager.using).filter(kind=BulkAction.Kind.CANARY, ended_at__isnull=True)
    label = model_label(manager.model)
    return [action for action in actions.order_by("pk") if action.selection.get("model") == label]


def step_all(manager: JobQueueManager, now: datetime) -> bool:
    """Do one step of each canary redrive of a queue, and return whether one is left that has not ended.

    Where another worker has an action in hand, it is left to that. One that cannot go on is stopped, and says why.
    """
    actions = live_actions(manager)
    for action in actions:
        _step_or_stop(manager, action, now)
    return bool(actions)


def _step_or_stop(manager: JobQueueManager, action: BulkAction, now: datetime) -> None:
    try:
        _step(manager, action, now)
    except OUTAGE_ERRORS:
        raise
    except MovedError:
        logger.info("Bulk action %d: others settle its letters just now; it goes on at the next poll.", action.pk)
    except Exception as error:
        logger.error("Bulk action %d could not go on.\n%s", action.pk, clean_traceback(error))
        why = f"could not go on: {clean_error_text(error_text(error))}"
        row = BulkAction.objects.using(manager.using).filter(pk=action.pk, ended_at__isnull=True)
        row.update(state=State.STOPPED, stopped_because=why, ended_at=now)


def _step(manager: JobQueueManager, action: BulkAction, now: datetime) -> None:
    rows = BulkAction.objects.using(manager.using).filter(pk=action.pk, ended_at__isnull=True)
    with transaction.atomic(using=manager.using):
        row = locked_row(rows, skip_locked=True)
        if row is None:
            return
        seen = _look(manager, row, now)
        chunk = _do(row, decide(row, seen, now), seen, now)
    if chunk.done and row.state != State.STOPPED:
        bulk.announce(row, chunk)


def _do(row: BulkAction, decision: Decision, seen: Seen, now: datetime) -> Chunk:
    """Do what was decided of an action whose row is locked, and write the row."""
    chunk, before = Chunk(), row.state
    if decision.move is Move.REQUEUE:
        chunk = bulk.advance(row, now, decision.letters)
    elif decision.move in (Move.STOP, Move.PUT_BACK):
        chunk = returning.put_back(row, now, bulk.CHUNK_LETTERS)
    proceed(row, decision, chunk, seen, now)
    if decision.move is Move.STOP:
        logger.warning("Bulk action %d is stopped, and put back: %s", row.pk, seen.returned)
    if decision.move is not Move.WAIT and (decision.move is not Move.WATCH or row.state != before):
        bulk.save(row)
    return chunk


def proceed(row: BulkAction, decision: Decision, chunk: Chunk, seen: Seen, now: datetime) -> None:
    """Change what the row of an action says of how far it is, unsaved, after ``chunk`` has been done."""
    move = decision.move
    if move is Move.REQUEUE:
        row.state = State.RUNNING
        if row.ramping_since is not None:
            row.next_due_at = seconds_after(_due_at(row, now), chunk.done * 60 / row.rate_per_minute)
    elif move is Move.WATCH:
        row.state = State.WATCHING
    elif move is Move.GO_ON:
        row.state, row.ramping_since, row.next_due_at = State.RUNNING, now, now
    elif move is Move.END:
        row.state, row.ended_at = State.DONE, now
    elif move in (Move.STOP, Move.PUT_BACK):
        row.state, row.stopped_because = State.STOPPED, seen.returned or row.stopped_because
        row.ended_at = now if chunk.ended else None


def _look(manager: JobQueueManager, row: BulkAction, now: datetime) -> Seen:
    if row.state == State.STOPPED:
        return Seen(under_way=False, returned="")
    returned = _returned(row) if row.done else ""
    is_waited_for = _is_exhausted(row) or (row.ramping_since is None and row.done >= row.canary_size)
    return Seen(is_waited_for and not returned and _is_under_way(manager, row, now), returned)


def _returned(row: BulkAction) -> str:
    """Say which error of those that were requeued has come back since; "" where none has."""
    since = max(row.started_at, row.stepped_at - timedelta(seconds=LATE_SECONDS))
    first = (
        failed_as_before(requeued_by(row), since).order_by("failed_at", "pk").values_list("job_key", "error").first()
    )
    if first is None:
        return ""
    key, error = first
    return f"the error has come back, at job {key}: {Truncator(telling_line(error)).chars(SHOWN_CHARACTERS)}"


def _is_under_way(manager: JobQueueManager, row: BulkAction, now: datetime) -> bool:
    """Return whether the end of a requeued job is still to come."""
    trusted_since = now - timedelta(seconds=RUN_TRUSTED_SECONDS)
    is_trusted = Q(status=Status.RUNNING, lease_expires_at__isnull=True, launched_at__lt=trusted_since)
    jobs: Any = manager.jobs().filter(StatusIn(*WAITING, *CLAIMED)).exclude(is_trusted)
    requeued = requeued_by(row)
    if row.ramping_since is None:
        # A few jobs, perhaps of many that wait.
        pks = {job_pk(manager.model, key) for key in requeued.values_list("job_key", flat=True)}
        return bool(jobs.filter(pk__in=pks - {None}).exists())
    # Perhaps many letters, of which few jobs are still under way.
    letters = requeued.filter(job_model=model_label(manager.model), job_key=OuterRef("letter_key"))
    return bool(jobs.alias(letter_key=Cast("pk", TextField())).filter(Exists(letters)).exists())
