"""Doing one thing with many dead letters: requeue or discard them chunk by chunk, and put back what was requeued.

All that there is to know of an action is in its row (`BulkAction`), which each chunk writes in its own transaction. So
it may be interrupted at any moment, and anybody may go on with it, also several at once: each letter has its turn once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import transaction
from django.db.models import Count, Max

from job_retry.django import signals
from job_retry.django.dead_letters import chunks, returning
from job_retry.django.dead_letters.chunks import Chunk, MovedError
from job_retry.django.dead_letters.options import Options, check
from job_retry.django.dead_letters.queues import clock_of, manager_of
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.keys import model_of
from job_retry.django.history.models import USER_CHARACTERS, BulkAction, DeadLetter
from job_retry.django.locking import locked_row
from job_retry.django.outages import asked_twice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

ResultT = TypeVar("ResultT")
Record = Callable[[BulkAction, ResultT], None]
"""Called with an action's row and what was done, in the transaction that has written it: to write more there."""

logger = logging.getLogger("job_retry.queue")

CHUNK_LETTERS = 1000
"""What one transaction writes: few enough to be over in a moment, so that nobody waits long for a job in it."""

MOVES = 5
"""How often a chunk is begun anew where others settle letters of it at the same time."""

NOT_OPEN = "no longer an open dead letter"

Kind, State = BulkAction.Kind, BulkAction.State


class NothingToDoError(ValueError):
    """No open dead letter is meant."""


def begin(
    using: str,
    selection: Selection,
    kind: str,
    *,
    by: str,
    now: datetime,
    up_to: int | None = None,
    **options: Any,
) -> BulkAction:
    """Record that ``kind`` is to be done with the open letters of ``selection``, and return the action; does no more.

    ``by`` is a user's name, or "" for a program; ``options`` are those of `Options`. Only letters that are there now
    are meant, and none with a key above ``up_to``, if that is given: the last one that somebody was shown. ValueError
    names what cannot be, `NothingToDoError` says that there are none.
    """
    chosen = Options(**options)
    check(kind, chosen)
    selection = open_ones(selection)
    if kind == Kind.CANARY:
        selection = _of_one_queue(selection, using)
    letters = selection.letters(using)
    if up_to is not None:
        letters = letters.filter(pk__lte=up_to)
    found = letters.aggregate(total=Count("pk"), up_to=Max("pk"))
    if not found["total"]:
        raise NothingToDoError("No open dead letter is left of those that were chosen.")
    action: BulkAction = BulkAction.objects.using(using).create(
        kind=kind,
        selection=selection.as_json(),
        started_by=by[:USER_CHARACTERS],
        started_at=now,
        stepped_at=now,
        **found,
        **vars(chosen),
    )
    manager = manager_of(model_of(selection.model), using)
    if kind == Kind.CANARY and manager is not None:
        manager.claims.wake_up.send()
    logger.info("Bulk action %d (%s) on %d dead letters begun by %s.", action.pk, kind, action.total, by or "a program")
    return action


def open_ones(selection: Selection) -> Selection:
    """Return the selection of those that something can be done with; ValueError where others are asked for."""
    if selection.state not in ("", DeadLetter.State.OPEN):
        raise ValueError(f"Only open dead letters can be requeued or discarded, not those that are {selection.state}.")
    return selection.only(state=DeadLetter.State.OPEN.value)


def _of_one_queue(selection: Selection, using: str) -> Selection:
    """Return the selection with its job model, whose workers drive a canary redrive."""
    labels = (
        [selection.model]
        if selection.model
        else sorted(selection.letters(using).order_by().values_list("job_model", flat=True).distinct())
    )
    if len(labels) > 1:
        raise ValueError(f"A canary redrive is of one job model; choose one of {', '.join(labels)}.")
    if labels:
        model = model_of(labels[0])
        if model is None or manager_of(model, using) is None:
            raise ValueError(f"A canary redrive is driven by workers, and {chunks.NO_QUEUE.format(label=labels[0])}.")
        return selection.only(model=labels[0])
    return selection


def step(
    action: BulkAction, now: datetime, chunk: int = CHUNK_LETTERS, *, record: Record[Chunk] | None = None
) -> Chunk:
    """Do the next ``chunk`` letters of ``action`` in one transaction, and let the instance show its row afterwards.

    Where the action does not go on, nothing is done and the chunk is ``ended``. ValueError for a canary redrive, which
    the workers drive, and where the row is gone.
    """
    if action.kind == Kind.CANARY:
        raise ValueError(f"Bulk action {action.pk} is a canary redrive; the workers of its queue go on with it.")

    def work(row: BulkAction) -> Chunk:
        return advance(row, now, chunk) if row.state == State.RUNNING else Chunk(ended=True)

    done = _in_turn(action, work, record)
    announce(action, done)
    return done


def run(action: BulkAction, clock: Callable[[], datetime] | None = None, chunk: int = CHUNK_LETTERS) -> Iterator[Chunk]:
    """Go on with ``action`` until it ends, and yield what was done in each chunk.

    ``clock`` returns now; by default it is that of the queues in the action's database.
    """
    return _steps(step, action, clock, chunk)


def stop(action: BulkAction, why: str, now: datetime, *, record: Record[bool] | None = None) -> bool:
    """Let ``action`` do no more after the chunk under way; False where it does not go on anyway."""

    def work(row: BulkAction) -> bool:
        if not row.is_live:
            return False
        row.state, row.stopped_because, row.ended_at = State.STOPPED, why, now
        return True

    return _in_turn(action, work, record)


