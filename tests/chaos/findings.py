"""What must not have happened, each looked for in the evidence. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.chaos.evidence import Past
from tests.chaos.kinds import BY_NAME
from tests.chaos.overlaps import find_overlaps, repeated_in_one_silence, silence_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chaos.evidence import Evidence, Launch
    from tests.chaos.overlaps import Overlap


class Rule(NamedTuple):
    """One thing that must not have happened."""

    name: str
    find: Callable[[Evidence], list[str]]
    """Returns a line for each time that it did."""


def jobs_lost(evidence: Evidence) -> list[str]:
    """Return the jobs that did not come to their end."""
    lost = []
    for key, name in evidence.kinds.items():
        row, expected = evidence.rows.get(key), BY_NAME[name].status
        if row is None or row.status != expected:
            lost.append(f"job {key} ({name}) is {'gone' if row is None else row.status}, not {expected}")
    return lost


def jobs_in_limbo(evidence: Evidence) -> list[str]:
    """Return what `check_job_queue` found."""
    return evidence.limbo


def attempts_charged_wrongly(evidence: Evidence) -> list[str]:
    """Return the jobs whose counts are not those of their failures, and the changes that charged what was none."""
    wrong = []
    for key, name in evidence.kinds.items():
        kind, row = BY_NAME[name], evidence.rows.get(key)
        if row is None or row.status != kind.status:
            continue  # lost
        # The run of a detached job may have been lost, after which there is another attempt.
        serial_fits = row.attempt_serial >= 1 if kind.detached else row.attempt_serial == kind.attempts
        if row.retry_count != kind.failures or not serial_fits:
            wrong.append(f"job {key} ({name}): charged {row.retry_count} in {row.attempt_serial} attempts")
    for change in evidence.changes:
        failed = bool(change.run) and change.new_status in ("retrying", "failed")
        if change.new_count - change.old_count != int(failed):
            wrong.append(f"job {change.job}: from {change.old_count} to {change.new_count} as {change.new_status}")
    return wrong


def histories_that_do_not_fit(evidence: Evidence) -> list[str]:
    """Return the jobs whose ledger does not have each failure that was charged, once, or whose letter is not open."""
    wrong = []
    for key, row in evidence.rows.items():
        past = evidence.pasts.get(key, Past())
        if past != Past(row.retry_count, int(row.status == "failed")):
            wrong.append(f"job {key} is {row.status}, charged {row.retry_count} failures, and has {past}")
    return wrong


def results_of_passed_claims(evidence: Evidence) -> list[str]:
    """Return the results that were written by a launch of another claim than the job stood under, or twice."""
    wrong = []
    seen: Counter[str] = Counter()
    for change in evidence.changes:
        if not change.run:
            continue
        seen[change.run] += 1
        start = evidence.start_of.get(change.run)
        if start is None or (start.job, start.token) != (change.job, change.old_token) or seen[change.run] > 1:
            wrong.append(f"job {change.job}: {change.new_status} by launch {change.run}, claim {change.old_token}")
    return wrong


def workers_that_gave_up(evidence: Evidence) -> list[str]:
    """Return the workers that ended otherwise than by what was done to them."""
    ended = [
        f"worker {death.pid}: exit status {death.status}"
        for death in evidence.deaths.values()
        if death.status not in death.expected
    ]
    return ended + [f"worker {pid}: did not end when asked to" for pid in evidence.stuck]


def overlaps_under_live_leases(evidence: Evidence) -> list[str]:
    """Return the launches that overlapped with another while nothing kept their worker from renewing its lease."""
    return [_line(overlap.stale) for overlap in find_overlaps(evidence) if overlap.silence is None]


def overlaps_not_fenced(evidence: Evidence) -> list[str]:
    """Return the launches of passed claims whose result was written, or whose worker lived and did not log it."""
    return [_line(overlap.stale) for overlap in find_overlaps(evidence) if not _is_fenced(evidence, overlap)]


def overlaps_repeated(evidence: Evidence) -> list[str]:
    """Return the overlaps of a job beyond the first for one fault."""
    return [_line(overlap.stale) for overlap in repeated_in_one_silence(find_overlaps(evidence))]


def launched_again_without_loss(evidence: Evidence) -> list[str]:
    """Return the launches that were repeated though their worker lived and its lease did."""
    return [_line(launch) for launch, following in repetitions(evidence) if not _is_lost(evidence, launch, following)]


def repetitions(evidence: Evidence) -> Iterator[tuple[Launch, Launch]]:
    """Yield each launch that was followed by another of the same attempt, and that other.

    They follow each other as their claims do: a worker that is frozen between its claim and the launch launches last.
    """
    for launches in evidence.launches.values():
        by_attempt: dict[int, list[Launch]] = defaultdict(list)
        for launch in sorted(launches, key=lambda launch: (evidence.claim_of(launch), launch.start.at)):
            by_attempt[launch.start.serial].append(launch)
        for attempt in by_attempt.values():
            yield from pairwise(attempt)


def _is_lost(evidence: Evidence, launch: Launch, following: Launch) -> bool:
    """Return whether a launch was lost with its worker or with its lease, before another took its place."""
    if launch.start.run in evidence.accepted:
        return False
    pid, again_at = launch.start.pid, following.start.at
    return (
        evidence.killed_at(pid) < again_at
        or silence_between(evidence, pid, evidence.claim_of(launch), again_at) is not None
    )


def _is_fenced(evidence: Evidence, overlap: Overlap) -> bool:
    run = overlap.stale.start.run
    if run in evidence.accepted:
        return False
    return run in evidence.ignored or evidence.killed_at(overlap.stale.start.pid) < math.inf


def _line(launch: Launch) -> str:
    start = launch.start
    return f"job {start.job}, attempt {start.serial}: launch {start.run} by worker {start.pid} at {start.at:.3f}"


RULES: tuple[Rule, ...] = (
    Rule("jobs lost", jobs_lost),
    Rule("in limbo", jobs_in_limbo),
    Rule("attempts charged wrongly", attempts_charged_wrongly),
    Rule("histories that do not fit", histories_that_do_not_fit),
    Rule("results written by a claim that had passed on", results_of_passed_claims),
    Rule("workers that gave up", workers_that_gave_up),
    Rule("launches repeated without a loss", launched_again_without_loss),
    Rule("launches that overlapped under a live lease", overlaps_under_live_leases),
    Rule("overlaps past a lease that were not fenced and logged", overlaps_not_fenced),
    Rule("overlaps past a lease beyond one a fault and job", overlaps_repeated),
)
"""One row a rule; each has to find nothing."""
