"""How the queues of one database do: jobs by state now, failures over time, and what retrying them has brought.

The work is bounded, however large the tables are: what is not counted to the end is said to be so.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Count, Q, TextChoices
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from job_retry.django.dead_letters.aftermath import Aftermath, aftermath
from job_retry.django.dead_letters.stretches import Stretches
from job_retry.django.history.models import FailedAttempt
from job_retry.django.querysets import states_by_index
from job_retry.django.states import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from job_retry.django.dead_letters.aftermath import Waste
    from job_retry.django.queue import JobQueueManager

COUNTED_ATTEMPTS = 500_000
"""Failed attempts of the period that are counted: the latest."""
FOLLOWED_ATTEMPTS = 100_000
"""Of these, those whose jobs are looked at: the latest."""
COUNTED_JOBS = 1_000_000
"""Jobs of a queue that are counted, of those that no index knows: pending and done."""
WASTEFUL_GROUPS = 10
"""Of so many groups there is a sample: of those that have cost most."""
SAMPLE_CHARACTERS = 8192
"""Of an error's text; its template is shorter."""


class Period(TextChoices):
    """The time up to now that is shown."""

    HOUR = "hour", _("Last hour")
    DAY = "day", _("Last 24 hours")
    WEEK = "week", _("Last 7 days")
    ALL = "all", _("All the time")


class _Cut(NamedTuple):
    length: timedelta | None
    """None: from the first failure on record."""
    stretches: int


_CUTS = {
    Period.HOUR: _Cut(timedelta(hours=1), 60),  # of a minute
    Period.DAY: _Cut(timedelta(days=1), 48),  # of half an hour
    Period.WEEK: _Cut(timedelta(days=7), 56),  # of three hours
    Period.ALL: _Cut(None, 60),
}

_OTHERS = tuple(status for status in Status if status.value not in states_by_index())
"""The statuses of jobs that no index knows."""


@dataclass(frozen=True)
class QueueStanding:
    """The jobs of one queue by their state now."""

    name: str
    """Of the queue."""
    model: str
    """Label of its job model."""
    jobs: dict[Status, int]
    """Each status in the order in which it is declared."""
    is_exact: bool
    """Whether all were counted; else there are more that are pending or done."""


@dataclass(frozen=True)
class Failures:
    """Failed attempts over time."""

    stretches: Stretches
    by_verdict: dict[str, list[int]]
    """Verdict to the number in each stretch; those with most failures first."""
    by_rule: dict[str, list[int]]
    """The same by rule; "" stands for errors that no rule knows."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(map(sum, self.by_verdict.values()))

    def per_minute(self, counts: Sequence[int]) -> list[float]:
        """Return the rate in each stretch."""
        return [count * 60 / self.stretches.seconds for count in counts]


@dataclass(frozen=True)
class Overview:
    """What the page shows."""

    period: Period
    now: datetime
    queues: tuple[QueueStanding, ...]
    failures: Failures
    counted_from: datetime | None
    """From when on failures are counted, where those before it were too many; None: all of the period."""
    aftermath: Aftermath
    followed_from: datetime | None
    """The same of the failures whose jobs were looked at."""
    samples: dict[str, str]
    """Fingerprint of each group that `costliest` names to the beginning of its latest error."""


def overview(
    managers: Collection[JobQueueManager],
    using: str,
    period: Period,
    now: datetime,
    *,
    counted: int = COUNTED_ATTEMPTS,
    followed: int = FOLLOWED_ATTEMPTS,
    counted_jobs: int = COUNTED_JOBS,
) -> Overview:
    """Return the figures of the queues of ``managers``, all of which are in the database ``using``.

    Takes at most eight statements, and two more for each queue.
    """
    cut = _CUTS[period]
    attempts = FailedAttempt.objects.using(using)
    start = _first(attempts) or now if cut.length is None else now - cut.length
    attempts = attempts.filter(failed_at__gte=start)
    to_count, counted_from = _latest(attempts, counted)
    to_follow, followed_from = _latest(to_count, followed)
    followed_up = aftermath(to_follow, [manager.model for manager in managers])
    since, until = ((moment or start).replace(microsecond=0) for moment in (counted_from, now))
    return Overview(
        period=period,
        now=now,
        queues=tuple(_standing(manager, counted_jobs) for manager in managers),
        failures=_failures(to_count, Stretches.over(since, until, cut.stretches)),
        counted_from=counted_from,
        aftermath=followed_up,
        followed_from=followed_from or counted_from,
        samples=_samples(attempts, costliest(followed_up.waste_by_group, WASTEFUL_GROUPS)),
    )


def costliest(waste: Mapping[str, Waste], number: int) -> list[tuple[str, Waste]]:
    """Return the ``number`` items that have cost most time; of such as have cost the same, most attempts."""
    return sorted(waste.items(), key=lambda item: (-item[1].total, -item[1].attempts, item[0]))[:number]


def _first(attempts: QuerySet[FailedAttempt]) -> datetime | None:
    return attempts.order_by("failed_at").values_list("failed_at", flat=True).first()


def _latest(attempts: QuerySet[FailedAttempt], limit: int) -> tuple[QuerySet[FailedAttempt], datetime | None]:
    """Return the latest ``limit`` attempts, and since when they are, or None where they are all."""
    before = attempts.order_by("-failed_at").values_list("failed_at", flat=True)[limit : limit + 1]
    for moment in before:
        return attempts.filter(failed_at__gt=moment), moment
    return attempts, None


def _standing(manager: JobQueueManager, counted_jobs: int) -> QueueStanding:
    jobs = manager.jobs()
    counts = jobs.counts(**states_by_index())
    others = jobs.filter(status__in=_OTHERS).order_by()[:counted_jobs]
    counts |= others.aggregate(**{status.value: Count("pk", filter=Q(status=status)) for status in _OTHERS})
    return QueueStanding(
        name=manager.options.name,
        model=manager.model._meta.label,
        jobs={status: counts[status.value] for status in Status},
        is_exact=sum(counts[status.value] for status in _OTHERS) < counted_jobs,
    )


def _failures(attempts: QuerySet[FailedAttempt], stretches: Stretches) -> Failures:
    by_verdict: dict[str, list[int]] = defaultdict(lambda: [0] * stretches.number)
    by_rule: dict[str, list[int]] = defaultdict(lambda: [0] * stretches.number)
    counted = attempts.order_by().values_list("verdict", "rule", stretches.of("failed_at"))
    for verdict, rule, stretch, count in counted.annotate(count=Count("pk")):
        # What failed in the moment in which the last stretch ends counts in it, and so does what came after.
        position = min(max(stretch, 0), stretches.number - 1)
        by_verdict[verdict][position] += count
        by_rule[rule][position] += count
    return Failures(stretches, _most_first(by_verdict), _most_first(by_rule))


def _most_first(counts: Mapping[str, list[int]]) -> dict[str, list[int]]:
    return dict(sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0])))


def _samples(attempts: QuerySet[FailedAttempt], groups: Iterable[tuple[str, Waste]]) -> dict[str, str]:
    latest = [waste.latest for _, waste in groups]
    beginnings = attempts.filter(pk__in=latest).values_list("fingerprint", Left("error", SAMPLE_CHARACTERS))
    return dict(beginnings)
