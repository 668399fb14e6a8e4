"""Dead letters by cause: how many, since when, and what is known of them, in a fixed number of narrow queries."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, Func, IntegerField, Max, Min, OuterRef, Q, TextChoices, Window
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from job_retry.django.dead_letters.stretches import Stretches
from job_retry.django.history.models import DeadLetter, FailedAttempt, GroupMark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from job_retry.django.dead_letters.selection import Selection

GROUPS_A_PAGE = 25
TREND_STRETCHES = 30
"""Of time, each of which has a bar in a group's sparkline."""
SAMPLE_CHARACTERS = 8192
"""Of an error's text, which may have eight times as many; a template is shorter still."""


class Tab(TextChoices):
    """Groups by what people know of them."""

    ATTENTION = "attention", _("Needs attention")
    """Not marked, or seen again since."""

    KNOWN = "known", _("Known")
    RESOLVED = "resolved", _("Resolved")
    ALL = "all", _("All")


class Order(TextChoices):
    """Which groups come first."""

    COUNT = "count", _("Most jobs first")
    LAST = "last", _("Latest first")


_ORDERS = {
    Order.COUNT: ("-count", "-last_died_at", "fingerprint"),
    Order.LAST: ("-last_died_at", "-count", "fingerprint"),
}


@dataclass(frozen=True)
class Group:
    """The letters of one cause among those selected."""

    fingerprint: str
    """"": no error is on record, since they were set to failed by hand."""
    count: int
    share: float
    """Of all letters that are selected, from 0 to 1."""
    first_died_at: datetime
    last_died_at: datetime
    trend: tuple[int, ...]
    """Letters in each stretch of the time that the page spans."""
    sample: str
    """The latest error, or its beginning; "" where none is on record (any more)."""
    why: str
    """Why the rule decided so on the latest error."""
    verdict: str
    """Of the latest error."""
    rules: tuple[str, ...]
    """Those that decided, the one of the latest error first; none where no rule did."""
    models: tuple[str, ...]
    """Labels of the job models."""
    strategies: tuple[str, ...]
    exception_classes: tuple[str, ...]
    mark: GroupMark | None
    """What somebody noted of the cause."""
    is_back: bool
    """Whether a job has died of the cause since it was marked."""


@dataclass(frozen=True)
class GroupTotals:
    """How many groups and letters there are."""

    groups: dict[Tab, int]
    letters: int
    """In all groups."""


@dataclass(frozen=True)
class GroupList:
    """One page of groups."""

    groups: tuple[Group, ...]
    totals: GroupTotals
    page: int
    pages: int
    stretches: Stretches | None
    """What a group's trend counts by; None where there are no groups."""


def list_groups(
    selection: Selection,
    using: str,
    *,
    now: datetime,
    tab: Tab = Tab.ATTENTION,
    order: Order = Order.COUNT,
    page: int = 1,
    page_size: int = GROUPS_A_PAGE,
) -> GroupList:
    """Return a page of the groups of the selected letters; one beyond the last page is the last."""
    letters = selection.letters(using)
    marks = GroupMark.objects.using(using)
    groups = (
        letters.filter(_in_tab(tab, marks))
        .values("fingerprint")
        .annotate(count=Count("*"), first_died_at=Min("died_at"), last_died_at=Max("died_at"))
    )
    # To go through all letters is what this costs, so the same look says how many there are, beside each row.
    groups = groups.annotate(tab_groups=Window(_CountRows()), tab_letters=Window(_SumOf("count")))
    page = max(page, 1)
    rows = _page_of(groups, order, page, page_size)
    if not rows and page > 1:
        first = _page_of(groups, order, 1, 1)
        page = max(1, math.ceil((first[0]["tab_groups"] if first else 0) / page_size))
        rows = _page_of(groups, order, page, page_size)
    seen = rows[0] if rows else {"tab_groups": 0, "tab_letters": 0}
    totals = _totals(letters, marks, tab, seen["tab_groups"], seen["tab_letters"])
    pages = max(1, math.ceil(seen["tab_groups"] / page_size))
    if not rows:
        return GroupList((), totals, page, pages, None)
    shown = [row["fingerprint"] for row in rows]
    stretches = Stretches.over(
        selection.died_from or min(row["first_died_at"] for row in rows),
        selection.died_until or max(now, *(row["last_died_at"] for row in rows)),
        TREND_STRETCHES,
    )
    of_shown = letters.filter(fingerprint__in=shown)
    facts = _facts(of_shown, stretches)
    samples = _samples([fact.latest_failure for fact in facts.values()], using)
    noted = {mark.fingerprint: mark for mark in marks.filter(fingerprint__in=shown).annotate(is_back=_seen_again())}
    # Between two of the queries the last letter of a group may be requeued; the group is shown as it was.
    listed = [_group(row, totals.letters, facts[row["fingerprint"]], samples, noted) for row in rows]
    return GroupList(tuple(listed), totals, page, pages, stretches)


