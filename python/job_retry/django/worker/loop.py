"""The worker: claims the jobs of one queue as they become ready and launches them, several at once."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from django.db import connections

from job_retry.django.claims import this_process
from job_retry.django.error_text import clean_error_text, clean_traceback, error_text
from job_retry.django.outages import OUTAGE_ERRORS, Outage
from job_retry.django.recording import standing
from job_retry.django.states import Status
from job_retry.django.worker.claiming import WorkerClaims
from job_retry.django.worker.detached import DetachedRuns
from job_retry.django.worker.launches import InterruptedLaunch, Launches, LaunchMessage, RecordedLaunches
from job_retry.django.worker.observers import WorkerSummary
from job_retry.django.worker.redrives import Redrives

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from job_retry.django.queue import JobQueueManager
    from job_retry.django.recording import LaunchResult
    from job_retry.django.worker.observers import WorkerObserver

logger = logging.getLogger("job_retry.worker")

LOOK_AGAIN_SECONDS = 0.05
"""After so long, claimed jobs are looked at once more before they are launched: they may have been cancelled."""


class _Stop:
    """A message to the worker: end gracefully, or, the second time, at once."""


class _Wake:
    """A message to the worker: it had better look for jobs."""


class Worker:
    """Launches the jobs of ``manager``'s queue until it is stopped, or, with ``drain``, until nothing is left to do.

    ``max_concurrent`` jobs at most run at once (default: the queue's ``MAX_CONCURRENT``), each launch in a thread of
    its own; a detached run counts until it ends. Ready jobs are looked for whenever a launch ends or the worker is told
    of new jobs (PostgreSQL), and otherwise every ``poll_interval`` seconds. After ``max_jobs`` launches it ends
    gracefully. ``liveness_file`` is touched at every turn, whether the database answers or not. ``name`` is what its
    claims are held under (default: `this_process`); no other worker may have it, or have had it, since whoever has it
    renews them. ``monotonic`` returns seconds.

    A queue is drained when nothing is ready, claimed or waiting for a retry, nothing runs under a live lease, and no
    canary redrive is under way; jobs that people have scheduled for later are left for another time.
    """

    def __init__(
        self,
        manager: JobQueueManager,
        *,
        max_concurrent: int | None = None,
        poll_interval: float = 1.0,
        drain: bool = False,
        max_jobs: int | None = None,
        liveness_file: Path | None = None,
        name: str | None = None,
        observer: WorkerObserver | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.manager = manager
        self.max_concurrent = max_concurrent or manager.options.max_concurrent
        self.poll_interval = poll_interval
        self.drain = drain
        self.max_jobs = max_jobs
        self.liveness_file = liveness_file
        self.name = name or this_process()
        self.summary = WorkerSummary()
        self._observer = observer
        self._monotonic = monotonic
        # Both ends of a SimpleQueue may be used from a signal handler, which an Event's may not.
        self._inbox: SimpleQueue[LaunchMessage | type[_Stop | _Wake]] = SimpleQueue()
        # Whoever wants so has jobs that may take the worker along: then nothing else is to be lost with it.
        one_by_one = self.max_concurrent == 1 and manager.options.claim_batch in (None, 1)
        self._launches = Launches(manager, self._inbox, self.name, monotonic, one_by_one=one_by_one)
        self._claims = WorkerClaims(manager, self.name, monotonic, wake=lambda: self._inbox.put(_Wake))
        self._redrives = Redrives(manager, poll_interval, monotonic)
        self._backlog: deque[Any] = deque()
        self._looked_at = 0.0
        self._started = 0
        self._stops = 0
        self._interrupt: BaseException | None = None
        self._detached = DetachedRuns(manager, self.name, self._launches)
        self._outage = Outage(self.name, manager.outage_seconds, monotonic)

    def stop(self) -> None:
        """Start nothing more, give back what is claimed and not started, and end when the launches under way have.

        Called a second time: end at once, whatever is under way. May be called from any thread and signal handler.
        """
        self._inbox.put(_Stop)

    def run(self) -> WorkerSummary:
        """Work until stopped or drained.

        Raises the database's error once the database has not answered for ``OUTAGE_SECONDS``, and KeyboardInterrupt or
        SystemExit where a launcher did; what is claimed and not started is given back first.
        """
        if self._observer:
            self._observer.started(self)
        self._claims.start()
        try:
            self._work()
            self.summary.reached_max_jobs = not self._launches_left
            self._finish()
        finally:
            try:
                self._give_back()
            except OUTAGE_ERRORS as error:
                logger.warning("Claims could not be given back; they end with their leases: %s", type(error).__name__)
            finally:
                self._launches.close()
                self._claims.stop()
                if self._observer:
                    self._observer.stopped(self.summary)
        if self._interrupt is not None:
            raise self._interrupt
        return self.summary

    def _work(self) -> None:
        while not self._stops and self._launches_left:
            wait_seconds = self._wait_seconds()
            self._turn()
            try:
                self._claims.look_after_others()
                self._redrives.step()
                self._start_ready_jobs()
                if self.drain and self._is_drained():
                    self.summary.drained = True
                    return
                if self._observer:
                    self._observer.turn()
                self._outage.over()
            except OUTAGE_ERRORS as error:
                wait_seconds = self._wait_seconds_after(error)
            self._take_in(self._write_results(min(wait_seconds, self._claims.postponed_seconds)))

    def _wait_seconds(self) -> float:
        """Return how long to wait for messages: others are looked after, and a sign of life given, all the same."""
        return min(self.poll_interval, self.manager.renew_seconds)

    def _write_results(self, wait_seconds: float) -> float:
        """Have written what it is time to write, and return how long to wait then, ``wait_seconds`` at most."""
        seconds = self._launches.write(most_concurrent=self.max_concurrent, more_to_come=bool(self._backlog))
        return wait_seconds if seconds is None else min(seconds, wait_seconds)

    def _wait_seconds_after(self, error: Exception) -> float:
        """Return how long to wait for a database that broke off; raises ``error`` where that has gone on for long."""
        wait_seconds = self._outage.delay_seconds(error, "the worker asks")
        connections[self.manager.using].close()
        return wait_seconds

    def _turn(self) -> None:
        """Show that the worker does not hang."""
        self._claims.turn()
        if self.liveness_file is not None:
            try:
                self.liveness_file.touch()
            except OSError as error:
                logger.warning("The liveness file could not be touched: %s", error)

    def _finish(self) -> None:
        """Give back what is not started and wait for the launches under way, unless told twice to stop."""
        is_waiting = False
        while self._stops < 2:
            wait_seconds = self._wait_seconds()
            self._turn()
            try:
                self._give_back()
                self._outage.over()
                if self._launches.is_idle:
                    break
            except OUTAGE_ERRORS as error:
                wait_seconds = self._wait_seconds_after(error)
            if not is_waiting and self._launches.count and self._stops == 1:
                is_waiting = True
                logger.info("Stopping; %d launches are still under way.", self._launches.count)
            self._take_in(self._write_results(wait_seconds))
        self.summary.still_launching = self._launches.under_way

    def _start_ready_jobs(self) -> None:
        self._give_back_lost()
        if self._claims.runs_alone and not self._launches.is_idle:
            return
        slots = self._free_slots()
        if slots > 0 and not self._backlog and self._claims.may_find(idle=self._launches.is_idle):
            slots = self._slots_beside(self._detached.count())
            batch = min(self.manager.options.claim_batch or slots, self._launches_left)
            self._looked_at = self._monotonic()
            self._backlog.extend(self._claims.next(batch, idle=self._launches.is_idle))
        if slots <= 0 or not self._backlog:
            return
        self._leave_out_what_passed_on()
        started_at = self.manager.clock()
        self._give_back_lost()  # all this may have taken longer than the lease: a frozen process cannot tell
        for _ in range(min(slots, len(self._backlog))):
            self._launches.start(self._backlog.popleft(), started_at)
            self._started += 1

    def _leave_out_what_passed_on(self) -> None:
        """Leave the jobs that were cancelled, or whose claims were given back, since they were claimed."""
        now = self._monotonic()
        if now - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        stand = standing(self.manager.claims, self._backlog)
        kept = set(map(id, stand))
        passed_on = [job for job in self._backlog if id(job) not in kept]
        self._backlog, self._looked_at = deque(stand), now
        for job in passed_on:
            self._tell(job, self.manager.not_launched(job))

    def _give_back_lost(self) -> None:
        """Start nothing more of a claim whose lease has ended."""
        if self._backlog and not self._claims.hold():
            logger.warning("The lease of %d claimed jobs has ended; they are not started.", len(self._backlog))
            self._give_back()

    def _free_slots(self) -> int:
        """Return how many slots are free at least; none only where none is."""
        if self._launches.has_too_many_results:
            return 0
        slots = self._slots_beside(self._detached.at_most)
        return slots if slots > 0 else self._slots_beside(self._detached.count())

    def _slots_beside(self, detached: int) -> int:
        return min(self.max_concurrent - self._launches.slots_taken - detached, self._launches_left)

    @property
    def _launches_left(self) -> int:
        return sys.maxsize if self.max_jobs is None else self.max_jobs - self._started

    def _is_drained(self) -> bool:
        if self._backlog or not self._launches.is_idle:
            return False
        return self.manager.jobs().is_drained(self.manager.clock()) and self._redrives.are_done()

    def _take_in(self, wait_seconds: float) -> None:
        """Wait for a message, at most ``wait_seconds``, and take in all there are."""
        try:
            self._take(self._inbox.get(timeout=wait_seconds))
            while True:
                self._take(self._inbox.get_nowait())
        except Empty:
            pass

    def _take(self, message: LaunchMessage | type[_Stop | _Wake]) -> None:
        if message is _Wake:
            self._redrives.tell()
            return
        if not isinstance(message, LaunchMessage):
            self._stops += 1
            return
        self._launches.take(message)
        if isinstance(message, RecordedLaunches):
            for ended, result, exception in message.recorded:
                if result is not None:
                    self._tell(ended.job, result)
                if exception is not None:
                    self._tell_exception(ended.job, exception)
        elif isinstance(message, InterruptedLaunch):
            self._tell_exception(message.job, message.exception)
        elif message.is_detached:
            self._detached.began()

    def _tell(self, job: Any, result: LaunchResult) -> None:
        self._count(job, result)
        if self._observer:
            self._observer.finished(job, result)

    def _tell_exception(self, job: Any, exception: BaseException) -> None:
        if isinstance(exception, OUTAGE_ERRORS):
            self.summary.ignored += 1
            shown = clean_error_text(error_text(exception)).strip()
            logger.error("Job %s was launched, and nobody knows with what result; it is given back: %s", job.pk, shown)
        elif isinstance(exception, Exception):
            self.summary.ignored += 1
            logger.error(
                "Job %s: the result of its launch could not be written; the job comes back when its lease ends.\n%s",
                job.pk,
                clean_traceback(exception),
            )
        else:  # KeyboardInterrupt or SystemExit
            logger.warning("The launcher of job %s raised %s; the worker stops.", job.pk, type(exception).__name__)
            self._interrupt = exception
            self._stops = max(self._stops, 1)

    def _count(self, job: Any, result: LaunchResult) -> None:
        if result["success"]:
            self.summary.launched += 1
        elif result["retry_scheduled"]:
            self.summary.retried += 1
        elif job.status == Status.FAILED:
            self.summary.dead_lettered += 1
        else:
            self.summary.ignored += 1

    def _give_back(self) -> None:
        """Give back what is claimed and not started, and the claims in doubt; the backlog stays where that fails."""
        if self._backlog:
            self.summary.given_back += self.manager.release_claims(self._backlog)
            self._backlog.clear()
        self.manager.claims.settle_doubts(self.manager.clock)
