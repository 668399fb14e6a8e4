"""What is done about a bulk action in one request, with its entries in Django's admin log in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import CHANGE

from job_retry.django.admin.dead_letters.log import log, log_jobs, with_the_rest
from job_retry.django.admin.dead_letters.progress import GO_ON, PUT_BACK, STEP, STOP, Step
from job_retry.django.admin.dead_letters.selection_words import result_in_words
from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.queues import clock_of
from job_retry.django.history.models import BulkAction

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.http import HttpRequest

    from job_retry.django.dead_letters.chunks import Chunk

    Record = Callable[[BulkAction, Any], None]

JOB_MESSAGES = {
    BulkAction.Kind.REQUEUE.value: "Requeued by bulk action %d.",
    BulkAction.Kind.DISCARD.value: "Discarded by bulk action %d.",
}
"""What the history of each job says."""


def now_of(action: BulkAction) -> datetime:
    """Return the time by the clock that the workers of the action's jobs go by."""
    return clock_of(str(action._state.db))()


def step(request: HttpRequest, action: BulkAction) -> Chunk:
    """Do the next chunk."""

    def record(row: BulkAction, chunk: Chunk) -> None:
        log_jobs(request, chunk.done_pks, JOB_MESSAGES[row.kind] % row.pk)
        if chunk.ended and row.ended_at == now:  # not by somebody else before
            log(request, [row], CHANGE, f"Ended: {result_in_words(row)}.")

    now = now_of(action)
    return bulk.step(action, now, record=_together(record))


def stop(request: HttpRequest, action: BulkAction) -> None:
    """Let it do no more after the chunk under way."""

    def record(row: BulkAction, was_live: bool) -> None:
        if was_live:
            log(request, [row], CHANGE, f"Stopped: {result_in_words(row)}.")

    bulk.stop(action, f"by {request.user.get_username()}", now_of(action), record=_together(record))


def go_on(request: HttpRequest, action: BulkAction) -> None:
    """Let it go on after it was stopped."""

    def record(row: BulkAction, _result: None) -> None:
        log(request, [row], CHANGE, f"Goes on: {result_in_words(row)}.")

    bulk.go_on(action, now_of(action), record=_together(record))


def put_back(request: HttpRequest, action: BulkAction) -> Chunk:
    """Put a chunk of what it has requeued back to where it was."""

    def record(row: BulkAction, chunk: Chunk) -> None:
        log_jobs(request, chunk.done_pks, f"Put back by bulk action {row.pk}.")
        if chunk.done:
            log(request, [row], CHANGE, f"Put back: {result_in_words(row)}.")

    return bulk.put_back_step(action, now_of(action), record=_together(record))


def _together(record: Record) -> Record:
    """Return ``record`` for the transaction of the step, or for after it, where the log is in another database."""
    return lambda row, result: with_the_rest(str(row._state.db), lambda: record(row, result))


def done_if_small(request: HttpRequest, action: BulkAction) -> None:
    """Do an action at once that is over in a moment; even few letters may be several chunks."""
    if action.kind == BulkAction.Kind.CANARY or action.total > bulk.CHUNK_LETTERS:
        return
    while not step(request, action).ended:
        pass


PERFORM: dict[Step, Callable[[HttpRequest, BulkAction], Chunk | None]] = {
    STEP: step,
    STOP: stop,
    GO_ON: go_on,
    PUT_BACK: put_back,
}
