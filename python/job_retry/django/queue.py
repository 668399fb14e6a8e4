"""`JobQueueManager`: every operation on the jobs of one model, and the managers of the configured queues."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict, cast

from django.core.signals import setting_changed
from django.db import connections, router

from job_retry.django.attempts import refuse_open_transaction, run_attempt
from job_retry.django.claims import ColumnClaims, Holder, this_process
from job_retry.django.classifiers import project_classifier
from job_retry.django.clocks import default_clock
from job_retry.django.decision import TIMED_OUT, FailureDecision
from job_retry.django.error_text import clean_error_text, clean_traceback, error_columns, error_text, exception_of
from job_retry.django.failures import record_failure, record_launch_failure
from job_retry.django.history.entries import ledger_row
from job_retry.django.judgement import judge
from job_retry.django.launcher import Launcher, validate_launcher
from job_retry.django.leases import leases_kept
from job_retry.django.membership import QueueMembership
from job_retry.django.outages import asked_twice
from job_retry.django.querysets import JobQuerySet, due, is_failed, is_running, is_scheduled
from job_retry.django.recording import LaunchResult, sources_of, write
from job_retry.django.registry import queue_classifier, queue_model, why_no_queue_model
from job_retry.django.rescue import Loss, rescue
from job_retry.django.settings import DEFAULT_QUEUE, QueueSettings, get_queue_settings, get_settings
from job_retry.django.states import CLAIMED, WAITING, Status, entry_values
from job_retry.django.strategies import (
    DEFAULT_STRATEGY,
    SHIPPED_DEFAULT,
    get_strategies,
    requested_strategy,
    select_strategy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from job_retry import RetryStrategy
    from job_retry.django.history.insertion import LedgerRow
    from job_retry.django.models import RetryableJob

logger = logging.getLogger("job_retry.queue")

RENEWALS_A_LEASE = 3
"""Where the settings do not say how often: two may fail before the lease ends."""


class BatchResult(TypedDict):
    """What `JobQueueManager.launch_next_batch` returns."""

    launched: int
    """Launches that succeeded."""
    errors: list[str]
    """``Job <pk>: <error>`` for each that did not."""


class WorkerMetrics(TypedDict):
    """What `JobQueueManager.get_worker_metrics` returns."""

    queue_depth: int
    """Jobs that wait, due or not."""
    ready_now: int
    """Of these, those that a worker may claim."""
    scheduled_future: int
    """Of these, those whose time has not come."""
    running: int
    launch_failed: int
    """Dead letters."""
    workers: list[Holder]
    """Who holds jobs."""


class JobQueueManager(QueueMembership):
    """The queue of one job model.

    ``model`` is a concrete `RetryableJob`, ``launch`` a launcher or its dotted path (resolved at each call, so that
    it can be patched). ``classifier`` has ``classify_error`` (default: `job_retry.ErrorClassifier` with the packs and
    the rules of the settings), ``strategies`` is a dict of name to `RetryStrategy` (default: all registered ones),
    ``using`` a database alias (default: where the router writes the model), ``clock`` returns now (default: the
    database's clock; on SQLite, `timezone.now`), ``options`` are those of a configured queue. Bad arguments are
    TypeError or ValueError at once.

    Apart from the launching methods, which refuse an open transaction, all methods work in any transaction.
    """

    def __init__(
        self,
        model: type[RetryableJob],
        launch: Launcher | str,
        *,
        classifier: Any = None,
        strategies: Mapping[str, RetryStrategy] | None = None,
        using: str | None = None,
        clock: Callable[[], datetime] | None = None,
        options: QueueSettings | None = None,
    ) -> None:
        reason = why_no_queue_model(model)
        if reason is not None:
            raise TypeError(f"model must be a concrete subclass of RetryableJob, but {reason}.")
        validate_launcher(launch)
        read = get_settings()  # what is wrong with them is said now, not in the middle of a launch
        if classifier is not None and not callable(getattr(classifier, "classify_error", None)):
            raise TypeError(f"classifier must have a method classify_error, which {classifier!r:.200} has not.")
        if strategies is not None and not isinstance(strategies, Mapping):
            raise TypeError(f"strategies must be a dict of name to RetryStrategy, not {strategies!r:.200}.")
        if using is not None and using not in connections:
            known = ", ".join(map(repr, connections))
            raise ValueError(f"using={using!r} is no database of the project. Databases: {known}.")
        if clock is not None and not callable(clock):
            raise TypeError(f"clock must be a callable that returns now, not {clock!r:.200}.")
        self.model = model
        self.launch = launch
        self.classifier = project_classifier() if classifier is None else classifier
        self.using = using or router.db_for_write(model)
        self.options = options or QueueSettings(name="", model=model._meta.label, launch=launch)
        self.claims = ColumnClaims(
            model, self.using, read.lease_seconds, self.options.queue_limit, listen=self.options.listen
        )
        self.clock: Callable[[], datetime] = clock or default_clock(self.claims.jobs)
        self.renew_seconds = read.lease_seconds / RENEWALS_A_LEASE if read.renew_seconds is None else read.renew_seconds
        self.max_worker_losses = read.max_worker_losses
        self.outage_seconds = read.outage_seconds
        self._strategies = strategies

    @property
    def strategies(self) -> Mapping[str, RetryStrategy]:
        """The strategies this manager knows, by name."""
        return get_strategies() if self._strategies is None else self._strategies

    # Launching

    def launch_job_with_retry(self, job: RetryableJob) -> LaunchResult:
        """Claim ``job``, launch it, and write what came of it: running, completed, a retry scheduled, or failed.

        A job that is not ready is left as it is. RuntimeError inside a transaction of the caller's.
        """
        refuse_open_transaction(self.using)
        try:
            claimed = self.claims.claim(job, this_process(), self._ask_clock())
        except job.DoesNotExist:
            claimed = False
        if not claimed:
            return self.not_launched(job)
        with self.claims.given_back_on_outage(job), leases_kept(self, job.claimed_by):
            return run_attempt(self, job)

    def claim_next_batch(self, limit: int, holder: str | None = None) -> list[Any]:
        """Claim up to ``limit`` ready jobs for ``holder`` (default: this process), in the ready order; no suspects.

        They are to be launched, or given back, before the lease ends.
        """
        return self.claims.claim_next(limit, holder or this_process(), self._ask_clock())

    def claim_suspect(self, holder: str | None = None) -> list[Any]:
        """Claim the first ready suspect for ``holder``, which must run nothing else meanwhile; none: [].

        A suspect came back from a worker that was lost while it held it, perhaps because of it.
        """
        return self.claims.claim_suspect(holder or this_process(), self._ask_clock())

    def launch_claimed_job(self, job: RetryableJob) -> LaunchResult:
        """Launch a job from `claim_next_batch`, and write what came of it.

        A job that was cancelled, or whose claim was given back or has passed on, since then is left as it is.
        """
        with self.claims.given_back_on_outage(job):
            refuse_open_transaction(self.using)  # connects, where this thread has no connection yet
            claimed = self.claims.fenced(job).filter(status=Status.LAUNCHING)
            if job.claim_token is None or not asked_twice(self.using, claimed.exists):
                return self.not_launched(job)
            with leases_kept(self, job.claimed_by):
                return run_attempt(self, job)

    def rescue_lost_jobs(self) -> list[Loss]:
        """Bring back the jobs of workers whose leases have ended, and return what became of them.

        Every worker does so by itself, as does `launch_next_batch`.
        """
        self.claims.settle_doubts(self.clock, again=True)
        return rescue(self)

    def launch_next_batch(self, max_concurrent: int = 5) -> BatchResult:
        """Launch ready jobs, one after the other, until ``max_concurrent`` jobs are running; see also the worker.

        ValueError for a ``max_concurrent`` that is no whole number of 0 or more.
        """
        _check_number("max_concurrent", max_concurrent)
        refuse_open_transaction(self.using)
        self.rescue_lost_jobs()
        running = self.jobs().filter(is_running()).count()
        room = max(0, max_concurrent - running)
        jobs = self.claim_next_batch(room) or (self.claim_suspect() if room else [])
        result: BatchResult = {"launched": 0, "errors": []}
        try:
            while jobs:
                job = jobs.pop(0)
                launched = self.launch_claimed_job(job)
                if launched["success"]:
                    result["launched"] += 1
                else:
                    result["errors"].append(f"Job {job.pk}: {launched['error']}")
        finally:
            if jobs:  # interrupted: what was claimed and not started goes back
                with self.claims.given_back_on_outage(*jobs):
                    self.release_claims(jobs)
        return result

    # Results of launches and runs

    def _handle_launch_failure(self, job: RetryableJob, error_message: object, strategy: RetryStrategy) -> LaunchResult:
        """Decide and write what follows from a failed launch of ``job``."""
        return record_launch_failure(self, job, error_message, strategy)

    @property
    def handles_failures_itself(self) -> bool:
        """Whether a program has put a method of its own in the place of `_handle_launch_failure`."""
        own = "_handle_launch_failure"
        return own in vars(self) or getattr(type(self), own) is not JobQueueManager._handle_launch_failure

    def _get_retry_strategy(self, job: RetryableJob) -> RetryStrategy:
        """Return the strategy for ``job``: by priority, else the job's, the model's, the queue's, ``default``."""
        return select_strategy(
            self.strategies,
            priority=job.priority,
            names=self.strategy_names(job),
            by_priority=self.options.priority_strategies,
        )

    def strategy_names(self, job: RetryableJob) -> tuple[str | None, ...]:
        """Return the names from which a job's strategy is taken where its priority does not decide: the first one set.

        The model's is that of the queue's model, as which the worker loads the job, not that of a proxy of it.
        """
        return (job.retry_strategy, self.model.default_retry_strategy, self.options.strategy)

    def strategy_name(self, job: RetryableJob) -> str:
        """Return the registered name of the strategy by which ``job`` is retried."""
        name = requested_strategy(
            priority=job.priority, names=self.strategy_names(job), by_priority=self.options.priority_strategies
        )
        return name if name in self.strategies else DEFAULT_STRATEGY

    def strategy_for(self, job: RetryableJob) -> RetryStrategy:
        """Return `_get_retry_strategy`, or the preset ``default`` where a program's override of it fails."""
        try:
            return self._get_retry_strategy(job)
        except Exception as failure:
            logger.error("No strategy for job %s; 'default' decides.\n%s", job.pk, clean_traceback(failure))
            return SHIPPED_DEFAULT

    def complete(self, job: RetryableJob) -> bool:
        """Record that the run of ``job`` succeeded; False, nothing written, where its claim has passed on."""
        return self._end_run(job, Status.COMPLETED, {})

    def fail(self, job: RetryableJob, error: object) -> bool:
        """Record that the run of ``job`` failed with ``error`` (text or exception); decide as after a failed launch.

        False, nothing written, where its claim has passed on.
        """
        if job.status in (*CLAIMED, *WAITING) and record_failure(self, job, error, self.strategy_for(job)):
            return True
        return self._refused(job, "fail")

    def time_out(self, job: RetryableJob, error: object) -> bool:
        """Record that the run of ``job`` took too long, which is final; False where its claim has passed on."""
        text, now = error_text(error), self.clock()
        judgement = judge(self.classifier, text, exception_of(error))
        decision = FailureDecision(
            judgement.error_type,
            clean_error_text(text),
            job.retry_count + 1,
            TIMED_OUT,
            judgement.rule,
            judgement.why,
        )
        values = {
            "retry_count": decision.failed_attempts,
            **error_columns(decision.error, now, decision.fingerprint),
        }
        # Nobody is to look into it: the job has ended, as its launcher wanted it.
        entry = ledger_row(self, job, decision, error, now)
        return self._end_run(job, Status.TIMEOUT, values, entry)

    def heartbeat(self, job: RetryableJob) -> bool:
        """Say that the run of ``job`` goes on; False where its claim has passed on and it had better stop."""
        if job.claim_token is None:
            return False
        return write(self.claims, job, CLAIMED, {"lease_expires_at": self.run_lease_end(self.clock())})

    def release_claim(self, job: RetryableJob) -> bool:
        """Put the claim on ``job`` back, without counting an attempt, as for a worker that died.

        A launching job returns to where it came from, a running one waits for its retry, due at once. False where the
        job is not claimed, or no longer under the claim that this instance was loaded with.
        """
        released = self.claims.give_back_all([job], self.clock())
        if released:
            self._refreshed(job)
            logger.info("Released the claim on job %s; it is %s.", job.pk, job.status)
        return bool(released)

    def release_claims(self, jobs: Collection[RetryableJob]) -> int:
        """Put the claims on ``jobs`` back and return how many; see `release_claim`."""
        return self.claims.give_back_all(jobs, self.clock())

    def run_lease_end(self, now: datetime) -> datetime | None:
        """Return until when a run that gives no sign is believed in; None: for ever."""
        seconds = self.options.run_lease_seconds
        return None if seconds is None else now + timedelta(seconds=seconds)

    # Looking

    def get_ready_jobs(self, limit: int | None = None, exclude_ids: Collection[Any] | None = None) -> JobQuerySet[Any]:
        """Return the jobs a worker may claim now, in the order in which it would.

        At most ``limit`` of them (None or 0: all), without those of the keys ``exclude_ids``.
        """
        if limit is not None:
            _check_number("limit", limit)
        ready = self.jobs().ready(self.clock()).in_ready_order()
        if exclude_ids:
            ready = ready.exclude(pk__in=exclude_ids)
        return ready[:limit] if limit else ready

    def get_failed_jobs(self, include_retrying: bool = False) -> JobQuerySet[Any]:
        """Return the dead letters, and the jobs that wait for a retry if asked for; the latest failure first."""
        statuses = (Status.FAILED, Status.RETRYING) if include_retrying else (Status.FAILED,)
        return self.jobs().filter(status__in=statuses).latest_failure_first()

    def get_queue_stats(self) -> dict[str, int]:
        """Return how many jobs are ``queued`` (ready now), ``scheduled`` (later), ``running`` and ``launch_failed``."""
        now = self.clock()
        return self.jobs().counts(
            queued=due(now), scheduled=is_scheduled(now), running=is_running(), launch_failed=is_failed()
        )

    def get_worker_metrics(self) -> WorkerMetrics:
        """Return how many jobs wait, run and have failed, and who holds which."""
        now = self.clock()
        counts = self.jobs().counts(
            ready_now=due(now), scheduled_future=is_scheduled(now), running=is_running(), launch_failed=is_failed()
        )
        waiting = counts["ready_now"] + counts["scheduled_future"]
        return cast("WorkerMetrics", {"queue_depth": waiting, **counts, "workers": self.claims.holders()})

    def _ask_clock(self) -> datetime:
        """Return now, from a clock that extrapolates by asking it anew."""
        now: datetime = getattr(self.clock, "ask", self.clock)()
        return now

    def _end_run(
        self, job: RetryableJob, status: Status, values: dict[str, Any], entry: LedgerRow | None = None
    ) -> bool:
        changes = {**entry_values(status, self.clock(), lambda name: getattr(job, name)), **values}
        if not write(self.claims, job, sources_of(job, status), changes, entry):
            return self._refused(job, status.label.lower())
        logger.info("Job %s: %s.", job.pk, status)
        return True

    def not_launched(self, job: RetryableJob) -> LaunchResult:
        """Return the result of a launch that did not take place, since the job does not stand as it has to."""
        error = f"Job {job.pk} no longer ready to launch"
        limit = self.claims.queue_limit
        if limit is not None and self.claims.row(job).filter(due(self.clock())).exists():
            error = f"Job {job.pk} not launched: {limit} jobs are launching or running, which is the queue's limit"
        return {"success": False, "error": error, "retry_scheduled": False}

    @staticmethod
    def _refused(job: RetryableJob, what: str) -> bool:
        logger.warning(
            "Job %s, loaded as %s: %r ignored, its claim has passed on or it does not run.",
            job.pk,
            job.status,
            what,
        )
        return False


def _check_number(name: str, value: object) -> None:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number, 0 or more, not {value!r}")


def get_queue_manager(name: str = DEFAULT_QUEUE) -> JobQueueManager:
    """Return the manager of queue ``name`` of ``JOB_RETRY["QUEUES"]``; `ImproperlyConfigured` says what is wrong."""
    return _queue_manager(name)


@cache
def _queue_manager(name: str) -> JobQueueManager:
    # Apart from the function above: a cache takes an argument left out and its default for two different calls.
    queue = get_queue_settings(name)
    return JobQueueManager(queue_model(queue), queue.launch, classifier=queue_classifier(queue), options=queue)


def _forget(*, setting: str, **_kwargs: object) -> None:
    if setting in {"JOB_RETRY", "INSTALLED_APPS", "DATABASES", "DATABASE_ROUTERS"}:
        _queue_manager.cache_clear()


setting_changed.connect(_forget, dispatch_uid="job_retry.queue")
