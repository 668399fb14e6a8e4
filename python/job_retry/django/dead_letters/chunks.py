"""One chunk of a bulk action: a handful of statements on many letters and their jobs, in the caller's transaction.

The order is always the same: the jobs, by key, and then their letters. Whoever retries or cancels a single job goes
that way too, so that nobody waits for somebody who waits for them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connections

from job_retry.django.dead_letters.queues import manager_of
from job_retry.django.history.keys import job_pk, model_of
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.per_row import per_row
from job_retry.django.states import Status, entry_update, requeue_values
from job_retry.django.times import seconds_after

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from django.db.models import QuerySet

    from job_retry.django.queue import JobQueueManager

KEPT = (
    "priority",
    "retry_strategy",
    "retry_count",
    "worker_losses",
    "attempt_serial",
    "launched_at",
    "failed_at",
    "last_error_at",
    "error_fingerprint",
)
"""Columns of a job that its letter keeps while the job is requeued. What the error said, the ledger has."""

JOB_GONE = "the job is gone"
JOB_MOVED = "the job is {status}"
NO_QUEUE = "no queue has the model {label}"

PARAMETERS_PER_LETTER = 3
"""Of a statement, at most: a key, and a key with a value of its own."""

_OTHER_PARAMETERS = 100
"""Of a statement, beside those that it has for each row."""


class MovedError(RuntimeError):
    """Letters were settled by somebody else after they were read; nothing is written."""


@dataclass(frozen=True, eq=False)
class Letter:
    """What a chunk needs to know of a letter."""

    pk: int
    job_model: str
    job_key: str
    failure_id: int | None
    settled_at: datetime | None
    previous: dict[str, Any] | None


@dataclass
class Chunk:
    """What one step has done."""

    done: int = 0
    """Letters that were requeued, discarded or put back."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason to the number of letters that were left as they are."""
    done_pks: dict[str, list[Any]] = field(default_factory=dict)
    """Label of a job model to the keys of its jobs that were written."""
    ended: bool = False
    """Whether nothing is left to be done."""


class Jobs(NamedTuple):
    """The jobs of some letters in one queue, locked."""

    manager: JobQueueManager
    label: str
    rows: dict[Letter, dict[str, Any]]
    """Letter to the columns of its job."""


