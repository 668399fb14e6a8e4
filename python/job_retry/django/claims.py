"""Who holds a job: the claim, kept in columns of the job's own row.

A claim is a holder and a token. Claiming is one guarded step, so that two workers never get the same job; whatever
is written for a claim afterwards carries its token in the WHERE clause, so that a claim that has passed on changes
nothing.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.db import connections, transaction
from django.db.models import F

from job_retry.django.querysets import JobQuerySet, due
from job_retry.django.states import CLAIMED, Status, entry_update

if TYPE_CHECKING:
    from datetime import datetime

    from job_retry.django.models import RetryableJob

CLAIM_SERIAL = F("attempt_serial") + 1
GIVE_BACK_SERIAL = F("attempt_serial") - 1


def this_process() -> str:
    """Return the name under which this process claims jobs: ``host:pid``."""
    return f"{socket.gethostname()[:200]}:{os.getpid()}"


class ColumnClaims:
    """Claims on the jobs of one model in one database."""

    def __init__(self, model: type[RetryableJob], using: str) -> None:
        self.model = model
        self.using = using

    def jobs(self) -> JobQuerySet[Any]:
        """Return all jobs, whatever the model's own managers leave out."""
        return JobQuerySet(self.model, using=self.using)

    def claim_next(self, limit: int, holder: str, now: datetime) -> list[Any]:
        """Claim up to ``limit`` ready jobs for ``holder``, in the ready order, and return them."""
        if limit < 1:
            return []
        token = uuid4()
        ready = self.jobs().ready(now).in_ready_order()
        values = self._claim_values(token, holder, now)
        if connections[self.using].features.has_select_for_update_skip_locked:
            with transaction.atomic(using=self.using):
                locked = list(ready.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
                if locked:
                    self.jobs().filter(pk__in=locked).update(**values)
        else:
            # One statement, which SQLite runs under its single write lock: nobody else claims in between.
            self.jobs().filter(pk__in=ready.values("pk")[:limit]).update(**values)
        return list(self.jobs().filter(claim_token=token, status=Status.LAUNCHING).in_ready_order())

    def claim(self, job: RetryableJob, holder: str, now: datetime) -> bool:
        """Claim ``job`` if it is ready; the instance shows the row's state afterwards either way."""
        ready = self.jobs().filter(due(now), pk=job.pk)
        claimed = bool(ready.update(**self._claim_values(uuid4(), holder, now)))
        job.refresh_from_db(using=self.using)
        return claimed

    def fenced(self, job: RetryableJob) -> JobQuerySet[Any]:
        """Return the job's row, as long as it stands under the claim and the attempt that the instance shows."""
        return self.jobs().filter(
            pk=job.pk,
            claim_token=job.claim_token,
            attempt_serial=job.attempt_serial,
            retry_count=job.retry_count,
        )

    def give_back(self, claimed: JobQuerySet[Any], now: datetime) -> int:
        """Give back the claims on the jobs of ``claimed`` and return how many; the attempts count for nothing.

        A job that was launching returns to where it came from: retrying where it waited for a retry, else queued. One
        that was running waits for its retry, which is due at once. The attempt's serial is taken back, so that the
        next launch carries the same idempotency key: whether this one took place, nobody knows.
        """
        claimed = claimed.filter(claim_token__isnull=False)
        launching = claimed.filter(status=Status.LAUNCHING)
        with transaction.atomic(using=self.using):
            # What came from retrying is told by its columns: only a failed attempt leaves both a count and a date.
            retrying = launching.filter(scheduled_for__isnull=False, retry_count__gt=0)
            return (
                retrying.update(**entry_update(Status.RETRYING, now), attempt_serial=GIVE_BACK_SERIAL)
                + launching.update(**entry_update(Status.QUEUED, now), attempt_serial=GIVE_BACK_SERIAL)
                + claimed.filter(status=Status.RUNNING).update(
                    **{**entry_update(Status.RETRYING, now), "scheduled_for": now},
                    attempt_serial=GIVE_BACK_SERIAL,
                )
            )

    def held(self, holder: str | None = None) -> JobQuerySet[Any]:
        """Return the claimed jobs, of ``holder`` or of everybody."""
        held = self.jobs().filter(status__in=CLAIMED, claim_token__isnull=False)
        return held if holder is None else held.filter(claimed_by=holder)

    @staticmethod
    def _claim_values(token: UUID, holder: str, now: datetime) -> dict[str, Any]:
        return {
            **entry_update(Status.LAUNCHING, now),
            "claim_token": token,
            "claimed_by": holder,
            "lease_expires_at": None,
            "attempt_serial": CLAIM_SERIAL,
        }