def go_on(action: BulkAction, now: datetime, *, record: Record[None] | None = None) -> None:
    """Let a requeue or a discard that was stopped go on where it was; ValueError where it cannot."""

    def work(row: BulkAction) -> None:
        if row.kind == Kind.CANARY or row.state != State.STOPPED:
            raise ValueError(
                f"Bulk action {row.pk}, a {row.kind}, is {row.state} and cannot go on. What it has left is open; "
                "begin another with it."
            )
        row.state, row.stopped_because, row.ended_at, row.stepped_at = State.RUNNING, "", None, now

    _in_turn(action, work, record)


def put_back_step(
    action: BulkAction, now: datetime, chunk: int = CHUNK_LETTERS, *, record: Record[Chunk] | None = None
) -> Chunk:
    """Make up to ``chunk`` jobs that ``action`` requeued, and nobody has launched, dead letters again.

    In one transaction. An action that still goes on is stopped first. ValueError for a discard.
    """
    if action.kind == Kind.DISCARD:
        raise ValueError(f"Bulk action {action.pk} is a discard, which is for good: its jobs are cancelled.")

    def work(row: BulkAction) -> Chunk:
        if row.is_live:
            row.state, row.stopped_because, row.ended_at = State.STOPPED, "put back", now
        return returning.put_back(row, now, chunk)

    return _in_turn(action, work, record)


def put_back(
    action: BulkAction, clock: Callable[[], datetime] | None = None, chunk: int = CHUNK_LETTERS
) -> Iterator[Chunk]:
    """Put back all that can be, and yield what was done in each chunk; see `put_back_step` and `run`."""
    return _steps(put_back_step, action, clock, chunk)


def _steps(
    take: Callable[[BulkAction, datetime, int], Chunk],
    action: BulkAction,
    clock: Callable[[], datetime] | None,
    chunk: int,
) -> Iterator[Chunk]:
    clock = clock or clock_of(_using(action))
    while True:
        done = take(action, clock(), chunk)
        yield done
        if done.ended:
            return


def advance(row: BulkAction, now: datetime, limit: int) -> Chunk:
    """Do the next ``limit`` letters at most of an action whose row is locked, and change the row, unsaved."""
    using = _using(row)
    limit = chunks.rows_that_fit(using, limit, chunks.PARAMETERS_PER_LETTER)
    selection = Selection.from_json(row.selection)
    letters = chunks.read(selection.letters(using).filter(pk__gt=row.cursor, pk__lte=row.up_to), limit)
    chunk = chunks.CHUNKS[row.kind](row, letters, now)
    chunk.ended = len(letters) < limit
    row.cursor = row.up_to if chunk.ended else letters[-1].pk
    row.done += chunk.done
    row.stepped_at = now
    row.skipped = dict(Counter(row.skipped) + chunk.skipped)
    missing = row.total - row.handled
    if chunk.ended and missing > 0:  # settled by somebody else before their turn came
        row.skipped[NOT_OPEN] = row.skipped.get(NOT_OPEN, 0) + missing
        chunk.skipped[NOT_OPEN] += missing
    if chunk.ended and row.kind != Kind.CANARY:
        row.state, row.ended_at = State.DONE, now
    return chunk


_CHANGING = (
    "state",
    "stopped_because",
    "cursor",
    "done",
    "skipped",
    "put_back",
    "put_back_cursor",
    "stepped_at",
    "next_due_at",
    "ramping_since",
    "ended_at",
)
"""Columns of an action's row that change while it goes on."""


def save(row: BulkAction) -> None:
    """Write what has changed of an action whose row is locked."""
    row.save(using=_using(row), update_fields=_CHANGING)


def _in_turn(
    action: BulkAction, work: Callable[[BulkAction], ResultT], record: Record[ResultT] | None = None
) -> ResultT:
    """Let ``work`` change the action's row while nobody else can; ``action`` shows it afterwards."""
    using = _using(action)

    def attempt() -> tuple[BulkAction, ResultT]:
        with transaction.atomic(using=using):
            row = locked_row(BulkAction.objects.using(using).filter(pk=action.pk))
            if row is None:
                raise ValueError(f"Bulk action {action.pk} is gone.")
            result = work(row)
            save(row)
            if record is not None:
                record(row, result)
        return row, result

    for moves_left in reversed(range(MOVES)):
        try:
            row, result = asked_twice(using, attempt)
            break
        except MovedError:
            if not moves_left:
                raise
    for name in _CHANGING:
        setattr(action, name, getattr(row, name))
    return result


def announce(action: BulkAction, chunk: Chunk) -> None:
    """Log what was requeued, and tell the receivers of `signals.job_requeued`, if there are any, of each job."""
    logger.info("Bulk action %d (%s): %d done, %d skipped.", action.pk, action.kind, chunk.done, chunk.skipped.total())
    if action.kind == Kind.DISCARD:
        return
    for label, pks in chunk.done_pks.items():
        manager = manager_of(model_of(label), _using(action))
        if manager is None or not signals.job_requeued.has_listeners(manager.model):
            continue
        for job in manager.jobs().filter(pk__in=pks):
            signals.job_requeued.send_robust(sender=type(job), job=job, manager=manager, count_reset=action.fresh_count)


def _using(action: BulkAction) -> str:
    return str(action._state.db)
