"""How many of the provoked exceptions are classified as an operator would do it."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path

import pytest

from tests.provoked.known_wrong import KNOWN_WRONG
from tests.provoked.rows import Row, Table

LEAST_SHARE = 0.95
FEWEST_ROWS = 150
MOST_OF_A_CLASS = 10


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Return all rows; each is checked by the file that it stands in."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    modules = [importlib.import_module(f"tests.provoked.{name}") for name in names]
    # A table that one file takes from another counts once.
    tables = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Table)}
    return [row for table in tables.values() for row in table]


def test_95_in_100_are_right_and_the_others_are_known(rows: list[Row]) -> None:
    assert len(rows) >= FEWEST_ROWS
    assert KNOWN_WRONG.keys() <= {row.name for row in rows}
    assert all(KNOWN_WRONG.get(row.name) != row.verdict for row in rows), "a row that is right is no longer known wrong"
    wrong = [f"{row.name}: {row.verdict}, called {KNOWN_WRONG[row.name]}" for row in rows if row.name in KNOWN_WRONG]
    assert 1 - len(wrong) / len(rows) >= LEAST_SHARE, "\n".join(wrong)


def test_nothing_that_is_worth_another_attempt_is_given_up(rows: list[Row]) -> None:
    assert [row.name for row in rows if row.verdict == "transient" and KNOWN_WRONG.get(row.name) == "permanent"] == []


def test_no_class_counts_more_than_ten_times(rows: list[Row]) -> None:
    counts = Counter(row.exception for row in rows)
    assert {name: count for name, count in counts.items() if count > MOST_OF_A_CLASS} == {}
