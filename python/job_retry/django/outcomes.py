"""What came of many launches, put on record at once.

A launcher that leaves its job alone, as most do, leaves a row that stands as it was claimed: what is to be written of
it is known without a look, and goes out together with that of others. Where the rows are not all so, each launch is
recorded by itself, by `attempts.record`.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connections
from django.db.models import Q

from job_retry.django.attempts import record, restore_connection
from job_retry.django.error_text import clean_error_text, clean_traceback, error_text
from job_retry.django.failures import announce_failure, decide_failure
from job_retry.django.outages import OUTAGE_ERRORS
from job_retry.django.protection import ENGINE_COLUMNS
from job_retry.django.recording import Write, write_together
from job_retry.django.results import announce_success, succeeded, success_values
from job_retry.django.states import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from job_retry.django.attempts import EndedLaunch
    from job_retry.django.history.insertion import LedgerRow
    from job_retry.django.outages import Outage
    from job_retry.django.queue import JobQueueManager
    from job_retry.django.recording import LaunchResult

logger = logging.getLogger("job_retry.queue")


class Recorded(NamedTuple):
    """A launch of which it is known whether its result is on record."""

    ended: EndedLaunch
    result: LaunchResult | None = None
    """What was written; None where `exception` prevented it."""
    exception: BaseException | None = None
    """An error of the database's; or KeyboardInterrupt or SystemExit, which a receiver of a signal raised."""


class _Outcome(NamedTuple):
    """What is to be written of a launch, and what follows once it is."""

    ended: EndedLaunch
    values: dict[str, Any]
    entry: LedgerRow | None
    """For the ledger, where it failed."""
    result: LaunchResult
    announce: Callable[[], object]


def record_all(manager: JobQueueManager, launches: Sequence[EndedLaunch], outage: Outage) -> list[Recorded]:
    """Write what came of ``launches``, and return what was written of each; raises nothing.

    Where the database does not answer, it is written later, for as long as ``outage`` allows; then the claims are given
    back when it answers again.
    """
    connection = connections[manager.using]
    is_within = connection.in_atomic_block  # Django's TestCase
    try:
        outcomes, others = _outcomes(manager, launches)
        if outcomes and not _written(manager, outcomes):
            outcomes, others = [], list(launches)
        recorded = [_announced(outcome) for outcome in outcomes]
        return recorded + [_recorded_alone(manager, ended, outage) for ended in others]
    finally:
        if not is_within:
            restore_connection(connection)  # from what a receiver has left open


def _outcomes(manager: JobQueueManager, launches: Iterable[EndedLaunch]) -> tuple[list[_Outcome], list[EndedLaunch]]:
    """Return what is to be written of those launches that can be written together, and the other launches."""
    outcomes, others = [], []
    for ended in launches:
        try:
            outcome = _outcome(manager, ended) if _shows_its_claim(ended) else None
        except BaseException:  # from code of the program's own; it is met again, and dealt with, in `record`
            outcome = None
        if outcome is None:
            others.append(ended)
        else:
            outcomes.append(outcome)
    return outcomes, others


def _shows_its_claim(ended: EndedLaunch) -> bool:
    """Let the instance show its row as it was claimed, and return whether it does.

    What a launcher has set on the instance and not saved has not happened. Where it has saved something, the row tells.
    """
    job: Any = ended.job
    row, shown = job._loaded, job.__dict__
    if row.get("status") != Status.LAUNCHING or not ended.attempt._asdict().items() <= row.items():
        return False
    unsaved = {
        name: row[name] for name in ENGINE_COLUMNS if name in row and (name not in shown or shown[name] != row[name])
    }
    if unsaved:
        job.show_engine_columns(unsaved)
    return True


def _outcome(manager: JobQueueManager, ended: EndedLaunch) -> _Outcome | None:
    """Return what came of a launch whose job shows its row; None where the program's own method decides."""
    job, report = ended.job, ended.report
    if report.outcome.success:
        announce = partial(announce_success, manager, job, report)
        return _Outcome(ended, success_values(manager, job, report), None, succeeded(), announce)
    if manager.handles_failures_itself:
        return None
    failure = decide_failure(manager, job, report.outcome.error, manager.strategy_for(job))
    announce = partial(announce_failure, manager, job, failure.decision)
    return _Outcome(ended, failure.values, failure.entry, failure.result, announce)


def _written(manager: JobQueueManager, outcomes: Sequence[_Outcome]) -> bool:
    """Write all; False where nothing is written, or nobody knows what is."""
    writes = [Write(each.ended.job, each.ended.attempt, each.values, each.entry) for each in outcomes]
    try:
        return write_together(manager.claims, writes)
    except Exception as error:
        # An outage; or a rule of the project's own forbids one of them, and which one, `record` will find out.
        shown = clean_error_text(error_text(error)).strip()
        logger.warning("%d results could not be written together (%s); each is written by itself.", len(writes), shown)
        if isinstance(error, OUTAGE_ERRORS) and not connections[manager.using].in_atomic_block:
            connections[manager.using].close()
    return False


def _announced(outcome: _Outcome) -> Recorded:
    job = outcome.ended.job
    try:
        outcome.announce()
    except Exception as error:
        logger.error("Job %s: its result is written; saying so failed.\n%s", job.pk, clean_traceback(error))
    except BaseException as order:
        return Recorded(outcome.ended, exception=order)
    return Recorded(outcome.ended, outcome.result)


def _recorded_alone(manager: JobQueueManager, ended: EndedLaunch, outage: Outage) -> Recorded:
    try:
        return Recorded(ended, record(manager, ended, outage))
    except BaseException as exception:
        if isinstance(exception, OUTAGE_ERRORS):
            manager.claims.give_back_later(Q(pk=ended.job.pk, claim_token=ended.attempt.claim_token))
        return Recorded(ended, exception=exception)