def mark_of(using: str, fingerprint: str) -> GroupMark | None:
    """Return the mark of a group, with ``is_back``: whether it no longer counts."""
    marks = GroupMark.objects.using(using).filter(fingerprint=fingerprint)
    return marks.annotate(is_back=_seen_again()).first()


def read_sample(using: str, failures: Sequence[int]) -> str:
    """Return the beginning of the error of one of these rows of the ledger; "" where there is none."""
    return next((sample for sample, _ in _samples(failures, using).values()), "")


def _seen_again() -> Exists:
    letters = DeadLetter.objects.filter(
        state__in=DeadLetter.State.values,  # any; named, since the index by groups begins with it
        fingerprint=OuterRef("fingerprint"),
        died_at__gt=OuterRef("marked_at"),
    )
    return Exists(letters)


def _marked(marks: QuerySet[GroupMark], **conditions: str) -> Q:
    standing = marks.exclude(_seen_again()).filter(**conditions)
    return Q(fingerprint__in=standing.values("fingerprint"))


def _in_tab(tab: Tab, marks: QuerySet[GroupMark]) -> Q:
    if tab is Tab.ALL:
        return Q()
    return ~_marked(marks) if tab is Tab.ATTENTION else _marked(marks, state=tab.value)


def _page_of(groups: QuerySet[Any, Any], order: Order, page: int, page_size: int) -> list[Any]:
    start = (page - 1) * page_size
    return list(groups.order_by(*_ORDERS[order])[start : start + page_size])


class _CountRows(Func):
    """The number of rows, here of groups, over which a window goes."""

    template = "COUNT(*)"
    window_compatible = True
    output_field = IntegerField()


class _SumOf(Func):
    """The sum of a number that an aggregate gives, over which a window goes; Django's own refuses one of another."""

    function = "SUM"
    window_compatible = True
    output_field = IntegerField()


def _totals(
    letters: QuerySet[DeadLetter], marks: QuerySet[GroupMark], tab: Tab, tab_groups: int, tab_letters: int
) -> GroupTotals:
    """Return the totals, of which those of ``tab`` are known; of the others, what all letters need not be seen for."""
    marked = _marked_totals(letters, marks)
    others = (tab_groups, tab_letters)
    if tab is Tab.ALL:
        others = (
            tab_groups - sum(groups for groups, _letters in marked.values()),
            tab_letters - sum(number for _groups, number in marked.values()),
        )
    elif tab is not Tab.ATTENTION:
        numbers = {"groups": Count("fingerprint", distinct=True), "letters": Count("*")}
        found = letters.filter(_in_tab(Tab.ATTENTION, marks)).aggregate(**numbers)
        others = (found["groups"], found["letters"])
    return _sum_up(marked, *others)