def rows_that_fit(using: str, rows: int, parameters_per_row: int) -> int:
    """Return ``rows``, or as many as the database takes parameters for in one statement."""
    limit = connections[using].features.max_query_params
    if limit is None:
        return rows
    return max(1, min(rows, (limit - _OTHER_PARAMETERS) // parameters_per_row))


def read(letters: QuerySet[DeadLetter], limit: int) -> list[Letter]:
    """Return the first of ``letters``, by key."""
    rows = letters.order_by("pk").values_list(*(column.name for column in fields(Letter)))
    return [Letter(*row) for row in rows[:limit]]


def find(
    letters: Iterable[Letter], using: str, columns: Collection[str], *, lock: bool = True
) -> tuple[list[Jobs], dict[Letter, str]]:
    """Return the jobs of ``letters``, locked, with their ``columns``; and of those that have none, why."""
    by_label: dict[str, list[Letter]] = defaultdict(list)
    for letter in letters:
        by_label[letter.job_model].append(letter)
    found, left = [], {}
    for label, of_model in sorted(by_label.items()):
        model = model_of(label)
        manager = manager_of(model, using)
        if model is None:
            left.update(dict.fromkeys(of_model, JOB_GONE))
        elif manager is None:
            left.update(dict.fromkeys(of_model, NO_QUEUE.format(label=label)))
        else:
            keys = {letter: job_pk(model, letter.job_key) for letter in of_model}
            rows = _rows(manager, set(keys.values()) - {None}, columns, lock=lock)
            left.update({letter: JOB_GONE for letter, key in keys.items() if key not in rows})
            found.append(Jobs(manager, label, {letter: rows[key] for letter, key in keys.items() if key in rows}))
    return found, left


def _rows(
    manager: JobQueueManager, pks: Collection[Any], columns: Collection[str], *, lock: bool
) -> dict[Any, dict[str, Any]]:
    """Return the rows of jobs by key; with ``lock`` keep others from them. On SQLite the caller has the write lock."""
    rows = manager.jobs().filter(pk__in=pks).order_by("pk")
    if lock and connections[manager.using].features.has_select_for_update:
        rows = rows.select_for_update()
    return {row["pk"]: row for row in rows.values("pk", "status", *columns)}


def requeue(action: BulkAction, letters: Sequence[Letter], now: datetime) -> Chunk:
    """Queue the jobs of ``letters`` that are still failed."""
    found, left = find(letters, str(action._state.db), KEPT)
    chunk = Chunk()
    previous: dict[int, dict[str, Any]] = {}
    for jobs in found:
        failed = _failed(jobs, left)
        pks = _pks(failed)
        previous.update(_previous(jobs.manager, failed))
        _write(jobs.manager, pks, {**_requeue_values(action, now), **_spread_values(action, jobs.manager, pks, now)})
        chunk.done_pks[jobs.label] = pks
        jobs.manager.claims.wake_up.send()
    kept = per_row(previous, DeadLetter._meta.get_field("previous"))
    _settle(action, previous, now, state=DeadLetter.State.REQUEUED, previous=kept)
    chunk.done, chunk.skipped = len(previous), Counter(left.values())
    return chunk


def discard(action: BulkAction, letters: Sequence[Letter], now: datetime) -> Chunk:
    """Cancel the jobs of ``letters`` that are still failed. A letter whose job is gone is discarded all the same."""
    found, left = find(letters, str(action._state.db), ())
    chunk = Chunk()
    discarded = [letter.pk for letter, reason in left.items() if reason == JOB_GONE]
    left = {letter: reason for letter, reason in left.items() if reason != JOB_GONE}
    for jobs in found:
        failed = _failed(jobs, left)
        _write(jobs.manager, _pks(failed), entry_update(Status.CANCELLED, now))
        discarded += [letter.pk for letter in failed]
        chunk.done_pks[jobs.label] = _pks(failed)
    _settle(action, discarded, now, state=DeadLetter.State.DISCARDED)
    chunk.done, chunk.skipped = len(discarded), Counter(left.values())
    return chunk


def why_left(kind: str, letters: Sequence[Letter], using: str) -> Counter[str]:
    """Return why ``kind`` would leave letters as they are, if it were done now, and how many."""
    found, left = find(letters, using, (), lock=False)
    for jobs in found:
        _failed(jobs, left)
    is_discard = kind == BulkAction.Kind.DISCARD
    return Counter(reason for reason in left.values() if not (is_discard and reason == JOB_GONE))


def spread(due_at: datetime | None, now: datetime, gap_seconds: float, count: int) -> tuple[list[datetime], datetime]:
    """Return when each of ``count`` jobs is due, ``gap_seconds`` apart, and when the one after them is. Pure.

    The first one is due at ``due_at``; where that is past, everything is as much later.
    """
    first = now if due_at is None else max(now, due_at)
    return [seconds_after(first, gap_seconds * number) for number in range(count)], seconds_after(
        first, gap_seconds * count
    )


def _requeue_values(action: BulkAction, now: datetime) -> dict[str, Any]:
    values = {**entry_update(Status.QUEUED, now), **requeue_values(now, reset_count=action.fresh_count)}
    if action.priority is not None:
        values["priority"] = action.priority
    if action.strategy:
        values["retry_strategy"] = action.strategy
    return values


def _spread_values(action: BulkAction, manager: JobQueueManager, pks: Sequence[Any], now: datetime) -> dict[str, Any]:
    if not action.spread_seconds:
        return {}
    gap_seconds = action.spread_seconds / max(action.total, 1)
    moments, action.next_due_at = spread(action.next_due_at, now, gap_seconds, len(pks))
    column = manager.model._meta.get_field("scheduled_for")
    return {"scheduled_for": per_row(dict(zip(pks, moments, strict=True)), column)}


def _previous(manager: JobQueueManager, failed: Mapping[Letter, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return what each letter keeps, by its key; to be called before the jobs are written."""
    previous = {letter.pk: {name: _as_json(row[name]) for name in KEPT} for letter, row in failed.items()}
    # Errors may be long, so they are read only where nobody else has them.
    bare = {letter.pk: row["pk"] for letter, row in failed.items() if letter.failure_id is None}
    if bare:
        errors = dict(manager.jobs().filter(pk__in=bare.values()).values_list("pk", "last_error"))
        for letter_pk, job in bare.items():
            previous[letter_pk]["last_error"] = errors.get(job)
    return previous


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value  # to the microsecond, unlike Django's encoder


def _failed(jobs: Jobs, left: dict[Letter, str]) -> dict[Letter, dict[str, Any]]:
    """Return the jobs that are failed, and add to ``left`` why the others are left."""
    for letter, row in jobs.rows.items():
        if row["status"] != Status.FAILED:
            left[letter] = JOB_MOVED.format(status=row["status"])
    return {letter: row for letter, row in jobs.rows.items() if letter not in left}


def _pks(rows: Mapping[Letter, dict[str, Any]]) -> list[Any]:
    return list(dict.fromkeys(row["pk"] for row in rows.values()))


def _write(manager: JobQueueManager, pks: Collection[Any], values: Mapping[str, Any]) -> None:
    if pks and manager.jobs().filter(pk__in=pks, status=Status.FAILED).update(**values) != len(pks):
        raise MovedError


def _settle(action: BulkAction, pks: Collection[int], now: datetime, **values: Any) -> None:
    """Write what became of open letters; `MovedError` where one of them is no longer open."""
    if not pks:
        return
    letters = DeadLetter.objects.using(action._state.db).filter(pk__in=pks, state=DeadLetter.State.OPEN)
    settled = letters.update(
        settled_at=now, settled_by=action.started_by, note=action.note, bulk_action=action, **values
    )
    if settled != len(pks):
        raise MovedError


CHUNKS: Mapping[str, Callable[[BulkAction, Sequence[Letter], datetime], Chunk]] = {
    BulkAction.Kind.REQUEUE: requeue,
    BulkAction.Kind.CANARY: requeue,
    BulkAction.Kind.DISCARD: discard,
}
"""Kind of an action to what is done with a chunk."""
