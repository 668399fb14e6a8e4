"""What an action does with the jobs it was asked for: one after the other through the manager, each error named."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, transaction
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from job_retry.django.error_text import clean_error_text, clean_traceback, error_text
from job_retry.django.querysets import JobQuerySet
from job_retry.django.states import TARGETS, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.utils.functional import _StrPromise

    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.admin")

CHUNK_ROWS = 500
"""Jobs loaded in one statement; SQLite allows a limited number of parameters."""

FROM_PAGE = "from_page"
"""Field of a request: the job on whose page, instead of in the list, an action was asked for."""

NAMED_REASONS = 5
NAMED_JOBS = 5
"""How many reasons, and of each how many jobs, a message spells out."""

REASON_CHARACTERS = 200


@dataclass(frozen=True)
class JobAction:
    """One action on jobs."""

    name: str
    """Of the method of `RetryableJobAdmin`."""
    label: str | _StrPromise
    """On the button of a job's page."""
    offered: Callable[[Any], bool]
    """Whether a job is in a state for it, so that its page has the button."""
    perform: Callable[[JobQueueManager, Any, str], bool]
    """Takes also the name of the user; returns whether it was done, ValueError says why not."""
    done: Any
    """What to say of the jobs it was done to; takes their number as ``count``."""
    refused: str | _StrPromise = ""
    """Why ``perform`` returned False."""
    history: str = ""
    """What the job's history says."""
    question: str | _StrPromise = ""
    """Asked, with the list of jobs, before anything is done; empty: nothing is asked."""


QUEUE = JobAction(
    "queue_jobs",
    _("Queue"),
    lambda job: job.status == Status.PENDING,
    perform=lambda manager, job, _by: bool(manager.queue_job(job)),
    done=ngettext_lazy("%(count)d job queued", "%(count)d jobs queued", "count"),
    history="Queued by hand.",
)

RETRYABLE = (Status.FAILED, Status.RETRYING)

RETRY = JobAction(
    "retry_jobs",
    _("Retry"),
    lambda job: job.status in RETRYABLE,
    perform=lambda manager, job, by: manager.retry_failed_job(job, by=by),
    done=ngettext_lazy("%(count)d job requeued", "%(count)d jobs requeued", "count"),
    history="Retried by hand.",
)
RETRY_AFRESH = JobAction(
    "retry_jobs_afresh",
    _("Retry with a fresh count"),
    lambda job: job.status in RETRYABLE,
    perform=lambda manager, job, by: manager.retry_failed_job(job, reset_count=True, by=by),
    done=ngettext_lazy(
        "%(count)d job requeued with a fresh count", "%(count)d jobs requeued with a fresh count", "count"
    ),
    history="Retried by hand with a fresh count.",
)
CANCEL = JobAction(
    "cancel_jobs",
    _("Cancel"),
    lambda job: Status.CANCELLED in TARGETS.get(job.status, ()),
    perform=lambda manager, job, by: manager.cancel(job, by=by),
    done=ngettext_lazy("%(count)d job cancelled", "%(count)d jobs cancelled", "count"),
    history="Cancelled.",
    question=_(
        "Cancelled jobs never run again, and dead letters among them are discarded. A launch under way is not "
        "stopped, but its result is ignored."
    ),
)
RELEASE_CLAIM = JobAction(
    "release_claims",
    _("Release the claim"),
    lambda job: job.claim_token is not None,
    perform=lambda manager, job, _by: manager.release_claim(job),
    done=ngettext_lazy("%(count)d claim released", "%(count)d claims released", "count"),
    refused=_("not claimed, or the claim has passed on"),
    history="Claim released.",
    question=_(
        "Release claims only of workers that are gone: the jobs are launched again, and where the worker still "
        "works, they run twice."
    ),
)

JOB_ACTIONS = (QUEUE, RETRY, RETRY_AFRESH, CANCEL, RELEASE_CLAIM)


@dataclass
class Outcome:
    """What came of an action."""

    done: list[Any] = field(default_factory=list)
    """The jobs it was done to."""
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Reason to the jobs, by name, that were left as they are."""

    @property
    def skipped_count(self) -> int:
        """How many jobs were left as they are."""
        return sum(map(len, self.skipped.values()))

    def add(self, other: Outcome) -> None:
        """Count in what came of further jobs."""
        self.done += other.done
        for reason, jobs in other.skipped.items():
            self.skipped[reason] += jobs

    def summary(self, action: JobAction) -> str:
        """Return the message to the user: ``3 jobs requeued, 1 skipped: <reason> (<job>).``"""
        done = str(action.done % {"count": len(self.done)})
        count = self.skipped_count
        if not count:
            return f"{done}."
        skipped = ngettext("%(count)d skipped", "%(count)d skipped", count) % {"count": count}
        largest_first = sorted(self.skipped.items(), key=lambda row: -len(row[1]))
        reasons = [f"{reason} ({_some(jobs, NAMED_JOBS)})" for reason, jobs in largest_first]
        return f"{done}, {skipped}: {_some(reasons, NAMED_REASONS, '; ')}."


def carry_out(
    action: JobAction, manager: JobQueueManager, model: type[RetryableJob], pks: Sequence[Any], by: str = ""
) -> Iterator[Outcome]:
    """Do ``action`` to the jobs ``pks`` of ``model`` in the name of ``by``, and yield what came of each chunk of them.

    Each job has a transaction, or a savepoint, of its own: what goes wrong with one concerns no other.
    """
    for start in range(0, len(pks), CHUNK_ROWS):
        chunk = pks[start : start + CHUNK_ROWS]
        jobs: dict[Any, Any] = JobQuerySet(model, using=manager.using).in_bulk(chunk)
        outcome = Outcome()
        for pk in chunk:
            reason = _carry_out_one(action, manager, jobs[pk], by) if pk in jobs else str(_("gone"))
            if reason is None:
                outcome.done.append(jobs[pk])
            else:
                outcome.skipped[reason].append(str(pk))
        yield outcome


def _carry_out_one(action: JobAction, manager: JobQueueManager, job: Any, by: str) -> str | None:
    """Return why ``action`` was not done to ``job``; None where it was."""
    try:
        with transaction.atomic(using=manager.using):
            done = action.perform(manager, job, by)
            if transaction.get_rollback(using=manager.using):
                # A receiver of the manager's signals broke the transaction; leaving the block undoes what was done.
                raise DatabaseError("a signal receiver broke the transaction, nothing was written")
            return None if done else str(action.refused)
    except ValueError as error:
        reason = str(error)
    except Exception as error:
        logger.error("Action %s on job %s failed.\n%s", action.name, job.pk, clean_traceback(error))
        reason = clean_error_text(error_text(error))
    return Truncator(reason).chars(REASON_CHARACTERS)


def _some(items: Sequence[str], limit: int, separator: str = ", ") -> str:
    more = len(items) - limit
    return separator.join([*items[:limit], *([f"... {more} more"] if more > 0 else [])])
