"""Whether retrying helps: what followed on failed attempts, and what was spent for nothing.

A *retry* is what a failed attempt was granted: the decision on it was ``attempts left``. (A job that comes back from a
lost worker is no retry: nothing was decided on an error of its own.) What became of a retry:

- *helped*: the next attempt succeeded. The job is completed, and this was its last failed attempt.
- *failed again*: so did the next attempt; or the job failed, or timed out, before there was one.
- *open*: the next attempt is still to come, or under way.
- *unknown*: the job was called off before it, or is gone. That counts for neither side.

A retry that failed again may have been followed by one that helped: the job *succeeded later*.

An attempt was *wasted* if its job has ended without success: failed, timed out or cancelled. Of jobs that are still
under way, or gone, nobody knows. What it has cost is the time that it ran, and the delay that was waited after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.db.models import (
    Case,
    CharField,
    Count,
    DurationField,
    F,
    Func,
    IntegerField,
    Max,
    Q,
    Sum,
    TextField,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, In, LessThanOrEqual

from job_retry.django.decision import ATTEMPTS_LEFT
from job_retry.django.history.keys import model_label
from job_retry.django.history.models import FailedAttempt
from job_retry.django.states import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model, QuerySet
    from django.db.models.expressions import Combinable

GROUPS = 1000
"""Of so many the waste is counted: of those with most wasted attempts."""


@dataclass
class Retries:
    """What became of the retries of one kind, each counted once."""

    helped: int = 0
    failed_again: int = 0
    open: int = 0
    unknown: int = 0
    succeeded_later: int = 0
    """Of those that failed again."""

    @property
    def granted(self) -> int:
        """All of them."""
        return self.helped + self.failed_again + self.open + self.unknown

    @property
    def success_rate(self) -> float | None:
        """The share that helped of those of which it is known, from 0 to 1; None where there are none such."""
        known = self.helped + self.failed_again
        return self.helped / known if known else None

    @property
    def never_helped(self) -> bool:
        """Whether jobs were retried, and none of them has succeeded so far."""
        return self.failed_again > 0 and self.helped == self.succeeded_later == 0


@dataclass
class Waste:
    """What attempts have cost whose jobs ended without success."""

    attempts: int = 0
    running: timedelta = timedelta()
    """From start to failure, of those attempts whose start is known."""
    waiting: timedelta = timedelta()
    """The delays until the attempts after them."""
    latest: int = 0
    """Key of the last of these attempts on the ledger."""

    @property
    def total(self) -> timedelta:
        """The time spent in all."""
        return self.running + self.waiting


@dataclass
class Aftermath:
    """What followed on failed attempts. A rule of "" stands for errors that no rule knows."""

    retries_by_rule: dict[str, Retries] = field(default_factory=lambda: defaultdict(Retries))
    retries_by_attempt: dict[int, Retries] = field(default_factory=lambda: defaultdict(Retries))
    """By the number of the attempt that had failed."""
    waste_by_rule: dict[str, Waste] = field(default_factory=lambda: defaultdict(Waste))
    waste_by_group: dict[str, Waste] = field(default_factory=lambda: defaultdict(Waste))
    """By fingerprint."""


class Fate(IntEnum):
    """How an attempt's job stands, seen from the attempt."""

    GONE = 0
    SUCCEEDED_NEXT = 1
    SUCCEEDED_LATER = 2
    UNDER_WAY = 3
    UNDER_WAY_LATER = 4
    """After a later attempt has failed."""
    CALLED_OFF = 5
    """Before a later attempt failed."""
    ENDED = 6
    """Without success."""


_BECAME: dict[Fate, tuple[str, ...]] = {
    Fate.GONE: ("unknown",),
    Fate.SUCCEEDED_NEXT: ("helped",),
    Fate.SUCCEEDED_LATER: ("failed_again", "succeeded_later"),
    Fate.UNDER_WAY: ("open",),
    Fate.UNDER_WAY_LATER: ("failed_again",),
    Fate.CALLED_OFF: ("unknown",),
    Fate.ENDED: ("failed_again",),
}
"""What a retry counts as."""

_WITHOUT_SUCCESS = tuple(status.value for status in (Status.FAILED, Status.TIMEOUT, Status.CANCELLED))


def aftermath(attempts: QuerySet[FailedAttempt], models: Iterable[type[Model]], *, groups: int = GROUPS) -> Aftermath:
    """Return what followed on ``attempts`` of jobs of ``models``, in three statements.

    They look at the job of each attempt, by its key: let ``attempts`` be a bounded number. Jobs of other models count
    as gone. The waste by group is that of at most ``groups`` groups.
    """
    found = Aftermath()
    retried = attempts.filter(reason=ATTEMPTS_LEFT).order_by().values_list("rule", "attempt")
    gone = Counter({(rule, attempt): count for rule, attempt, count in retried.annotate(count=Count("pk"))})
    jobs = [_Jobs(model, attempts) for model in models]
    for row in _united([each.attempts.values("rule", "attempt", "reason", fate=each.fate()) for each in jobs]):
        if row["reason"] == ATTEMPTS_LEFT:
            gone[row["rule"], row["attempt"]] -= row["count"]
            _count(found, row["rule"], row["attempt"], Fate(row["fate"]), row["count"])
        if row["fate"] in (Fate.CALLED_OFF, Fate.ENDED):
            _add(found.waste_by_rule[row["rule"]], row)
    wasted = _united([each.attempts.filter(each.without_success()).values("fingerprint") for each in jobs])
    for row in wasted.order_by("-count", "fingerprint")[:groups]:
        _add(found.waste_by_group[row["fingerprint"]], row)
    for (rule, attempt), count in gone.items():
        if count > 0:
            _count(found, rule, attempt, Fate.GONE, count)
    return found


