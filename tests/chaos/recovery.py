"""How long it took until the jobs, or the workers, that a fault had met went on. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.chaos.faults import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.evidence import Evidence, Span
    from tests.chaos.store import Fault


@dataclass(frozen=True)
class Recovery:
    """The recoveries from one kind of fault."""

    count: int
    median_seconds: float
    longest_seconds: float


def recoveries(evidence: Evidence) -> dict[str, Recovery]:
    """Return them by kind of fault; kinds that nothing had to recover from are left out.

    Of a worker that was killed or frozen: from then until each job that it held, and lost, is launched again. Of the
    server: from then until each worker launches again.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    starts_of_job: dict[int, list[tuple[float, int]]] = defaultdict(list)
    starts_of_worker: dict[int, list[float]] = defaultdict(list)
    for start in sorted(evidence.starts, key=lambda start: start.at):
        starts_of_job[start.job].append((start.at, start.pid))
        starts_of_worker[start.pid].append(start.at)
    for fault in evidence.faults:
        kind = BY_NAME[fault.kind]
        if not kind.costs_claims:
            continue
        if kind.to_server:
            seconds[fault.kind] += _workers(fault, starts_of_worker.values())
        else:
            for span in held_at(evidence, fault):
                again = [at for at, pid in starts_of_job[span.job] if at > fault.at and pid != fault.pid]
                if again and not span.run:
                    seconds[fault.kind].append(again[0] - fault.at)
    return {kind: Recovery(len(found), median(found), max(found)) for kind, found in seconds.items() if found}


def _workers(fault: Fault, starts_of_workers: Iterable[list[float]]) -> list[float]:
    found = []
    for starts in starts_of_workers:
        following = bisect_right(starts, fault.until)
        if starts[0] < fault.at and following < len(starts):
            found.append(starts[following] - fault.at)
    return found


def held_at(evidence: Evidence, fault: Fault) -> list[Span]:
    """Return the claims that a worker held when the fault met it."""
    return [span for span in evidence.spans_by_pid.get(fault.pid, ()) if span.began <= fault.at < span.ended]


def amid(evidence: Evidence) -> dict[str, int]:
    """Return how many jobs were at which step when their worker was killed or frozen."""
    steps = {"claimed": 0, "amid the launch": 0, "amid the result": 0}
    for fault in evidence.faults:
        kind = BY_NAME[fault.kind]
        if kind.to_server or not kind.costs_claims:
            continue
        for span in held_at(evidence, fault):
            begun = [s for s in evidence.starts_by_token.get(span.token, ()) if s.job == span.job and s.at <= fault.at]
            ended = [start for start in begun if evidence.ends.get(start.run, fault.at) < fault.at]
            steps["amid the result" if ended else "amid the launch" if begun else "claimed"] += 1
    return steps
