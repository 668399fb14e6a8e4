"""The tables at the end of the demo."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .judgement import Observed, fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from job_retry import RetryStrategy
    from job_retry.django.decision import FailureDecision

    from .kinds import Kind

SHOWN_LINES = 2
"""How much of an error is shown: its last lines."""


def report(jobs: Sequence[Observed], strategies: Mapping[str, RetryStrategy]) -> RenderableType:
    """Return all tables."""
    return Group(kinds_table(jobs), schedules_table(jobs, strategies), dead_letters_table(jobs), states_table(jobs))


def kinds_table(jobs: Sequence[Observed]) -> Table:
    """One line a kind: what its row says, and how many of its jobs went so."""
    table = _table("The kinds of job", "Kind", "Strategy", "Ends", "#Attempts", "#As said", "What it shows")
    members: defaultdict[Kind, list[Observed]] = defaultdict(list)
    for job in jobs:
        members[job.kind].append(job)
    for kind, of_kind in members.items():
        right = sum(fault(job) is None for job in of_kind)
        table.add_row(
            kind.name,
            kind.strategy,
            kind.state,
            str(kind.attempts),
            f"{right} of {len(of_kind)}",
            kind.shows,
            style="" if right == len(of_kind) else "bold red",
        )
    return table


def schedules_table(jobs: Sequence[Observed], strategies: Mapping[str, RetryStrategy]) -> Table:
    """For each strategy, the wait that it prescribes and the one from an attempt's end to the next one's start."""
    table = _table(
        "The schedule that each strategy produced, in seconds",
        *("Strategy", "#After attempt", "#Prescribed", "#Shortest wait", "#Median", "#Longest", "#Retries"),
    )
    waits: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for job in jobs:
        for number, (attempt, following) in enumerate(pairwise(job.attempts), start=1):
            wait = (following.started_at - attempt.ended_at).total_seconds()
            waits[attempt.strategy, number].append(wait)
    for name, strategy in strategies.items():
        for number, prescribed in enumerate(strategy.schedule(), start=1):
            measured = waits.get((name, number))
            if measured:
                spread = (min(measured), median(measured), max(measured))
                table.add_row(
                    name,
                    str(number),
                    f"{prescribed:.1f}",
                    *(f"{seconds:.2f}" for seconds in spread),
                    str(len(measured)),
                    end_section=number == len(strategy.schedule()),
                )
    return table


def dead_letters_table(jobs: Sequence[Observed]) -> Table:
    """Dead letters by the last line of their error and the reason why there is no further attempt."""
    table = _table("Dead letters by error", "Error", "Verdict", "Why there is no further attempt", "#Jobs")
    groups: defaultdict[tuple[str, str], list[FailureDecision]] = defaultdict(list)
    for job in jobs:
        last = job.attempts[-1].decision if job.attempts else None
        if last is not None and not last.will_retry:
            groups[last.error.splitlines()[-1], last.reason].append(last)
    for (_line, reason), alike in sorted(groups.items(), key=lambda group: -len(group[1])):
        shown = "\n".join(alike[0].error.splitlines()[-SHOWN_LINES:])
        table.add_row(Text(shown, overflow="fold"), alike[0].error_type.value, reason, str(len(alike)))
    return table


def states_table(jobs: Sequence[Observed]) -> Table:
    """One line for each final state and number of attempts."""
    table = _table("Jobs by final state", "State", "#Attempts", "#Jobs", "#Seconds waited: median", "#longest")
    ends: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for job in jobs:
        ends[job.state, len(job.attempts)].append(job.seconds_waited)
    for (state, attempts), waited in sorted(ends.items()):
        table.add_row(state, str(attempts), str(len(waited)), f"{median(waited):.1f}", f"{max(waited):.1f}")
    return table


def _table(title: str, *columns: str) -> Table:
    """Return an empty table; columns whose name begins with ``#`` hold numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column.removeprefix("#"), justify="right" if column.startswith("#") else "left")
    return table
