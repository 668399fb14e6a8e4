"""How the overview shows its figures: each chart with the table that says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext

from job_retry.django.dead_letters.charts import Series, Share, shares, stacked_columns
from job_retry.django.history.models import Verdict
from job_retry.django.states import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from django.utils.safestring import SafeString

    from job_retry.django.dead_letters.aftermath import Retries, Waste
    from job_retry.django.dead_letters.overview import Failures, QueueStanding

COLOURED_RULES = 5
"""Rules that have a colour of their own; the others are drawn together."""
NO_ONE_KNOWS = "unknown"
HOUR_SECONDS, MINUTE_SECONDS = 3600, 60


class Kind(NamedTuple):
    """A kind of failure over time, as the chart and its table show it."""

    name: str
    css_class: str
    counts: list[int]
    total: int


class OverTime(NamedTuple):
    """Failures per minute over time."""

    chart: SafeString
    highest: str
    """What the whole height of the chart stands for."""
    kinds: list[Kind]
    moments: list[tuple[datetime, list[str]]]
    """Beginning of each stretch in which something failed, and the rates of the kinds in it."""


def rule_name(rule: str) -> str:
    """Return what a rule is called; "" stands for none."""
    return rule or gettext("no rule")


def over_time(failures: Failures, kinds: Sequence[Kind], title: str) -> OverTime:
    """Return the chart and the table of kinds of failures."""
    stretches = failures.stretches
    begins = [stretches.beginning(position) for position in range(stretches.number)]
    rates = [failures.per_minute(kind.counts) for kind in kinds]
    totals = [sum(column) for column in zip(*rates, strict=True)] or [0.0]
    titles = [
        f"{_moment(begin)}: " + ", ".join(f"{kind.name} {kind.counts[position]}" for kind in kinds)
        for position, begin in enumerate(begins)
    ]
    label = gettext("%(title)s: %(total)d from %(start)s to %(end)s, at most %(highest)s a minute") % {
        "title": title,
        "total": failures.total,
        "start": _moment(stretches.start),
        "end": _moment(stretches.end),
        "highest": _number(max(totals)),
    }
    series = [Series(kind.name, kind.css_class, counts) for kind, counts in zip(kinds, rates, strict=True)]
    rows = [
        (begin, [_number(counts[position]) for counts in rates])
        for position, begin in enumerate(begins)
        if any(kind.counts[position] for kind in kinds)
    ]
    return OverTime(stacked_columns(titles, series, label=label), _number(max(totals)), list(kinds), rows)


def verdict_kinds(failures: Failures) -> list[Kind]:
    """Return the failures of each verdict."""
    labels = dict(Verdict.choices)
    return [
        Kind(str(labels.get(verdict, verdict)), verdict, counts, sum(counts))
        for verdict, counts in failures.by_verdict.items()
    ]


def rule_kinds(failures: Failures) -> list[Kind]:
    """Return the failures by the rules that decided on most, and those by all others together."""
    rules = list(failures.by_rule.items())
    kinds = [
        Kind(rule_name(rule), str(number), counts, sum(counts))
        for number, (rule, counts) in enumerate(rules[:COLOURED_RULES], start=1)
    ]
    others = [counts for _, counts in rules[COLOURED_RULES:]]
    if others:
        together = [sum(column) for column in zip(*others, strict=True)]
        name = ngettext("%(count)d other rule", "%(count)d other rules", len(others)) % {"count": len(others)}
        kinds.append(Kind(name, "rest", together, sum(together)))
    return kinds


def queue_rows(standings: Iterable[QueueStanding]) -> list[dict[str, Any]]:
    """Return a row for each queue."""
    return [
        {
            "standing": standing,
            "counts": list(standing.jobs.values()),
            "chart": shares(
                [Share(str(status.label), status.value, count) for status, count in standing.jobs.items()],
                of=sum(standing.jobs.values()),
                label=", ".join(f"{status.label} {count}" for status, count in standing.jobs.items() if count)
                or gettext("No jobs"),
            ),
        }
        for standing in standings
    ]


def state_names() -> list[str]:
    """Return the heads of the columns of `queue_rows`."""
    return [str(status.label) for status in Status]


def retry_rows(named: Iterable[tuple[str, Retries]]) -> list[dict[str, Any]]:
    """Return a row for each kind of retries, with the share of each outcome."""
    rows = []
    for name, retries in named:
        rate = retries.success_rate
        parts = [
            Share(gettext("helped"), "helped", retries.helped),
            Share(gettext("failed again"), "again", retries.failed_again),
            Share(gettext("open"), "open", retries.open),
            Share(gettext("unknown"), NO_ONE_KNOWS, retries.unknown),
        ]
        rows.append(
            {
                "name": name,
                "retries": retries,
                "rate": "—" if rate is None else f"{rate:.0%}",
                "chart": shares(
                    parts,
                    of=retries.granted,
                    label=", ".join(f"{part.name} {part.value}" for part in parts if part.value),
                ),
            }
        )
    return rows


def waste_rows(named: Sequence[tuple[str, str, Waste]]) -> list[dict[str, Any]]:
    """Return a row for each name, address and what was spent; all bars have the same scale."""
    longest = max((waste.total.total_seconds() for _, _, waste in named), default=0.0)
    return [
        {
            "name": name,
            "url": url,
            "attempts": waste.attempts,
            "running": in_units(waste.running),
            "waiting": in_units(waste.waiting),
            "chart": shares(
                [
                    Share(gettext("running"), "wasted", waste.running.total_seconds()),
                    Share(gettext("waiting"), "rest", waste.waiting.total_seconds()),
                ],
                of=longest,
                label=gettext("%(running)s running, %(waiting)s waiting")
                % {"running": in_units(waste.running), "waiting": in_units(waste.waiting)},
            ),
        }
        for name, url, waste in named
    ]


def in_units(time: timedelta) -> str:
    """Return a time as ``1.5 s``, ``12 min`` or ``3.2 h``."""
    seconds = time.total_seconds()
    if seconds < MINUTE_SECONDS:
        return f"{_number(seconds)} s"
    if seconds < HOUR_SECONDS:
        return f"{_number(seconds / MINUTE_SECONDS)} min"
    return f"{_number(seconds / HOUR_SECONDS)} h"


def _number(value: float) -> str:
    places = 0 if value == int(value) else 1 if value >= 1 else 2
    return number_format(round(value, places), decimal_pos=places)


def _moment(moment: datetime) -> str:
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return date_format(local, "SHORT_DATETIME_FORMAT")
