"""Putting back what an action has requeued: jobs that nobody has launched since are dead letters again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.utils.dateparse import parse_datetime

from job_retry.django.dead_letters.canaries import requeued_by
from job_retry.django.dead_letters.chunks import JOB_MOVED, KEPT, Chunk, MovedError, find, read, rows_that_fit
from job_retry.django.history.models import DeadLetter, FailedAttempt
from job_retry.django.per_row import per_row
from job_retry.django.states import Status, entry_update

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from job_retry.django.dead_letters.chunks import Jobs, Letter
    from job_retry.django.history.models import BulkAction

LAUNCHED = "the job was launched"
MAYBE_LAUNCHED = "the job may have been launched: its worker was lost"
QUEUED_ANEW = "the job was queued anew"

_RESTORED = (*(name for name in KEPT if name != "attempt_serial"), "last_error")
_MOMENTS = ("launched_at", "failed_at", "last_error_at")
_PARAMETERS_PER_LETTER = 2 * len(_RESTORED) + 1


def put_back(row: BulkAction, now: datetime, limit: int) -> Chunk:
    """Put back the next ``limit`` letters at most of an action whose row is locked, and change the row, unsaved."""
    using = str(row._state.db)
    limit = rows_that_fit(using, limit, _PARAMETERS_PER_LETTER)
    requeued = requeued_by(row)
    letters = read(requeued.filter(pk__gt=row.put_back_cursor), limit)
    found, left = find(letters, using, ("attempt_serial", "queued_at", "lease_expires_at"))
    chunk = Chunk(ended=len(letters) < limit)
    returned: list[Letter] = []
    for jobs in found:
        left.update(_why_not(jobs))
        waiting = [letter for letter in jobs.rows if letter not in left]
        if waiting:
            _write(jobs, waiting, now)
        returned += waiting
        chunk.done_pks[jobs.label] = [jobs.rows[letter]["pk"] for letter in waiting]
    pks = [letter.pk for letter in returned]
    opened = requeued.filter(pk__in=pks).update(
        state=DeadLetter.State.OPEN,
        settled_at=None,
        settled_by="",
        note="",
        bulk_action=None,
        previous=None,
        put_back_at=now,
        put_back_from=row,
    )
    if opened != len(pks):
        raise MovedError
    chunk.done, chunk.skipped = len(pks), Counter(left.values())
    row.put_back += chunk.done
    row.put_back_cursor = 0 if chunk.ended else letters[-1].pk
    row.stepped_at = now
    return chunk


def _why_not(jobs: Jobs) -> dict[Letter, str]:
    """Return why jobs are not put back: they do not stand as they were queued."""
    reasons = {}
    for letter, job in jobs.rows.items():
        previous = letter.previous or {}
        if job["status"] != Status.QUEUED:
            reasons[letter] = JOB_MOVED.format(status=job["status"])
        elif job["attempt_serial"] != previous.get("attempt_serial"):
            reasons[letter] = LAUNCHED
        elif job["queued_at"] != letter.settled_at:
            reasons[letter] = QUEUED_ANEW
        elif job["lease_expires_at"] is not None:  # a suspect; its serial was taken back when it was rescued
            reasons[letter] = MAYBE_LAUNCHED
    return reasons


def _write(jobs: Jobs, letters: list[Letter], now: datetime) -> None:
    """Let jobs stand as they stood when they were dead letters."""
    model, using = jobs.manager.model, jobs.manager.using
    failures = FailedAttempt.objects.using(using).filter(pk__in=[letter.failure_id for letter in letters])
    errors = dict(failures.values_list("pk", "error"))
    before = {jobs.rows[letter]["pk"]: _before(letter, errors) for letter in letters}
    restored = {
        name: per_row({pk: values[name] for pk, values in before.items()}, model._meta.get_field(name))
        for name in _RESTORED
    }
    waiting = jobs.manager.jobs().filter(pk__in=list(before), status=Status.QUEUED)
    if waiting.update(**{**entry_update(Status.FAILED, now), **restored}) != len(before):
        raise MovedError


def _before(letter: Letter, errors: Mapping[int, str]) -> dict[str, Any]:
    """Return the columns of a job as they were before it was requeued."""
    previous = letter.previous or {}
    values = {name: previous.get(name) for name in _RESTORED}
    values.update({name: parse_datetime(previous[name]) for name in _MOMENTS if previous.get(name)})
    if letter.failure_id is not None:
        values["last_error"] = errors.get(letter.failure_id)
    return values
