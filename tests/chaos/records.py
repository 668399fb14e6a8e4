"""Records made by hand: a small history of one or two jobs, for the tests of what judges them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.chaos.audit import Change
from tests.chaos.evidence import Evidence, Past, Row
from tests.chaos.store import Death, End, Fault, Ignored, Record, Start
from tests.chaos.workers import KILLED, STOPPED

if TYPE_CHECKING:
    from collections.abc import Mapping

LEASE_SECONDS = 4.0
RENEW_SECONDS = 1.0


def fitting(rows: Mapping[int, Row]) -> dict[int, Past]:
    """Return the histories that jobs have which end as ``rows`` say."""
    return {key: Past(row.retry_count, int(row.status == "failed")) for key, row in rows.items()}


@dataclass
class History:
    """Writes the records that a run would; workers are numbers, launches and claims have names."""

    records: list[Record] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    _counts: dict[int, int] = field(default_factory=dict)
    _claims: dict[int, tuple[str, int]] = field(default_factory=dict)

    def claim(self, at: float, job: int, token: str, worker: int) -> None:
        self._change(at, job, "queued", "launching", token=token, worker=worker)

    def start(self, at: float, job: int, run: str, token: str, worker: int, serial: int = 1) -> None:
        self.records.append(Start(at, run, job, serial, token, f"host:{worker}:x", worker, wall=at))

    def end(self, at: float, run: str) -> None:
        self.records.append(End(at, run))

    def ignored(self, at: float, run: str) -> None:
        self.records.append(Ignored(at, run))

    def result(self, at: float, job: int, run: str, status: str = "completed", charged: int | None = None) -> None:
        failed = status in ("retrying", "failed")
        self._change(at, job, "launching", status, run=run, charged=int(failed) if charged is None else charged)

    def lost(self, at: float, job: int, charged: int = 0) -> None:
        self._change(at, job, "launching", "queued", charged=charged)

    def fault(self, at: float, kind: str, worker: int, until: float | None = None, *, for_all: bool = False) -> None:
        self.records.append(Fault(at, kind, worker, at if until is None else until, for_all))

    def death(self, at: float, worker: int, status: int, *expected: int) -> None:
        self.records.append(Death(at, worker, status, list(expected)))

    def killed(self, at: float, worker: int) -> None:
        self.fault(at, "kill", worker)
        self.death(at, worker, KILLED, KILLED)

    def stopped(self, at: float, *workers: int) -> None:
        for worker in workers:
            self.death(at, worker, STOPPED, STOPPED)

    def evidence(
        self, kinds: Mapping[int, str], rows: Mapping[int, Row], pasts: dict[int, Past] | None = None, **more: Any
    ) -> Evidence:
        return Evidence(
            database="postgresql",
            seed=7,
            lease_seconds=LEASE_SECONDS,
            renew_seconds=RENEW_SECONDS,
            kinds=dict(kinds),
            rows=dict(rows),
            pasts=fitting(rows) if pasts is None else pasts,
            records=self.records,
            changes=self.changes,
            **more,
        )

    def _change(
        self,
        at: float,
        job: int,
        old: str,
        new: str,
        *,
        token: str = "",
        worker: int = 0,
        run: str = "",
        charged: int = 0,
    ) -> None:
        count = self._counts.get(job, 0)
        old_token, holder = self._claims.get(job, ("", 0))
        self._claims[job] = (token, worker)
        self._counts[job] = count + charged
        self.changes.append(
            Change(
                at=at,
                job=job,
                old_status=old,
                new_status=new,
                old_token=old_token,
                new_token=token,
                old_count=count,
                new_count=count + charged,
                old_holder=f"host:{holder}:x" if holder else "",
                new_holder=f"host:{worker}:x" if worker else "",
                run=run,
            )
        )


def sound_history() -> History:
    """Return what must be: an instant job; a flaky one whose first worker is killed; one frozen past its lease."""
    history = History()
    history.claim(1.0, 1, "t1", worker=11)
    history.start(1.1, 1, "r1", "t1", worker=11)
    history.end(1.2, "r1")
    history.result(1.3, 1, "r1")

    history.claim(2.0, 2, "t2", worker=11)
    history.start(2.1, 2, "r2", "t2", worker=11)
    history.killed(2.2, 11)
    history.lost(6.5, 2)
    history.claim(7.0, 2, "t3", worker=12)
    history.start(7.2, 2, "r3", "t3", worker=12)
    history.end(7.3, "r3")
    history.result(7.4, 2, "r3", "retrying")
    history.claim(8.0, 2, "t4", worker=12)
    history.start(8.1, 2, "r4", "t4", worker=12, serial=2)
    history.end(8.2, "r4")
    history.result(8.3, 2, "r4")

    history.claim(10.0, 3, "t5", worker=12)
    history.start(10.1, 3, "r5", "t5", worker=12)
    history.fault(10.2, "freeze", 12, until=18.0)
    history.lost(14.5, 3)
    history.claim(15.0, 3, "t6", worker=13)
    history.start(15.2, 3, "r6", "t6", worker=13)
    history.end(18.1, "r5")
    history.ignored(18.2, "r5")
    history.end(18.3, "r6")
    history.result(18.4, 3, "r6")
    history.stopped(20.0, 12, 13)
    return history


SOUND_KINDS = {1: "instant", 2: "flaky-1", 3: "long"}
SOUND_ROWS = {1: Row("completed", 0, 1), 2: Row("completed", 1, 2), 3: Row("completed", 0, 1)}
