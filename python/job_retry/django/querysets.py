"""Named queries on jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Count, F, Model, Q, QuerySet
from django.db.models.lookups import LessThanOrEqual

from job_retry.django.expressions import DueFrom, StatusIn, ready_since
from job_retry.django.states import CLAIMED, WAITING, Status

if TYPE_CHECKING:
    from datetime import datetime

JobT = TypeVar("JobT", bound=Model)


def due(now: datetime) -> Q:
    """Match waiting jobs whose time has come: what a worker may claim."""
    return Q(StatusIn(*WAITING)) & Q(LessThanOrEqual(DueFrom(), now))


class JobQuerySet(QuerySet[JobT]):
    """The queries of `RetryableJob.objects`. Readiness never looks at `retry_count`."""

    def waiting(self) -> JobQuerySet[JobT]:
        """In the queue and held by nobody, due or not."""
        return self.filter(StatusIn(*WAITING))

    def ready(self, now: datetime) -> JobQuerySet[JobT]:
        """Waiting, and due at ``now``."""
        return self.filter(due(now))

    def scheduled(self, now: datetime) -> JobQuerySet[JobT]:
        """Waiting, and due after ``now``."""
        return self.waiting().filter(scheduled_for__gt=now)

    def suspects(self) -> JobQuerySet[JobT]:
        """Waiting, and back from a worker that was lost while it held them: perhaps because of them."""
        return self.waiting().filter(lease_expires_at__isnull=False)

    def unsuspected(self) -> JobQuerySet[JobT]:
        """Without the suspects."""
        return self.exclude(Q(StatusIn(*WAITING)), lease_expires_at__isnull=False)

    def claimed(self) -> JobQuerySet[JobT]:
        """Launching or running, whether under a claim or by hand."""
        return self.filter(StatusIn(*CLAIMED))

    def lost(self, now: datetime) -> JobQuerySet[JobT]:
        """Claimed under a lease that has ended."""
        return self.claimed().filter(lease_expires_at__lt=now)

    def in_ready_order(self) -> JobQuerySet[JobT]:
        """Priority descending, then ready since, then pk: a retry stands behind what was ready before it."""
        return self.order_by("-priority", ready_since(), "pk")

    def dead_letters(self) -> JobQuerySet[JobT]:
        """Failed for good, the latest first."""
        return self.filter(StatusIn(Status.FAILED)).latest_failure_first()

    def latest_failure_first(self) -> JobQuerySet[JobT]:
        """`failed_at` descending, nulls last, then `last_error_at` descending."""
        return self.order_by(F("failed_at").desc(nulls_last=True), F("last_error_at").desc(nulls_last=True), "-pk")

    def counts(self, **conditions: Q) -> dict[str, int]:
        """Return how many jobs match each condition, in one statement."""
        row: dict[str, Any] = self.aggregate(**{name: Count("pk", filter=q) for name, q in conditions.items()})
        return row
