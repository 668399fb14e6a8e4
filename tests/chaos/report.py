"""What a run came to, as figures and findings, for people and for machines. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tests.chaos.faults import BY_NAME, FAULTS
from tests.chaos.findings import RULES, repetitions
from tests.chaos.overlaps import find_overlaps
from tests.chaos.recovery import Recovery, amid, recoveries

if TYPE_CHECKING:
    from tests.chaos.evidence import Evidence

SHOWN_FINDINGS = 5


@dataclass(frozen=True)
class Report:
    """What a run came to."""

    database: str
    seed: int
    seconds: float
    jobs: int
    launches: int
    launches_repeated: int
    """Launches of an attempt that had been launched before, by a worker that was lost."""
    overlaps_past_a_lease: int
    """Launches that went on while a later claim's were under way: of workers frozen or cut off past their lease."""
    faults: dict[str, int]
    amid: dict[str, int]
    """Jobs held by workers that were killed or frozen, by what was being done to them."""
    recovery: dict[str, Recovery]
    findings: dict[str, list[str]]
    """What must not have happened: by rule, a line for each time that it did."""
    unfinished: str

    @property
    def faults_done(self) -> int:
        """How many faults were done; stalls come by themselves."""
        return sum(count for name, count in self.faults.items() if BY_NAME[name].weight)

    @property
    def is_sound(self) -> bool:
        """Whether nothing happened that must not."""
        return not self.unfinished and not any(self.findings.values())


def judge(evidence: Evidence) -> Report:
    """Return the report of a run."""
    counts = Counter(fault.kind for fault in evidence.distinct_faults)
    return Report(
        database=evidence.database,
        seed=evidence.seed,
        seconds=evidence.seconds,
        jobs=len(evidence.kinds),
        launches=len(evidence.starts),
        launches_repeated=sum(1 for _ in repetitions(evidence)),
        overlaps_past_a_lease=sum(overlap.silence is not None for overlap in find_overlaps(evidence)),
        faults={kind.name: counts[kind.name] for kind in FAULTS if counts[kind.name]},
        amid=amid(evidence),
        recovery=recoveries(evidence),
        findings={rule.name: rule.find(evidence) for rule in RULES},
        unfinished=evidence.unfinished,
    )


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for a machine."""
    return {**asdict(report), "sound": report.is_sound}


def as_text(report: Report) -> str:
    """Return the report for a terminal."""
    held = ", ".join(f"{count} {step}" for step, count in report.amid.items())
    lines = [
        f"{report.database}, seed {report.seed}: {report.seconds:.0f} s",
        "",
        f"  {report.jobs} jobs, {report.launches} launches, {report.faults_done} faults",
        "",
        f"  {'fault':<14}{'times':>6}{'recovered':>11}{'median':>9}{'longest':>9}",
        *(_fault_line(name, count, report.recovery.get(name)) for name, count in report.faults.items()),
        "",
        f"  jobs held by workers when they were killed or frozen: {held}",
        f"  launches repeated after a loss: {report.launches_repeated}",
        f"  launches that overlapped, of workers frozen or cut off past their lease: {report.overlaps_past_a_lease}",
        "",
    ]
    for name, found in report.findings.items():
        lines.append(f"  {name:<56}{len(found):>5}{'  BROKEN' if found else ''}")
        lines += [f"    {line}" for line in found[:SHOWN_FINDINGS]]
        if len(found) > SHOWN_FINDINGS:
            lines.append(f"    and {len(found) - SHOWN_FINDINGS} more")
    if report.unfinished:
        lines.append(f"  ENDED BEFORE ITS JOBS HAD: {report.unfinished}")
    return "\n".join(lines)


def _fault_line(name: str, count: int, recovery: Recovery | None) -> str:
    line = f"  {name:<14}{count:>6}"
    if recovery is None:
        return line
    return f"{line}{recovery.count:>11}{recovery.median_seconds:>7.1f} s{recovery.longest_seconds:>7.1f} s"
