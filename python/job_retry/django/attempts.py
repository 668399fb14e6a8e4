"""One attempt at one claimed job: call the launcher, then have written what came of it.

`JobQueueManager` decides *that* a job is launched; this module knows what a launch may do to its surroundings: raise,
break the database connection, leave a transaction open. What it may do to the job's row is known to `results`. A worker
has what came of many launches written at once, by `outcomes`.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections, transaction
from django.db.models import Q

from job_retry.django.error_text import RaisedErrorText, clean_traceback
from job_retry.django.launcher import LaunchOutcome, call_launcher
from job_retry.django.outages import OUTAGE_ERRORS, Outage, asked_twice
from job_retry.django.recording import Attempt, LaunchResult, look
from job_retry.django.results import LaunchReport, record_launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper

    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")


def refuse_open_transaction(using: str) -> None:
    """Raise RuntimeError where the caller has a transaction open; Django's ``TestCase`` is let through."""
    connection = connections[using]
    open_transaction = not connection.get_autocommit()
    if connection.in_atomic_block:
        try:
            with transaction.atomic(using=using, durable=True):
                open_transaction = False
        except RuntimeError:
            open_transaction = True
    if open_transaction:
        raise RuntimeError(
            "A job cannot be launched inside a transaction: its row would stay locked as long as the launch takes, "
            "and a rollback would forget that it was launched. Launch it after the block, for instance with "
            "transaction.on_commit(lambda: manager.launch_job_with_retry(job)), or leave it to the worker."
        )


@dataclass(frozen=True)
class EndedLaunch:
    """A call of the launcher that has come to its end, of which nothing is on record yet."""

    job: Any
    attempt: Attempt
    report: LaunchReport

    @property
    def is_detached(self) -> bool:
        """Whether the launch has begun a run that goes on elsewhere."""
        return self.report.outcome.success and not self.report.outcome.completed


def run_attempt(manager: JobQueueManager, job: RetryableJob) -> LaunchResult:
    """Launch ``job``, which this process has claimed, and write the result."""
    return record(manager, launch(manager, job, manager.clock()))


def launch(manager: JobQueueManager, job: RetryableJob, started_at: datetime) -> EndedLaunch:
    """Call the launcher for ``job``, which this process has claimed.

    Asks nothing of the database, unless the launcher is interrupted: then the claim is given back.
    """
    attempt = Attempt.shown_by(job)
    pk, database = job.pk, job._state.db
    known_error, known_error_at = job.last_error, job.last_error_at
    job.launch_started_at = started_at
    with _given_back_on_interrupt(manager, job, pk, attempt):
        try:
            outcome = _call(manager, job)
        finally:
            # A launcher may have copied the job in Django's way, by saving it without a key or to another database.
            job.pk, job._state.db = pk, database
    if isinstance(outcome.error, RaisedErrorText):
        logger.warning("The launcher of job %s raised:\n%s", job.pk, outcome.error.traceback)
    return EndedLaunch(job, attempt, LaunchReport(outcome, started_at, known_error, known_error_at))


def record(manager: JobQueueManager, ended: EndedLaunch, outage: Outage | None = None) -> LaunchResult:
    """Write what came of a launch, whatever the launcher has done to the job's row meanwhile.

    Where the database does not answer, it is written later, for as long as ``outage`` allows; without one, once more at
    once.
    """
    job, attempt, report = ended.job, ended.attempt, ended.report
    with _given_back_on_interrupt(manager, job, job.pk, attempt):
        try:
            return _written(manager, lambda: record_launch(manager, job, attempt, report), job, outage)
        except Exception as error:
            if isinstance(error, OUTAGE_ERRORS) or connections[manager.using].in_atomic_block:
                raise
            refused = report._replace(outcome=_refused(job, error))
            return _written(manager, lambda: record_launch(manager, job, attempt, refused), job, outage)


@contextmanager
def _given_back_on_interrupt(manager: JobQueueManager, job: RetryableJob, pk: Any, attempt: Attempt) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        claim = Q(pk=pk, claim_token=attempt.claim_token)
        try:
            if manager.claims.give_back(manager.jobs().filter(claim), manager.clock()):
                look(manager, job, attempt)
        except OUTAGE_ERRORS:
            manager.claims.give_back_later(claim)
        raise


def _refused(job: RetryableJob, error: Exception) -> LaunchOutcome:
    """Return the outcome of a launch whose result the database does not take: a constraint or a trigger forbids it.

    The attempt has failed then, and says why, rather than leave the job to a holder that can do no more for it.
    """
    logger.error("The result of the launch of job %s could not be written:\n%s", job.pk, clean_traceback(error))
    return LaunchOutcome(success=False, error=RaisedErrorText(error))


def _written(
    manager: JobQueueManager, record: Callable[[], LaunchResult], job: RetryableJob, outage: Outage | None
) -> LaunchResult:
    """Write a result. It may be written twice: the second time it is known as recorded, by its claim and its counts."""
    if outage is None:
        return asked_twice(manager.using, record)
    while True:
        try:
            return record()
        except OUTAGE_ERRORS as error:  # noqa: PERF203
            delay_seconds = outage.delay_seconds(error, f"the result of job {job.pk} is written")
            connections[manager.using].close()
            time.sleep(delay_seconds)


def _call(manager: JobQueueManager, job: RetryableJob) -> LaunchOutcome:
    key = f"{manager.model._meta.label_lower}:{job.pk}:{job.attempt_serial}"
    connection = connections[manager.using]
    if connection.in_atomic_block:  # Django's TestCase: refuse_open_transaction lets nothing else through
        return _call_in_savepoint(manager, job, key)
    try:
        return call_launcher(manager.launch, job, key)
    finally:
        restore_connection(connection)


def _call_in_savepoint(manager: JobQueueManager, job: RetryableJob, key: str) -> LaunchOutcome:
    outcome = None
    try:
        with transaction.atomic(using=manager.using):
            outcome = call_launcher(manager.launch, job, key)
    except DatabaseError:
        # Leaving the savepoint met an error of the launcher's that Django had not seen, and rolled back.
        if outcome is None:
            raise
    return outcome


def restore_connection(connection: BaseDatabaseWrapper) -> None:
    """Bring the thread's connection back to autocommit after code that left a transaction open or broke it."""
    if connection.connection is None:
        return
    try:
        if connection.in_atomic_block:
            logger.warning("A launcher, or a receiver of a signal, left an atomic block open; it is rolled back.")
            connection.close()
            connection.connect()
        elif not connection.get_autocommit():
            logger.warning("A launcher, or a receiver of a signal, left a transaction open; it is rolled back.")
            connection.rollback()
            connection.set_autocommit(True)
        elif connection.errors_occurred and not connection.is_usable():
            connection.close()
    except DatabaseError:  # the next use connects again
        connection.close()
