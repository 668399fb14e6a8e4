"""A sound run has no findings, and each way to be broken is found, by the rule that is there for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.evidence import Past, Row
from tests.chaos.findings import RULES
from tests.chaos.records import SOUND_KINDS, SOUND_ROWS, fitting, sound_history
from tests.chaos.store import Fault, Ignored, Start

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.records import History


def findings(history: History, rows: dict[int, Row] | None = None, **more: Any) -> dict[str, int]:
    evidence = history.evidence(SOUND_KINDS, rows or SOUND_ROWS, **more)
    found = {rule.name: rule.find(evidence) for rule in RULES}
    return {name: len(lines) for name, lines in found.items() if lines}


def test_a_sound_history_has_no_findings() -> None:
    assert findings(sound_history()) == {}


SOUND_PASTS = fitting(SOUND_ROWS)

# What the rows, or what is said beside them, look like, and what is found.
BROKEN_ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "a job is gone": ({"rows": {1: SOUND_ROWS[1], 2: SOUND_ROWS[2]}}, "jobs lost"),
    "a job still waits": ({"rows": {**SOUND_ROWS, 3: Row("queued", 0, 0)}}, "jobs lost"),
    "a job failed that had to succeed": ({"rows": {**SOUND_ROWS, 2: Row("failed", 1, 1)}}, "jobs lost"),
    "a loss was charged": ({"rows": {**SOUND_ROWS, 3: Row("completed", 1, 1)}}, "attempts charged wrongly"),
    "a failure was not charged": ({"rows": {**SOUND_ROWS, 2: Row("completed", 0, 2)}}, "attempts charged wrongly"),
    "an attempt was counted twice": ({"rows": {**SOUND_ROWS, 1: Row("completed", 0, 2)}}, "attempts charged wrongly"),
    "a failure is not on the ledger": ({"pasts": {**SOUND_PASTS, 2: Past(0)}}, "histories that do not fit"),
    "a failure is on the ledger twice": ({"pasts": {**SOUND_PASTS, 2: Past(2)}}, "histories that do not fit"),
    "a job that succeeded is a dead letter": ({"pasts": {**SOUND_PASTS, 1: Past(0, 1)}}, "histories that do not fit"),
    "the rows contradict themselves": ({"limbo": ["broken: ..."]}, "in limbo"),
    "a worker does not end": ({"stuck": [12]}, "workers that gave up"),
}


@pytest.mark.parametrize("case", BROKEN_ENDS)
def test_a_broken_end_is_found(case: str) -> None:
    ends, rule = BROKEN_ENDS[case]
    assert findings(sound_history(), **ends) == {rule: 1}


def charged_loss(history: History) -> None:
    history.claim(30, 1, "t9", worker=12)
    history.lost(36, 1, charged=1)


def failure_charged_twice(history: History) -> None:
    history.claim(30, 2, "t9", worker=12)
    history.start(30.1, 2, "r9", "t9", worker=12, serial=3)
    history.result(31, 2, "r9", "retrying", charged=2)


def result_of_another_claim(history: History) -> None:
    history.claim(30, 1, "t9", worker=12)
    history.start(30.1, 1, "r9", "t8", worker=12, serial=2)
    history.result(31, 1, "r9")


def result_of_nobody(history: History) -> None:
    history.claim(30, 1, "t9", worker=12)
    history.result(31, 1, "r9")


def result_written_twice(history: History) -> None:
    for at, token in ((30, "t8"), (32, "t9")):
        history.claim(at, 1, token, worker=12)
        history.start(at, 1, "r9", token, worker=12, serial=2)
        history.result(at + 1, 1, "r9")


def worker_fails(history: History) -> None:
    history.death(40, 14, 1, 0)


def worker_dies_of_something_else(history: History) -> None:
    history.death(40, 14, -11)


def launched_again_by_a_worker_that_lives(history: History) -> None:
    history.claim(30, 1, "t9", worker=12)
    history.start(30.1, 1, "r9", "t9", worker=12, serial=2)
    history.end(30.2, "r9")
    history.lost(30.3, 1)
    history.claim(30.4, 1, "t10", worker=13)
    history.start(30.5, 1, "r10", "t10", worker=13, serial=2)


def launched_again_after_its_result(history: History) -> None:
    history.killed(30, 12)
    history.claim(31, 1, "t9", worker=13)
    history.start(31.1, 1, "r9", "t9", worker=13)


def two_launches_under_one_claim(history: History) -> None:
    history.claim(15, 1, "t9", worker=13)
    history.start(15.1, 1, "r9", "t9", worker=13, serial=2)
    history.start(15.2, 1, "r10", "t9", worker=13, serial=3)


BROKEN_HISTORIES: list[tuple[Callable[[History], None], dict[str, int]]] = [
    (charged_loss, {"attempts charged wrongly": 1}),
    (failure_charged_twice, {"attempts charged wrongly": 1}),
    (result_of_another_claim, {"results written by a claim that had passed on": 1}),
    (result_of_nobody, {"results written by a claim that had passed on": 1}),
    (worker_fails, {"workers that gave up": 1}),
    (worker_dies_of_something_else, {"workers that gave up": 1}),
    (launched_again_by_a_worker_that_lives, {"launches repeated without a loss": 1}),
    (launched_again_after_its_result, {"launches repeated without a loss": 1}),
    (two_launches_under_one_claim, {"launches that overlapped under a live lease": 1}),
]


@pytest.mark.parametrize(
    ("happens", "found"), BROKEN_HISTORIES, ids=[happens.__name__ for happens, _ in BROKEN_HISTORIES]
)
def test_a_broken_history_is_found(happens: Callable[[History], None], found: dict[str, int]) -> None:
    history = sound_history()
    happens(history)
    shown = findings(history)
    assert {name: shown.get(name) for name in found} == found


def test_a_result_that_is_written_twice_is_found() -> None:
    history = sound_history()
    result_written_twice(history)
    assert "results written by a claim that had passed on" in findings(history)


LONGEST_HARMLESS = 1.9


def drop(history: History, kind: str) -> None:
    history.records = [record for record in history.records if getattr(record, "kind", "") != kind]


def shorten(history: History, kind: str, seconds: float) -> None:
    for number, record in enumerate(history.records):
        if isinstance(record, Fault) and record.kind == kind:
            history.records[number] = replace(record, until=record.at + seconds)


def drop_ignored(history: History) -> None:
    history.records = [record for record in history.records if not isinstance(record, Ignored)]


def another_stale_launch(history: History) -> None:
    """The worker claims the job anew between two freezes that follow each other closely, and loses it again."""
    history.records = [record for record in history.records if getattr(record, "run", "") not in ("r5", "r6")]
    history.changes = [change for change in history.changes if change.at < 15]
    drop(history, kind="freeze")
    history.fault(10.2, "freeze", 12, until=14.6)
    history.fault(14.9, "freeze", 12, until=19.8)
    for at, token, run, worker in ((10.0, "t5", "r5", 12), (14.7, "t6", "r6", 12), (19.0, "t7", "r7", 13)):
        history.claim(at, 3, token, worker)
        history.start(at + 0.1, 3, run, token, worker)
        history.end(19.9, run)
    for run in ("r5", "r6"):
        history.ignored(19.95, run)
    history.result(19.9, 3, "r7")


def frozen_before_its_launch(history: History) -> None:
    history.records = [
        replace(record, at=18.05) if isinstance(record, Start) and record.run == "r5" else record
        for record in history.records
    ]


# What is taken from, or changed in, the story of the frozen worker, and what it makes of its overlap.
FROZEN: dict[str, tuple[Callable[[History], None], set[str]]] = {
    "was not frozen": (
        lambda history: drop(history, kind="freeze"),
        {"launches that overlapped under a live lease", "launches repeated without a loss"},
    ),
    "was frozen for less than a lease allows": (
        lambda history: shorten(history, kind="freeze", seconds=LONGEST_HARMLESS),
        {"launches that overlapped under a live lease", "launches repeated without a loss"},
    ),
    "was not told that it came too late": (
        drop_ignored,
        {"overlaps past a lease that were not fenced and logged"},
    ),
    "wrote its result all the same": (
        lambda history: history.result(18.15, 3, "r5"),
        {
            "overlaps past a lease that were not fenced and logged",
            "results written by a claim that had passed on",
            "launches repeated without a loss",
        },
    ),
    "was frozen between its claim and the launch": (frozen_before_its_launch, set()),
    "overlapped twice": (
        another_stale_launch,
        {"overlaps past a lease beyond one a fault and job"},
    ),
}


@pytest.mark.parametrize("case", FROZEN)
def test_an_overlap_is_excused_only_by_a_lease_that_was_lost(case: str) -> None:
    change, rules = FROZEN[case]
    history = sound_history()
    change(history)
    assert set(findings(history)) == rules
