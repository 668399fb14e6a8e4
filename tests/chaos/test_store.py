"""What is appended is read again, but for a line that a kill has cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.audit import run_of
from tests.chaos.contact import Silence, silences
from tests.chaos.store import Death, End, Fault, Ignored, Record, Start, Store, of_type, read_store

if TYPE_CHECKING:
    from pathlib import Path

RECORDS: list[Record] = [
    Start(1.0, "r1", 1, 1, "t1", "host:7:a", 7, 1_700_000_000.0),
    End(2.0, "r1"),
    Fault(3.0, "freeze", 7, 9.0),
    Ignored(4.0, "r1"),
    Death(5.0, 7, -9, [-9]),
]


def test_records_of_several_processes_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    stores = [Store(tmp_path), Store(tmp_path)]
    for number, record in enumerate(reversed(RECORDS)):
        stores[number % 2].append(record)
    assert read_store(tmp_path) == RECORDS
    assert of_type(RECORDS, End) == [RECORDS[1]]


def test_a_line_that_was_cut_did_not_happen(tmp_path: Path) -> None:
    Store(tmp_path).append(RECORDS[0])
    (written,) = tmp_path.iterdir()
    with written.open("a") as file:
        file.write('{"type": "End", "at": 2.')
    assert read_store(tmp_path) == RECORDS[:1]


@pytest.mark.parametrize(
    ("execution", "error", "run"),
    [
        ("a1b2", "", "a1b2"),
        ("", "connection refused by host 10.0.0.7 (run=a1b2)", "a1b2"),
        ("", "Worker lost: host:7:a held this job alone", ""),
        ("", "", ""),
    ],
)
def test_a_result_names_its_launch(execution: str, error: str, run: str) -> None:
    assert run_of(execution, error) == run


def test_silences_of_one_worker_that_follow_each_other_closely_are_one() -> None:
    faults = [
        Fault(1.0, "pause", 7, 2.0),
        Fault(2.5, "crash", 0, 4.0, for_all=True),
        Fault(3.0, "cut", 0, 3.0),
        Fault(9.0, "freeze", 7, 12.0),
        Fault(4.5, "freeze", 8, 9.0),
    ]
    assert silences(faults, 7, renew_seconds=1.0) == [Silence(7, 1.0, 4.0), Silence(7, 9.0, 12.0)]
    assert silences(faults, 8, renew_seconds=1.0) == [Silence(8, 2.5, 9.0)]
