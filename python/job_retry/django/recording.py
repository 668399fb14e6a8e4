"""Writing what came of an attempt: once, and only while the attempt stands.

An attempt is a claim's token together with the attempt's serial and the count of failed attempts before it. A result
is matched by these and not by the status, since a launcher may have moved the job itself: what it set is taken over.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from django.db import connections, transaction

from job_retry.django import signals
from job_retry.django.history.ledger import enter
from job_retry.django.per_row import PerRow, per_row
from job_retry.django.protection import ENGINE_COLUMNS
from job_retry.django.states import SOURCES, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from typing_extensions import NotRequired

    from job_retry.django.claims import ColumnClaims
    from job_retry.django.history.insertion import LedgerRow
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")


class LaunchResult(TypedDict):
    """What `JobQueueManager.launch_job_with_retry` returns."""

    success: bool
    retry_scheduled: bool
    error: NotRequired[str]
    """Present where ``success`` is False; begins with ``Permanently failed: `` for a dead letter."""
    retry_in_seconds: NotRequired[float]
    """Present where ``retry_scheduled`` is True."""


class Attempt(NamedTuple):
    """Identifies one attempt at one job."""

    claim_token: UUID | None
    attempt_serial: int
    retry_count: int

    @classmethod
    def shown_by(cls, job: RetryableJob) -> Attempt:
        """Return the attempt that the instance shows."""
        return cls(job.claim_token, job.attempt_serial, job.retry_count)

    def stands_in(self, seen: Attempt | None) -> bool:
        """Return whether what `look` has seen is this attempt, its claim cleared or not."""
        return seen is not None and seen[1:] == self[1:]


def write(
    claims: ColumnClaims,
    job: RetryableJob,
    sources: tuple[str, ...],
    values: dict[str, Any],
    entry: LedgerRow | None = None,
) -> bool:
    """Write ``values`` if the row stands in one of ``sources`` at the attempt that the instance shows.

    A failed attempt has an ``entry`` for the ledger, which is written along. This and `write_together` are the places
    from which a result reaches the database. The instance shows ``values`` where they were written.
    """
    standing = claims.fenced(job).filter(status__in=sources)
    if entry is None:
        written = standing.update(**values)
    else:
        with transaction.atomic(using=claims.using):
            written = standing.update(**values)
            if written:
                enter(claims.using, [entry])
    if not written:
        return False
    job.show_engine_columns(values)
    return True


class Write(NamedTuple):
    """What is to be written of one attempt at a job that is launching."""

    job: Any
    attempt: Attempt
    values: dict[str, Any]
    entry: LedgerRow | None = None
    """For the ledger, of a failed attempt."""


ROWS_PER_STATEMENT = 200
"""What a statement on many rows saves is saved by then, and its locks and its size stay small."""


def write_together(claims: ColumnClaims, writes: Sequence[Write]) -> bool:
    """Write all, each as `write` would to a row in `Status.LAUNCHING` at its attempt, in few statements; or none.

    False, nothing written, where one of the rows has moved. The instances show what was written.
    """
    groups: dict[tuple[Any, ...], list[Write]] = defaultdict(list)
    for each in writes:
        groups[(each.values["status"], *each.values)].append(each)
    try:
        with transaction.atomic(using=claims.using):
            for group in groups.values():
                _write_group(claims, group)
            enter(claims.using, [each.entry for each in writes if each.entry])
    except _RowMovedError:
        return False
    for group in groups.values():
        for each in group:
            each.job.show_engine_columns(each.values)
    return True


class _RowMovedError(Exception):
    """Ends the transaction of `write_together` where not all rows are what they were."""


def _write_group(claims: ColumnClaims, group: Sequence[Write]) -> None:
    """Write to rows that get the same columns."""
    rows = ROWS_PER_STATEMENT
    limit = connections[claims.using].features.max_query_params
    if limit is not None:
        varying = sum(any(each.values[name] != value for each in group) for name, value in group[0].values.items())
        rows = max(1, min(rows, (limit - len(ENGINE_COLUMNS)) // (2 * (varying + len(Attempt._fields)) + 1)))
    for start in range(0, len(group), rows):
        _write_chunk(claims, group[start : start + rows])


def _write_chunk(claims: ColumnClaims, chunk: Sequence[Write]) -> None:
    """Write to rows that get the same columns, in one statement."""
    field = claims.model._meta.get_field
    keys = [each.job.pk for each in chunk]
    attempts = dict(zip(Attempt._fields, zip(*(each.attempt for each in chunk), strict=True), strict=True))
    guards = {name: per_row(dict(zip(keys, shown, strict=True)), field(name)) for name, shown in attempts.items()}
    # Always by row: where a key is of a kind that PerRow does not find, nothing matches, and nothing is written.
    serials = dict(zip(keys, attempts["attempt_serial"], strict=True))
    guards["attempt_serial"] = PerRow(serials, field("attempt_serial"))
    values = {
        name: per_row(dict(zip(keys, (each.values[name] for each in chunk), strict=True)), field(name))
        for name in chunk[0].values
    }
    standing = claims.jobs().filter(pk__in=keys, status=Status.LAUNCHING, **guards)
    if standing.update(**values) != len(chunk):
        raise _RowMovedError


def look(manager: JobQueueManager, job: RetryableJob, attempt: Attempt) -> Attempt | None:
    """Let the instance show its row, and return the attempt that the row shows.

    None where the row is gone or stands under another claim; then the instance is left as it is: with that token it
    could speak for a launch that is not its own. Where the row stands under the attempt's own, only the launcher can
    have changed the counts that the queue keeps of attempts, and they are put right: it is the queue that charges an
    attempt, once.
    """
    row = manager.claims.row(job).values(*ENGINE_COLUMNS).first()
    if row is None or row["claim_token"] not in (None, attempt.claim_token):
        return None
    counts = {"attempt_serial": attempt.attempt_serial, "retry_count": attempt.retry_count}
    if row["claim_token"] is not None and not counts.items() <= row.items():
        if not manager.claims.row(job).filter(claim_token=attempt.claim_token).update(**counts):
            return look(manager, job, attempt)
        logger.warning("Job %s: its launcher changed the queue's counts of attempts; they are put right.", job.pk)
        row.update(counts)
    job.show_engine_columns(row)
    return Attempt.shown_by(job)


def standing(claims: ColumnClaims, jobs: Collection[Any]) -> list[Any]:
    """Return those of ``jobs`` that are still launching at the attempt that the instance shows."""
    rows = claims.jobs().filter(pk__in=[job.pk for job in jobs], status=Status.LAUNCHING)
    # Mostly all are, and to count them is a tenth of reading them. A token stands for one attempt.
    if rows.filter(claim_token__in={job.claim_token for job in jobs}).count() == len(jobs):
        return list(jobs)
    shown = set(rows.values_list("pk", *Attempt._fields))
    return [job for job in jobs if (job.pk, *Attempt.shown_by(job)) in shown]


def sources_of(job: RetryableJob, target: Status) -> tuple[str, ...]:
    """Return the statuses from which a result of ``job`` may lead to ``target``.

    Under a token, any that the transition table knows, and whatever a launcher has set and left the claim: a status
    that the queue does not know, or ``target`` itself. Without one, the status that the instance shows.
    """
    if job.claim_token is None:
        return (job.status,) if job.status in SOURCES[target] else ()
    sources = (*SOURCES[target], target)
    return sources if job.status in Status.values else (*sources, job.status)


def passed_on(manager: JobQueueManager, job: RetryableJob) -> LaunchResult:
    """Say that the result of a launch came too late, or for a job that was called off; nothing was written."""
    logger.warning("Job %s: the claim of this launch has passed on; its result is ignored.", job.pk)
    signals.job_result_ignored.send_robust(sender=type(job), job=job, manager=manager)
    return {
        "success": False,
        "error": f"Job {job.pk}: the claim of this launch has passed on, its result was ignored",
        "retry_scheduled": False,
    }
