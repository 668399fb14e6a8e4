"""Everything that a run leaves behind for judging, put in order. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tests.chaos.stalls import STALL
from tests.chaos.store import Death, End, Fault, Ignored, Record, Start, of_type
from tests.chaos.workers import KILLED

if TYPE_CHECKING:
    from tests.chaos.audit import Change


@dataclass(frozen=True)
class Row:
    """A job as the database has it in the end."""

    status: str
    retry_count: int
    attempt_serial: int


@dataclass(frozen=True)
class Past:
    """What is kept of a job's failures in the end."""

    failures: int = 0
    """Rows of the ledger that tell of attempts that were charged."""
    open_letters: int = 0


@dataclass(frozen=True)
class Span:
    """One claim on one job, from the audit."""

    job: int
    token: str
    pid: int
    began: float
    ended: float
    """Infinite where it never ended."""
    run: str
    """The launch whose result ended it; empty: it was lost or given back."""


@dataclass(frozen=True)
class Launch:
    """One launch, from its beginning to its end, or to the end of its worker."""

    start: Start
    end: float
    """Infinite where neither is known."""
    returned: bool
    """Whether the launcher came to its end."""


@dataclass
class Evidence:
    """The records of one run; the rest is derived from them."""

    database: str
    seed: int
    lease_seconds: float
    renew_seconds: float
    kinds: dict[int, str]
    """The kind of each job that was queued, by key."""
    rows: dict[int, Row]
    pasts: dict[int, Past]
    """Of the jobs that have one, by key."""
    records: list[Record]
    changes: list[Change]
    limbo: list[str] = field(default_factory=list)
    """What `check_job_queue` found."""
    stuck: list[int] = field(default_factory=list)
    """Workers that did not end when they were asked to."""
    unfinished: str = ""
    """Why the run was ended before its jobs had; empty: it was not."""
    seconds: float = 0.0
    """How long it took, from the first worker's start to the last job's end."""

    @cached_property
    def starts(self) -> list[Start]:
        """Launches begun."""
        return of_type(self.records, Start)

    @cached_property
    def start_of(self) -> dict[str, Start]:
        """Launches begun, by id."""
        return {start.run: start for start in self.starts}

    @cached_property
    def ends(self) -> dict[str, float]:
        """When launchers came to their ends, by launch."""
        return {end.run: end.at for end in of_type(self.records, End)}

    @cached_property
    def ignored(self) -> set[str]:
        """Launches of which the queue said that their result came too late."""
        return {ignored.run for ignored in of_type(self.records, Ignored)}

    @cached_property
    def accepted(self) -> set[str]:
        """Launches whose result was written."""
        return {change.run for change in self.changes if change.run}

    @cached_property
    def faults(self) -> list[Fault]:
        """What was done, and the stalls that workers noticed."""
        return of_type(self.records, Fault)

    @cached_property
    def distinct_faults(self) -> list[Fault]:
        """The same without the stalls of workers that we had frozen."""
        frozen = [fault for fault in self.faults if fault.kind != STALL and fault.until > fault.at]
        return [fault for fault in self.faults if fault.kind != STALL or not any(fault.meets(one) for one in frozen)]

    @cached_property
    def deaths(self) -> dict[int, Death]:
        """Ends of workers, by pid."""
        return {death.pid: death for death in of_type(self.records, Death)}

    def killed_at(self, pid: int) -> float:
        """Return when a worker was killed; infinite: it was not."""
        death = self.deaths.get(pid)
        return death.at if death is not None and death.status == KILLED else math.inf

    @cached_property
    def launches(self) -> dict[int, list[Launch]]:
        """Launches by job, in the order of their beginnings."""
        launches: dict[int, list[Launch]] = defaultdict(list)
        for start in sorted(self.starts, key=lambda start: start.at):
            end = self.ends.get(start.run)
            death = self.deaths.get(start.pid)
            last = math.inf if death is None else death.at
            launches[start.job].append(Launch(start, last if end is None else end, end is not None))
        return dict(launches)

    @cached_property
    def spans(self) -> list[Span]:
        """Claims, in the order of their beginnings."""
        spans: list[Span] = []
        open_claims: dict[int, Change] = {}
        for change in self.changes:
            claim = open_claims.get(change.job)
            if claim is not None and change.new_token != claim.new_token:
                spans.append(_span(claim, change.at, change.run or self._detached_run(claim, change)))
                del open_claims[change.job]
            if change.is_claim:
                open_claims[change.job] = change
        spans += [_span(claim, math.inf, "") for claim in open_claims.values()]
        return sorted(spans, key=lambda span: span.began)

    def _detached_run(self, claim: Change, change: Change) -> str:
        """Return the launch of a detached run that has ended well."""
        if (change.old_status, change.new_status) != ("running", "completed"):
            return ""
        return next(
            (start.run for start in self.starts_by_token.get(claim.new_token, ()) if start.job == claim.job), ""
        )

    @cached_property
    def spans_by_pid(self) -> dict[int, list[Span]]:
        """The same by worker."""
        spans: dict[int, list[Span]] = defaultdict(list)
        for span in self.spans:
            spans[span.pid].append(span)
        return dict(spans)

    @cached_property
    def claimed_at(self) -> dict[tuple[int, str], float]:
        """When claims began, by job and token."""
        return {(span.job, span.token): span.began for span in self.spans}

    def claim_of(self, launch: Launch) -> float:
        """Return when the claim began under which a job was launched."""
        return self.claimed_at.get((launch.start.job, launch.start.token), -math.inf)

    @cached_property
    def starts_by_token(self) -> dict[str, list[Start]]:
        """Launches by the claim that they were begun under."""
        starts: dict[str, list[Start]] = defaultdict(list)
        for start in self.starts:
            starts[start.token].append(start)
        return dict(starts)


def _span(claim: Change, ended: float, run: str) -> Span:
    return Span(claim.job, claim.new_token, pid_of(claim.new_holder), claim.at, ended, run)


def pid_of(holder: str) -> int:
    """Return the process that a holder's name names: ``host:pid:start``."""
    return int(holder.split(":")[1])
