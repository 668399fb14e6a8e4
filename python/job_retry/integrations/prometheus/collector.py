"""How the queues stand, asked of the database at each scrape; by indexes, and never by a look at jobs that are done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import Error
from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily

from job_retry.django.expressions import ready_since
from job_retry.django.history.keys import model_label
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.querysets import states_by_index
from job_retry.django.queue import get_queue_manager
from job_retry.django.settings import get_settings
from job_retry.integrations.prometheus.counters import queue_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job_retry.django.queue import JobQueueManager


GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "job_retry_jobs": ("Jobs that wait, run or are dead letters.", ("queue", "state")),
    "job_retry_ready_jobs": ("Jobs that a worker may claim now.", ("queue",)),
    "job_retry_oldest_ready_job_age_seconds": ("How long the first of them has waited; 0: none.", ("queue",)),
    "job_retry_open_dead_letters": ("Open dead letters.", ("queue",)),
    "job_retry_bulk_actions": ("Bulk actions that go on.", ("database", "kind")),
    "job_retry_bulk_action_letters": ("Dead letters of these actions.", ("database", "kind", "progress")),
    "job_retry_database_up": ("Whether the database answers.", ("database",)),
}
"""Name of a metric to what it is and its labels."""


class DatabaseCollector:
    """The gauges of all queues of the settings, and of the dead letters in their databases."""

    def describe(self) -> list[Any]:
        """Return nothing: else the registry would ask the database for the names of the metrics."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Ask the databases; one that does not answer is down, and has no other figures."""
        families = {name: GaugeMetricFamily(name, what, labels=labels) for name, (what, labels) in GAUGES.items()}
        managers = [get_queue_manager(name) for name in get_settings().queues]
        for using in dict.fromkeys(manager.using for manager in managers):
            samples = _samples(using, [manager for manager in managers if manager.using == using])
            families["job_retry_database_up"].add_metric([using], int(samples is not None))
            for name, labels, value in samples or ():
                families[name].add_metric(labels, value)
        yield from families.values()


class _Sample(NamedTuple):
    name: str
    labels: list[str]
    value: float


def _samples(using: str, managers: list[JobQueueManager]) -> list[_Sample] | None:
    """Return the figures of one database; None where it does not answer."""
    try:
        of_queues = [sample for manager in managers for sample in _of_queue(manager)]
        return [*of_queues, *_letters(using, managers), *_actions(using)]
    except Error:
        return None


def _of_queue(manager: JobQueueManager) -> Iterator[_Sample]:
    name, now = queue_name(manager), manager.clock()
    for state, count in manager.jobs().counts(**states_by_index()).items():
        yield _Sample("job_retry_jobs", [name, state], count)
    row = manager.jobs().ready(now).aggregate(count=Count("pk"), since=Min(ready_since()))
    age_seconds = 0.0 if row["since"] is None else max((now - row["since"]).total_seconds(), 0.0)
    yield _Sample("job_retry_ready_jobs", [name], row["count"])
    yield _Sample("job_retry_oldest_ready_job_age_seconds", [name], age_seconds)


def _letters(using: str, managers: list[JobQueueManager]) -> Iterator[_Sample]:
    found = DeadLetter.objects.using(using).filter(state=DeadLetter.State.OPEN)
    counts = dict(found.values_list("job_model").annotate(count=Count("pk")))
    for manager in managers:
        count = counts.get(model_label(manager.model), 0)
        yield _Sample("job_retry_open_dead_letters", [queue_name(manager)], count)


def _actions(using: str) -> Iterator[_Sample]:
    """Add up the actions of each kind that go on: a series for each would be one more with every action."""
    numbers: Counter[str] = Counter()
    letters: Counter[tuple[str, str]] = Counter()
    for action in BulkAction.objects.using(using).filter(state__in=BulkAction.LIVE):
        numbers[action.kind] += 1
        letters[action.kind, "total"] += action.total
        letters[action.kind, "done"] += action.done
        letters[action.kind, "skipped"] += action.handled - action.done
    for kind in BulkAction.Kind.values:
        yield _Sample("job_retry_bulk_actions", [using, kind], numbers[kind])
        for progress in ("total", "done", "skipped"):
            yield _Sample("job_retry_bulk_action_letters", [using, kind, progress], letters[kind, progress])
