"""What a worker claims next: the jobs of lost workers are brought back first, and suspects have their turn.

A worker that has found nothing looks by one statement whether there is anything, before it claims by several.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from django.db.models import Exists

from job_retry.django.expressions import ready_since
from job_retry.django.leases import LeaseKeeper
from job_retry.django.worker.listening import Listener
from job_retry.django.worker.summons import YOUNG_SECONDS, Summons

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from job_retry.django.queue import JobQueueManager

PATIENCE_LEASES = 2
"""For so many leases a worker with other jobs leaves suspects to others; then it takes nothing new until it is idle."""

TURN_LEASES = 1
"""For so many leases a worker then takes one suspect after the other: getting idle is what they cost most."""


class WorkerClaims:
    """The claims of the worker ``name``, and the leases that it keeps.

    A suspect is claimed by a worker that runs nothing else, and runs alone. Suspects and other jobs have their turns,
    so that neither kind waits for the end of the other. ``wake`` is called, in another thread, when the worker had
    better look for jobs at once; ``monotonic`` returns seconds.
    """

    def __init__(
        self,
        manager: JobQueueManager,
        name: str,
        monotonic: Callable[[], float],
        wake: Callable[[], None] = lambda: None,
        summons: Summons | None = None,
    ) -> None:
        self._manager = manager
        self._name = name
        self._monotonic = monotonic
        self._lease_seconds = manager.claims.lease.total_seconds()
        self._looked_at = -float("inf")
        self._turned_at = monotonic()
        self._claimed_at = self._written_at = -float("inf")
        self._suspects_since: float | None = None
        self._turn_ends = -float("inf")
        self._has_found_nothing = False
        # By time that goes on whatever the worker's clock says: one that stands still would put a claim off for ever.
        self._summons = summons or Summons()
        self._seen: Any = None
        self.postponed_seconds = math.inf
        """After how long `may_find` is to be asked again, for this turn; infinity: it need not be."""
        self.runs_alone = False
        """Whether the last claim was a suspect, beside which nothing may run."""
        self._keeper = LeaseKeeper(manager, name, is_alive=self._turns, monotonic=monotonic)
        self._wake = wake
        self._listener = Listener(manager, name, heard=self.hear, connected=wake, monotonic=monotonic)

    def start(self) -> None:
        """Begin to renew leases, and to listen for new jobs."""
        self._keeper.start()
        self._listener.start()

    def stop(self) -> None:
        """Renew nothing more, and listen no more."""
        self._listener.stop()
        self._keeper.stop()

    def hear(self) -> None:
        """Take note, in any thread, that the workers are told of jobs."""
        if self._summons.heard():
            self._wake()

    def turn(self) -> None:
        """Say that the worker does not hang."""
        self._turned_at = self._monotonic()
        self.postponed_seconds = math.inf

    def hold(self) -> bool:
        """Return whether the lease of the last claim is live, so that what is left of it may be started."""
        return self._keeper.holds(self._claimed_at, self._written_at)

    def look_after_others(self) -> None:
        """Bring back the jobs of lost workers, and see whether suspects wait, once in a while."""
        now = self._monotonic()
        if now - self._looked_at < self._manager.renew_seconds:
            return
        self._manager.rescue_lost_jobs()
        waiting = self._is_suspect_ready()
        self._looked_at = now
        if not waiting:
            self._suspects_since = None
        elif self._suspects_since is None:
            self._suspects_since = now

    def next(self, limit: int, *, idle: bool) -> list[Any]:
        """Claim up to ``limit`` jobs; ``idle`` says that the worker runs nothing."""
        self.runs_alone = False
        self._summons.look()
        jobs = self._next(limit, idle=idle)
        self._has_found_nothing = not jobs
        self._summons.claimed(found=bool(jobs))
        self.postponed_seconds = self._summons.wait_seconds
        return jobs

    def may_find(self, *, idle: bool) -> bool:
        """Return whether `next` is worth its statements: where the last one found nothing, one statement looks."""
        if not self._has_found_nothing or self._summons.is_promising:
            return True
        wait_seconds = self._summons.wait_seconds
        if 0.0 < wait_seconds < math.inf:
            self.postponed_seconds = wait_seconds
            return False
        self._summons.look()
        first = self._first_ready(idle=idle)
        is_left_to_others = first is not None and wait_seconds == 0.0 and self._may_be_in_hand(*first)
        if first is not None and not is_left_to_others:
            return True
        self._summons.followed(again=is_left_to_others)
        self.postponed_seconds = self._summons.wait_seconds
        return False

    def _first_ready(self, *, idle: bool) -> tuple[Any, datetime | None] | None:
        """Return the key of the first job that may be claimed, and since when it is ready; None: there is none."""
        jobs, queue_limit = self._manager.jobs(), self._manager.claims.queue_limit
        ready = jobs.ready(self._manager.clock())
        if not idle:
            ready = ready.unsuspected()
        if queue_limit is not None:
            ready = ready.exclude(Exists(jobs.claimed()[queue_limit - 1 : queue_limit]))
        # In an order, unlike `exists`: so the database goes by the index of waiting jobs whatever its statistics say.
        return next(iter(ready.in_ready_order().values_list("pk", ready_since())[:1]), None)

    def _may_be_in_hand(self, pk: Any, ready_from: datetime | None) -> bool:
        """Return whether a job may be in the middle of somebody's claim: it is new, here and in the queue."""
        is_new_here, self._seen = pk != self._seen, pk
        if not is_new_here or ready_from is None:
            return False
        return (self._manager.clock() - ready_from).total_seconds() < YOUNG_SECONDS

    def _next(self, limit: int, *, idle: bool) -> list[Any]:
        if self._suspects_since is not None and self._is_turn_of_suspects(self._suspects_since, idle=idle):
            jobs = self._claim_suspect() if idle else []
            if jobs or not idle:
                return jobs
        jobs = self._claim_others(limit)
        if not jobs and idle and (self._suspects_since is not None or self._is_suspect_ready()):
            return self._claim_suspect()
        return jobs

    def _is_turn_of_suspects(self, waiting_since: float, *, idle: bool) -> bool:
        now = self._monotonic()
        if now < self._turn_ends:
            return True
        patience_seconds = PATIENCE_LEASES * self._lease_seconds
        # Others have had no turn before a worker's first; and a worker that is idle has nothing to get done with.
        begins = self._turn_ends if idle else max(self._turn_ends, waiting_since)
        if now < begins + patience_seconds:
            return False
        if idle:
            self._turn_ends = now + TURN_LEASES * self._lease_seconds
        return True

    def _is_suspect_ready(self) -> bool:
        ready = self._manager.jobs().ready(self._manager.clock())
        return bool(ready.suspects().in_ready_order().values_list("pk")[:1])  # in an order: see `_first_ready`

    def _claim_others(self, limit: int) -> list[Any]:
        return self._timed(lambda: self._manager.claim_next_batch(limit, self._name))

    def _claim_suspect(self) -> list[Any]:
        jobs = self._timed(lambda: self._manager.claim_suspect(self._name))
        self.runs_alone = bool(jobs)
        if not jobs:
            self._suspects_since = None
        return jobs

    def _timed(self, claim: Callable[[], list[Any]]) -> list[Any]:
        self._claimed_at = self._monotonic()
        jobs = claim()
        self._written_at = self._monotonic()
        return jobs

    def _turns(self) -> bool:
        return self._monotonic() - self._turned_at < self._lease_seconds
