"""Who holds a job: the claim, kept in columns of the job's own row.

A claim is a holder, a token and a lease. Claiming is one guarded step, so that two workers never get the same job;
whatever is written for a claim afterwards carries its token in the WHERE clause, so that a claim that has passed on
changes nothing. The lease is how long the holder is believed to live without a sign of it.

A lease on a waiting job is a mark: the job came back from a worker that was lost, and is a *suspect* until an attempt
at it has ended. Suspects are claimed one at a time.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID, uuid4

from django.db import DatabaseError, connections, router, transaction
from django.db.models import Count, F, Max, Q
from django.db.models.functions import Greatest

from job_retry.django.doubts import Doubts
from job_retry.django.locking import lock_claiming
from job_retry.django.outages import OUTAGE_ERRORS
from job_retry.django.querysets import JobQuerySet, due
from job_retry.django.states import Status, entry_update, entry_values
from job_retry.django.wakeup import WakeUp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from job_retry.django.models import RetryableJob

logger = logging.getLogger("job_retry.queue")

_NEXT_SERIAL = F("attempt_serial") + 1
# In this order: the column is unsigned, and some databases refuse a negative difference even on the way.
_PREVIOUS_SERIAL = Greatest(F("attempt_serial"), 1) - 1

# What came from retrying is told by its columns: only a failed attempt leaves both a count and a date.
_CAME_FROM_RETRYING = Q(scheduled_for__isnull=False, retry_count__gt=0)

CHUNK_ROWS = 500
"""Keys in one statement; SQLite allows a limited number of parameters."""

CROWD = 20
"""Workers that may claim at the same moment on MariaDB and MySQL before one of them finds nothing at its first look."""


def came_from(job: RetryableJob) -> Status:
    """Return where a launching job was claimed, as `ColumnClaims.give_back` finds it out for rows."""
    return Status.RETRYING if job.scheduled_for is not None and job.retry_count > 0 else Status.QUEUED


class Holder(TypedDict):
    """Who holds jobs: a worker, or a process that launches without one."""

    name: str
    host: str
    pid: int | None
    """None where the program gave the worker a name of another form."""
    launching: int
    """Jobs that it launches, or is about to launch."""
    running: int
    """Detached runs that it launched."""
    renewed_at: datetime | None
    """When it renewed its leases last, or claimed; None where it holds detached runs only."""


def this_process() -> str:
    """Return the name under which this process claims jobs: ``host:pid:start``.

    The last part is random, and new for each process: a container's host and pid come back when it is started again.
    """
    return _process_name(os.getpid())


@cache
def _process_name(pid: int) -> str:
    return f"{socket.gethostname()[:200]}:{pid}:{secrets.token_hex(4)}"


def _claim_update(claim: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return what the rows get that are claimed."""
    return {**entry_update(Status.LAUNCHING, now), **claim, "attempt_serial": _NEXT_SERIAL}


def _show_claim(job: RetryableJob, claim: dict[str, Any], now: datetime) -> None:
    """Let ``job`` show its row, which was locked when the job was loaded, and then got the `_claim_update`."""
    entry = entry_values(Status.LAUNCHING, now, lambda name: getattr(job, name))
    job.show_engine_columns({**entry, **claim, "attempt_serial": job.attempt_serial + 1})


