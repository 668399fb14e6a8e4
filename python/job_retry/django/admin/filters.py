"""Filters of the job list: by the strategy that decides on a job, and by the age of its state."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, NullIf
from django.db.models.lookups import In
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from job_retry.django.queue import get_queue_manager
from job_retry.django.registry import model_queue
from job_retry.django.states import Status
from job_retry.django.strategies import DEFAULT_STRATEGY, HIGH_PRIORITY_FROM, LOW_PRIORITY_TO, strategy_label

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager


def model_queue_manager(model: type[RetryableJob]) -> JobQueueManager:
    """Return the manager of the queue that serves ``model``; `ImproperlyConfigured` says why there is none."""
    return get_queue_manager(model_queue(model).name)


SINCE = Coalesce(
    "failed_at",
    "completed_at",
    Case(When(status=Status.TIMEOUT, then=F("last_error_at"))),
    "queued_at",
)
"""Since when a job has been what it is: ended, a dead letter, or in the queue. Null for pending and cancelled ones."""


def since(job: Any) -> datetime | None:
    """Return `SINCE` of one job."""
    timed_out_at = job.last_error_at if job.status == Status.TIMEOUT else None
    moment: datetime | None = job.failed_at or job.completed_at or timed_out_at or job.queued_at
    return moment


def strategy_expression(manager: JobQueueManager) -> Case:
    """Return `JobQueueManager.strategy_name` as an expression on rows of the queue."""
    names = list(manager.strategies)
    named = Coalesce(
        NullIf("retry_strategy", Value("")),
        Value(manager.model.default_retry_strategy or manager.options.strategy or DEFAULT_STRATEGY),
    )
    by_priority = {
        "high_priority": Q(priority__gte=HIGH_PRIORITY_FROM),
        "conservative": Q(priority__lte=LOW_PRIORITY_TO),
    }
    return Case(
        *(
            When(matches, then=Value(name if name in names else DEFAULT_STRATEGY))
            for name, matches in by_priority.items()
            if manager.options.priority_strategies
        ),
        When(In(named, names), then=named),
        default=Value(DEFAULT_STRATEGY),
        output_field=CharField(),
    )


class StrategyFilter(admin.SimpleListFilter):
    """Jobs by the strategy that decides on them, whether they name it or their priority chooses it."""

    title = _("retry strategy")
    parameter_name = "strategy"

    def lookups(self, _request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the registered strategies; none, which hides the filter, where no queue serves the model."""
        try:
            manager = model_queue_manager(model_admin.model)
        except ImproperlyConfigured:
            return []
        return [(name, strategy_label(name)) for name in manager.strategies]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the jobs of the chosen strategy."""
        if self.value() is None:
            return queryset
        expression = strategy_expression(model_queue_manager(queryset.model))
        jobs: QuerySet[Any] = queryset.alias(deciding_strategy=expression).filter(deciding_strategy=self.value())
        return jobs


class Age(NamedTuple):
    """One choice of the filter by age."""

    key: str
    label: str | _StrPromise
    at_least: timedelta | None
    less_than: timedelta | None


AGES = (
    Age("hour", _("Under 1 hour"), None, timedelta(hours=1)),
    Age("day", _("1 to 24 hours"), timedelta(hours=1), timedelta(days=1)),
    Age("week", _("1 to 7 days"), timedelta(days=1), timedelta(days=7)),
    Age("older", _("Over 7 days"), timedelta(days=7), None),
)
NO_DATE = "none"


class AgeFilter(admin.SimpleListFilter):
    """Jobs by the time since they ended, became dead letters, or entered the queue."""

    title = _("age")
    parameter_name = "age"

    def lookups(self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """Return the rows of `AGES`, and the jobs that no date is known of."""
        return [*((age.key, age.label) for age in AGES), (NO_DATE, _("No date"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the jobs of the chosen age."""
        key = self.value()
        queryset = queryset.alias(job_since=SINCE)
        if key == NO_DATE:
            return queryset.filter(job_since__isnull=True)
        now = _now(queryset.model)
        for age in AGES:
            if age.key == key:
                if age.at_least is not None:
                    queryset = queryset.filter(job_since__lte=now - age.at_least)
                if age.less_than is not None:
                    queryset = queryset.filter(job_since__gt=now - age.less_than)
        return queryset


def _now(model: type[RetryableJob]) -> datetime:
    try:
        return model_queue_manager(model).clock()
    except ImproperlyConfigured:
        return timezone.now()
