"""What the tests of dead letters share, and the benchmarks: dead letters by the thousand."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db.models import AutoField
from job_retry.django.error_text import error_fingerprint
from job_retry.django.history.keys import job_key, model_label
from job_retry.django.history.models import DeadLetter, FailedAttempt
from job_retry.django.judgement import Judgement, judge
from job_retry.django.states import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from job_retry.django.queue import JobQueueManager

ERROR = "dial tcp 10.0.0.7:5432: connection refused"

BATCH_ROWS = 1000
"""Jobs that are in memory together."""

_LETTER_COLUMNS = {field.name for field in DeadLetter._meta.concrete_fields}


def dead(
    manager: JobQueueManager, count: int, error: str | Callable[[int], str] = ERROR, **options: Any
) -> list[DeadLetter]:
    """Return ``count`` new open dead letters of failed jobs of ``manager``'s; ``options`` as of `dead_in_batches`."""
    return [letter for batch in dead_in_batches(manager, count, error, **options) for letter in batch]


def dead_in_batches(
    manager: JobQueueManager,
    count: int,
    error: str | Callable[[int], str] = ERROR,
    *,
    died_at: datetime | Callable[[int], datetime] | None = None,
    job: Mapping[str, Any] | Callable[[int], Mapping[str, Any]] | None = None,
    **letter: Any,
) -> Iterator[list[DeadLetter]]:
    """Make dead letters, each with its failed job and the row of its last failure, and yield `BATCH_ROWS` at a time.

    ``error``, ``died_at`` (default: now) and ``job`` (columns of the jobs) may each be a function of the number of the
    letter, from 0. ``letter`` are columns of the letters, and those of them that the ledger has, of its rows.
    """
    now = manager.clock() if died_at is None else died_at
    numbers = iter(range(count))
    while batch := list(islice(numbers, BATCH_ROWS)):
        errors = [error(number) if callable(error) else error for number in batch]
        moments = [now(number) if callable(now) else now for number in batch]
        columns = [(job(number) if callable(job) else job) or {} for number in batch]
        rows = list(map(_failed_job, [manager] * len(batch), errors, moments, columns))
        jobs = manager.jobs().bulk_create(rows)
        failures = [_failure(manager, *each, letter) for each in zip(jobs, errors, moments, strict=True)]
        failures = FailedAttempt.objects.using(manager.using).bulk_create(failures)
        letters = [_letter(failure, job, letter) for failure, job in zip(failures, jobs, strict=True)]
        yield DeadLetter.objects.using(manager.using).bulk_create(letters)


def job_of(letter: DeadLetter, manager: JobQueueManager) -> Any:
    """Return the job of a letter, as the database has it."""
    return manager.jobs().get(pk=letter.job_key)


def _failed_job(manager: JobQueueManager, error: str, moment: datetime, columns: Mapping[str, Any]) -> Any:
    key = manager.model._meta.pk
    if not isinstance(key, AutoField) and key.attname not in columns and not key.has_default():
        columns = {key.attname: f"job-{uuid4().hex}", **columns}
    return manager.model(
        **{
            "status": Status.FAILED,
            "failed_at": moment,
            "retry_count": 3,
            "attempt_serial": 3,
            "last_error": error,
            "last_error_at": moment,
            "error_fingerprint": error_fingerprint(error),
            **columns,
        }
    )


def _failure(
    manager: JobQueueManager, job: Any, error: str, moment: datetime, letter: Mapping[str, Any]
) -> FailedAttempt:
    classifier: Any = manager.classifier  # whatever it is, it has a hash
    judgement = _judgement(classifier, error)
    return FailedAttempt(
        **{
            "job_model": model_label(manager.model),
            "job_key": job_key(manager.using, manager.model, job.pk),
            "fingerprint": job.error_fingerprint,
            "verdict": judgement.error_type.value,
            "rule": judgement.rule or "",
            "why": judgement.why,
            "strategy": "default",
            "attempt": job.retry_count,
            "attempt_serial": job.attempt_serial,
            "started_at": moment - timedelta(seconds=2),
            "failed_at": moment,
            "error": error,
            "reason": DeadLetter.Reason.LIMIT.value,
            "worker": "host:1:test",
            **{name: value for name, value in letter.items() if name in _SHARED_COLUMNS},
        }
    )


def _letter(failure: FailedAttempt, job: Any, letter: Mapping[str, Any]) -> DeadLetter:
    shared = {name: getattr(failure, name) for name in _SHARED_COLUMNS}
    return DeadLetter(
        **{**shared, "failure": failure, "died_at": failure.failed_at, "retry_count": job.retry_count, **letter}
    )


_SHARED_COLUMNS = {field.name for field in FailedAttempt._meta.concrete_fields} & _LETTER_COLUMNS - {"id"}
"""What both tables have."""


@lru_cache(maxsize=1024)
def _judgement(classifier: Any, error: str) -> Judgement:
    return judge(classifier, error)