def _marked_totals(letters: QuerySet[DeadLetter], marks: QuerySet[GroupMark]) -> dict[str, tuple[int, int]]:
    """Return how many groups, and letters in them, bear each mark that counts; mostly there are few or none."""
    standing = dict(marks.exclude(_seen_again()).values_list("fingerprint", "state"))
    totals = dict.fromkeys((Tab.KNOWN.value, Tab.RESOLVED.value), (0, 0))
    if standing:
        counts = letters.filter(_marked(marks)).values("fingerprint").annotate(count=Count("*")).order_by()
        for fingerprint, count in counts.values_list("fingerprint", "count"):
            groups, number = totals[standing[fingerprint]]
            totals[standing[fingerprint]] = (groups + 1, number + count)
    return totals


def _sum_up(marked: dict[str, tuple[int, int]], other_groups: int, other_letters: int) -> GroupTotals:
    known, resolved = marked[Tab.KNOWN.value], marked[Tab.RESOLVED.value]
    groups = {
        Tab.ATTENTION: other_groups,
        Tab.KNOWN: known[0],
        Tab.RESOLVED: resolved[0],
        Tab.ALL: other_groups + known[0] + resolved[0],
    }
    return GroupTotals(groups, other_letters + known[1] + resolved[1])


_FACTS = ("verdict", "rule", "strategy", "job_model", "exception_class")


@dataclass
class _Facts:
    """What the letters of one group say."""

    trend: list[int]
    latest_failures: dict[tuple[str, ...], int] = field(default_factory=dict)
    """What they have in the columns of `_FACTS`, to the latest failure of those that have it; 0: there is none."""

    @property
    def latest_failure(self) -> int | None:
        return max(self.latest_failures.values(), default=0) or None

    def column(self, name: str) -> tuple[str, ...]:
        """Return what there is in a column, that of the latest failure first."""
        latest_first = sorted(self.latest_failures, key=lambda found: -self.latest_failures[found])
        values = (found[_FACTS.index(name)] for found in latest_first)
        return tuple(dict.fromkeys(value for value in values if value))


def _facts(letters: QuerySet[DeadLetter], stretches: Stretches) -> dict[str, _Facts]:
    """Return what each group says, by one look at its letters."""
    groups: dict[str, _Facts] = defaultdict(lambda: _Facts([0] * stretches.number))
    rows = letters.values("fingerprint", *_FACTS, stretch=stretches.of("died_at")).annotate(
        count=Count("*"), latest_failure=Max("failure_id")
    )
    for fingerprint, *facts, stretch, count, latest_failure in rows.order_by().values_list(
        "fingerprint", *_FACTS, "stretch", "count", "latest_failure"
    ):
        group, found = groups[fingerprint], tuple(facts)
        # What died in the moment in which the last stretch ends counts in it.
        group.trend[min(max(stretch, 0), stretches.number - 1)] += count
        group.latest_failures[found] = max(group.latest_failures.get(found, 0), latest_failure or 0)
    return groups


def _samples(failures: Iterable[int | None], using: str) -> dict[int | None, tuple[str, str]]:
    """Return error and reason of the rows of the ledger that have these keys."""
    keys = [key for key in failures if key is not None]
    attempts = FailedAttempt.objects.using(using).filter(pk__in=keys)
    rows = attempts.annotate(beginning=Left("error", SAMPLE_CHARACTERS)).values_list("pk", "beginning", "why")
    return {key: (beginning, why) for key, beginning, why in rows}


def _group(
    row: dict[str, Any],
    letters: int,
    facts: _Facts,
    samples: dict[int | None, tuple[str, str]],
    noted: dict[str, Any],
) -> Group:
    fingerprint = row["fingerprint"]
    sample, why = samples.get(facts.latest_failure, ("", ""))
    mark = noted.get(fingerprint)
    return Group(
        fingerprint=fingerprint,
        count=row["count"],
        share=row["count"] / max(letters, row["count"]),
        first_died_at=row["first_died_at"],
        last_died_at=row["last_died_at"],
        trend=tuple(facts.trend),
        sample=sample,
        why=why,
        verdict=next(iter(facts.column("verdict")), ""),
        rules=facts.column("rule"),
        models=facts.column("job_model"),
        strategies=facts.column("strategy"),
        exception_classes=facts.column("exception_class"),
        mark=mark,
        is_back=mark is not None and mark.is_back,
    )