class ColumnClaims:
    """Claims on the jobs of one model in one database.

    A claim's lease ends after ``lease_seconds`` unless it is renewed. With a ``queue_limit`` there are never more
    claimed and running jobs than that, over all workers; whoever claims then waits for those who claim at the same
    moment. Workers that ``listen`` are told of claims given back.
    """

    def __init__(
        self,
        model: type[RetryableJob],
        using: str,
        lease_seconds: float,
        queue_limit: int | None = None,
        *,
        listen: bool = True,
    ) -> None:
        self.model = model
        self.using = using
        self.lease = timedelta(seconds=lease_seconds)
        self.queue_limit = queue_limit
        self.wake_up = WakeUp(model, using, listen=listen)
        self._doubts = Doubts()

    def jobs(self) -> JobQuerySet[Any]:
        """Return all jobs, whatever the model's own managers leave out."""
        return JobQuerySet(self.model, using=self.using)

    def row(self, job: RetryableJob) -> JobQuerySet[Any]:
        """Return the job's row; see `refuse_strangers`."""
        self.refuse_strangers([job])
        return self.jobs().filter(pk=job.pk)

    def refuse_strangers(self, jobs: Iterable[RetryableJob]) -> None:
        """Raise TypeError for a job of another model, ValueError for one of another database.

        Its key may be that of another job here. A job read from a replica is one of the database that the router
        writes it to.
        """
        for job in jobs:
            if not isinstance(job, self.model._meta.concrete_model or self.model):
                raise TypeError(f"{job!r:.200} is no {self.model._meta.label}; use the manager of its own queue.")
            database = job._state.db
            if database not in (None, self.using) and router.db_for_write(type(job), instance=job) != self.using:
                raise ValueError(
                    f"Job {job.pk} is in database {database!r}, and this manager's jobs are in {self.using!r}; "
                    f"use a manager made with using={database!r}."
                )

    def claim_next(self, limit: int, holder: str, now: datetime) -> list[Any]:
        """Claim up to ``limit`` ready jobs for ``holder``, in the ready order, and return them; no suspects."""
        return self._claim_first(self.jobs().ready(now).unsuspected(), limit, holder, now)

    def claim_suspect(self, holder: str, now: datetime) -> list[Any]:
        """Claim the first ready suspect for ``holder``, which must hold nothing else, and return it; none: []."""
        return self._claim_first(self.jobs().ready(now).suspects(), 1, holder, now)

    def _claim_first(self, ready: JobQuerySet[Any], limit: int, holder: str, now: datetime) -> list[Any]:
        if limit < 1:
            return []
        self.settle_doubts(lambda: now)
        ready, claim = ready.in_ready_order(), self._new_claim(holder, now)
        values = _claim_update(claim, now)
        with self._in_doubt_on_outage(Q(claim_token=claim["claim_token"]), self.lease.total_seconds()):
            try:
                jobs = self._write_claim(ready, limit, values)
            except (DatabaseError, *OUTAGE_ERRORS):
                raise
            except Exception:
                # A row that the model fails to load. Claimed all the same, it is lost together with whoever claimed it,
                # and in the end a dead letter; left alone, it would stand at the head of the queue for ever.
                self._write_claim(ready.values_list("pk", named=True), limit, values)
                raise
        for job in jobs:
            _show_claim(job, claim, now)
        return jobs

    def _write_claim(self, ready: QuerySet[Any, Any], limit: int, values: dict[str, Any]) -> list[Any]:
        """Claim the first rows of ``ready`` and return them as they were before."""
        with transaction.atomic(using=self.using):
            chosen = self._choose(ready, min(limit, self._room(limit)))
            keys = [row.pk for row in chosen]
            for start in range(0, len(keys), CHUNK_ROWS):
                self.jobs().filter(pk__in=keys[start : start + CHUNK_ROWS]).update(**values)
        return chosen

    def claim(self, job: RetryableJob, holder: str, now: datetime) -> bool:
        """Claim ``job`` if it is ready; the instance shows the row's state afterwards either way."""
        row = self.row(job)
        self.settle_doubts(lambda: now)
        claim = self._new_claim(holder, now)
        values = _claim_update(claim, now)
        ready, ours = row.filter(due(now)), Q(claim_token=claim["claim_token"])
        with self._in_doubt_on_outage(ours, self.lease.total_seconds()):
            if self.queue_limit is None:
                claimed = bool(ready.update(**values))
            else:
                with transaction.atomic(using=self.using):
                    claimed = self._room(1) > 0 and bool(ready.update(**values))
            try:
                job.refresh_from_db(using=self.using)
            except OUTAGE_ERRORS:
                raise
            except BaseException:
                if claimed:  # a method of the model's own failed: nobody else may wait for that
                    self.give_back(row.filter(ours), now)
                raise
        return claimed

    @contextmanager
    def given_back_on_outage(self, *jobs: RetryableJob) -> Iterator[None]:
        """Have the claims that ``jobs`` show given back later, should the database break off meanwhile.

        The caller sees its error, and launches them no more.
        """
        shown = Q(pk__in=[])
        for job in jobs:
            shown |= Q(pk=job.pk, claim_token=job.claim_token)
        with self._in_doubt_on_outage(shown):
            yield

    @contextmanager
    def _in_doubt_on_outage(self, claimed: Q, seconds: float = 0.0) -> Iterator[None]:
        try:
            yield
        except OUTAGE_ERRORS:
            self.give_back_later(claimed, seconds)
            raise

    def give_back_later(self, claimed: Q, seconds: float = 0.0) -> None:
        """Give back the launching jobs that match ``claimed`` when the database, which broke off, answers again.

        They are looked for again as long as the server may still write them: ``seconds``.
        """
        self._doubts.add(Q(status=Status.LAUNCHING) & claimed, seconds)
        connection = connections[self.using]
        if not connection.in_atomic_block:
            connection.close()  # else one that was cut off would fail for ever

    def settle_doubts(self, clock: Callable[[], datetime], *, again: bool = False) -> int:
        """Give back the claims of which nobody knew whether they were written, or that could not be launched.

        Mostly there are none, and nothing is asked of ``clock`` and the database. ``again``: also those that were
        looked for before, since a server may write them late.
        """

        def give_back(claimed: Q) -> int:
            rows = self.give_back(self.jobs().filter(claimed), clock())
            if rows:
                logger.warning("Gave back %d claims that the database had broken off.", rows)
            return rows

        return self._doubts.settle(give_back, again=again)

    def fenced(self, job: RetryableJob) -> JobQuerySet[Any]:
        """Return the job's row, as long as it stands under the claim and the attempt that the instance shows."""
        return self.row(job).filter(
            claim_token=job.claim_token, attempt_serial=job.attempt_serial, retry_count=job.retry_count
        )

    def give_back(self, claimed: JobQuerySet[Any], now: datetime) -> int:
        """Give back the claims on the jobs of ``claimed`` and return how many; the attempts count for nothing.

        A job that was launching returns to where it came from: retrying where it waited for a retry, else queued. Its
        serial is taken back, so that the next launch carries the same idempotency key: whether this one took place,
        nobody knows. One that was running waits for its retry, which is due at once, and is a new attempt.
        """
        claimed = claimed.claimed().filter(claim_token__isnull=False)
        launching = claimed.filter(status=Status.LAUNCHING)
        retrying = launching.filter(_CAME_FROM_RETRYING)
        with transaction.atomic(using=self.using):
            rows = (
                retrying.update(**entry_update(Status.RETRYING, now), attempt_serial=_PREVIOUS_SERIAL)
                + launching.update(**entry_update(Status.QUEUED, now), attempt_serial=_PREVIOUS_SERIAL)
                + claimed.filter(status=Status.RUNNING).update(
                    **{**entry_update(Status.RETRYING, now), "scheduled_for": now}
                )
            )
            if rows:
                self.wake_up.send()
        return rows

    def give_back_all(self, jobs: Collection[RetryableJob], now: datetime) -> int:
        """Give back the claims under which the instances ``jobs`` were loaded and return how many."""
        keys_by_token: dict[UUID, list[Any]] = defaultdict(list)
        for job in jobs:
            if job.claim_token is not None:
                keys_by_token[job.claim_token].append(job.pk)
        given_back = 0
        for token, keys in keys_by_token.items():  # jobs claimed together share a token
            for start in range(0, len(keys), CHUNK_ROWS):
                rows = self.jobs().filter(claim_token=token, pk__in=keys[start : start + CHUNK_ROWS])
                given_back += self.give_back(rows, now)
        return given_back

    def renew(self, holder: str, now: datetime) -> int:
        """Begin the leases of all that ``holder`` launches or is about to launch anew, and return how many they are.

        A detached run has a lease of its own, and a job set to launching by hand has none. No lease is made to end
        earlier: where this has waited for its turn to write, ``now`` is long past, and others may have been claimed.
        """
        ends = now + self.lease
        launching = self.held(holder).filter(status=Status.LAUNCHING, lease_expires_at__lte=ends)
        return launching.update(lease_expires_at=ends)

    def held(self, holder: str | None = None) -> JobQuerySet[Any]:
        """Return the claimed jobs, of ``holder`` or of everybody."""
        held = self.jobs().claimed().filter(claim_token__isnull=False)
        return held if holder is None else held.filter(claimed_by=holder)

    def holders(self) -> list[Holder]:
        """Return who holds jobs, by name."""
        launching = Q(status=Status.LAUNCHING)
        rows = self.held().order_by("claimed_by").values("claimed_by")
        rows = rows.annotate(
            launching=Count("pk", filter=launching),
            running=Count("pk", filter=Q(status=Status.RUNNING)),
            lease_end=Max("lease_expires_at", filter=launching),
        )
        return [self._holder(row) for row in rows]

    def _holder(self, row: dict[str, Any]) -> Holder:
        host, _, rest = row["claimed_by"].partition(":")
        pid = rest.partition(":")[0]
        return Holder(
            name=row["claimed_by"],
            host=host,
            pid=int(pid) if pid.isascii() and pid.isdigit() else None,
            launching=row["launching"],
            running=row["running"],
            renewed_at=None if row["lease_end"] is None else row["lease_end"] - self.lease,
        )

    def _choose(self, ready: QuerySet[Any, Any], limit: int) -> list[Any]:
        """Return the first rows of ``ready`` that nobody else is claiming, and keep others from claiming them."""
        features = connections[self.using].features
        if not features.has_select_for_update:
            lock_claiming(self.jobs())
            return list(ready[:limit])
        locking = ready.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        if connections[self.using].vendor != "mysql":
            return list(locking[:limit])
        # InnoDB locks each row that it looks at, not only those that a sorted statement returns, and whoever claims at
        # the same time would find nothing. So the order is read without locks, and then its first rows are locked.
        candidates = list(ready.values_list("pk", flat=True)[: limit * CROWD])
        chosen: list[Any] = []
        while candidates and len(chosen) < limit:
            wanted = limit - len(chosen)
            page, candidates = candidates[:wanted], candidates[wanted:]
            locked = {row.pk: row for row in locking.filter(pk__in=page)}
            chosen += [locked[pk] for pk in page if pk in locked]
        return chosen

    def _room(self, wanted: int) -> int:
        """Return how many more jobs may be claimed, with everybody else's claiming locked out until the commit."""
        if self.queue_limit is None:
            return wanted
        lock_claiming(self.jobs())
        return max(0, self.queue_limit - self.jobs().claimed().count())

    def _new_claim(self, holder: str, now: datetime) -> dict[str, Any]:
        return {"claim_token": uuid4(), "claimed_by": holder, "lease_expires_at": now + self.lease}