def _united(of_models: Iterable[QuerySet[Any, Any]]) -> QuerySet[Any, Any]:
    """Return the rows of all models' attempts, with how many each stands for and what they have cost."""
    cost: dict[str, Any] = {
        "count": Count("pk"),
        "running": Sum(F("failed_at") - F("started_at"), output_field=DurationField()),
        "waiting": Sum("delay_seconds"),
        "latest": Max("pk"),
    }
    counted: list[QuerySet[Any, Any]] = [rows.annotate(**cost) for rows in of_models]
    first, *others = counted or [FailedAttempt.objects.none()]
    return first.union(*others, all=True) if others else first


def _count(found: Aftermath, rule: str, attempt: int, fate: Fate, count: int) -> None:
    for retries in (found.retries_by_rule[rule], found.retries_by_attempt[attempt]):
        for name in _BECAME[fate]:
            setattr(retries, name, getattr(retries, name) + count)


def _add(waste: Waste, row: dict[str, Any]) -> None:
    waste.attempts += row["count"]
    waste.running += row["running"] or timedelta()
    waste.waiting += timedelta(seconds=row["waiting"] or 0)
    waste.latest = max(waste.latest, row["latest"])


class _Jobs:
    """The jobs of a model, as a second table in a query on the ledger."""

    def __init__(self, model: type[Model], attempts: QuerySet[FailedAttempt]) -> None:
        self._model = model
        # The ORM joins tables by relations, and this is none: the key is that of any model's job, as text.
        of_model = attempts.filter(job_model=model_label(model)).order_by()
        beside = of_model.extra(tables=[model._meta.db_table])  # noqa: S610 - Django quotes it
        self.attempts = beside.filter(Exact(self._column(model._meta.pk.name), self._key(attempts.db)))
        """Those of the attempts whose job there is, joined to its row."""

    def without_success(self) -> Combinable:
        """Match attempts whose job has ended without success."""
        return In(self._column("status"), _WITHOUT_SUCCESS)

    def fate(self) -> Case:
        """Return the `Fate` of an attempt's job, seen from the attempt."""
        # The next attempt has the next serial. That of a job which failed without another launch has the same, but the
        # job's count is higher then; where somebody has granted a fresh count it is lower.
        was_last = Q(LessThanOrEqual(self._column("attempt_serial"), F("attempt_serial") + 1)) & Q(
            LessThanOrEqual(self._column("retry_count"), F("attempt"))
        )
        completed = Q(Exact(self._column("status"), Value(Status.COMPLETED.value)))
        cancelled = Q(Exact(self._column("status"), Value(Status.CANCELLED.value)))
        conditions = (
            (completed & was_last, Fate.SUCCEEDED_NEXT),
            (completed, Fate.SUCCEEDED_LATER),
            (cancelled & was_last, Fate.CALLED_OFF),
            (Q(self.without_success()), Fate.ENDED),
            (was_last, Fate.UNDER_WAY),
        )
        return Case(
            *(When(condition, then=Value(fate.value)) for condition, fate in conditions),
            default=Value(Fate.UNDER_WAY_LATER.value),
            output_field=IntegerField(),
        )

    def _column(self, name: str) -> _Column:
        return _Column(self._model._meta.db_table, self._model._meta.get_field(name))

    def _key(self, using: str) -> Combinable:
        """Return the key of an attempt's job in the type of the job's own, so that its index finds it."""
        pk: Any = self._model._meta.pk
        while pk.remote_field is not None:  # the key of a child is that of its parent
            pk = pk.target_field
        kept_as_text = isinstance(pk, (CharField, TextField)) or (
            isinstance(pk, UUIDField) and not connections[using].features.has_native_uuid_field
        )
        return F("job_key") if kept_as_text else Cast("job_key", pk)


class _Column(Func):
    """A column of a table that stands in the query by its own name."""

    arity = 0

    def __init__(self, table: str, field: Any) -> None:
        super().__init__(output_field=field)
        self._name = (table, field.column)

    def as_sql(self, compiler: Any, connection: Any, *_args: Any, **_context: Any) -> Any:  # noqa: ARG002
        """Write it."""
        table, column = self._name
        return f"{connection.ops.quote_name(table)}.{connection.ops.quote_name(column)}", []
