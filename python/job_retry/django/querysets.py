"""Named queries on jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Count, F, Func, IntegerField, Model, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThanOrEqual

from job_retry.django.expressions import DueFrom, NoRow, StatusIn, ready_since
from job_retry.django.states import CLAIMED, WAITING, Status

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models.expressions import Combinable

# Not `Count`, beside which Django would group the rows of a subquery.
_NUMBER = Func("pk", function="COUNT", output_field=IntegerField())

JobT = TypeVar("JobT", bound=Model)


def is_running() -> Q:
    """Match running jobs."""
    return Q(StatusIn(*CLAIMED), status=Status.RUNNING)


def is_failed() -> Q:
    """Match dead letters."""
    return Q(StatusIn(Status.FAILED))


def states_by_index() -> dict[str, Q]:
    """Return how jobs are found of each status that an index knows, without a look at any others."""
    waiting = {status.value: Q(StatusIn(*WAITING), status=status) for status in WAITING}
    claimed = {status.value: Q(StatusIn(*CLAIMED), status=status) for status in CLAIMED}
    return {**waiting, **claimed, Status.FAILED.value: is_failed()}


def is_scheduled(now: datetime) -> Q:
    """Match waiting jobs that are due after ``now``."""
    return Q(StatusIn(*WAITING), scheduled_for__gt=now)


def due(now: datetime) -> Q:
    """Match waiting jobs whose time has come: what a worker may claim."""
    return Q(StatusIn(*WAITING)) & Q(LessThanOrEqual(DueFrom(), now))


def ask(jobs: JobQuerySet[Any], **numbers: Combinable) -> dict[str, int]:
    """Return what the database of ``jobs`` says, in one statement that looks at no row itself."""
    # An aggregate over no rows is one row, also where the table is empty.
    row: dict[str, Any] = jobs.filter(NoRow()).aggregate(
        **{name: Count("pk") + number for name, number in numbers.items()}
    )
    return row


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
        return self.filter(is_scheduled(now))

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
        return self.filter(is_failed()).latest_failure_first()

    def latest_failure_first(self) -> JobQuerySet[JobT]:
        """`failed_at` descending, nulls last, then `last_error_at` descending."""
        return self.order_by(F("failed_at").desc(nulls_last=True), F("last_error_at").desc(nulls_last=True), "-pk")

    def is_drained(self, now: datetime) -> bool:
        """Return whether nothing is ready, claimed or waiting for a retry, and nothing runs under a live lease."""
        waiting = self.waiting().filter(due(now) | Q(status=Status.RETRYING)).in_ready_order()
        claimed = self.claimed().filter(Q(status=Status.LAUNCHING) | Q(lease_expires_at__gt=now)).order_by("claimed_by")
        # In one statement, since a job may pass from one to the other meanwhile; and each in the order of its index, so
        # that the database goes by that, whatever its statistics say.
        first = {"waiting": waiting.values(found=Value(1))[:1], "claimed": claimed.values(found=Value(1))[:1]}
        return not any(ask(self, **{name: Coalesce(Subquery(jobs), 0) for name, jobs in first.items()}).values())

    def counts(self, **conditions: Q) -> dict[str, int]:
        """Return how many jobs match each condition, in one statement, but each by the index that suits it."""
        numbers = {name: self.filter(q).order_by().values(number=_NUMBER) for name, q in conditions.items()}
        return ask(self, **{name: Subquery(number) for name, number in numbers.items()})
