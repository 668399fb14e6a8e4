"""The page on the console's speed shows each figure beside its demand, and the work is as large as it says."""

from __future__ import annotations

from collections import Counter

from job_retry import fingerprint
from many_letters.page import page
from many_letters.work import GROUPS, LETTERS, error, group_of
from side_by_side import Figure, at_most

FIGURES = [
    Figure("PostgreSQL: statements of a page", "groups", 9.0, at_most(19), unit=""),
    Figure("PostgreSQL: all letters", "requeue", 61.25, at_most(60), unit="s"),
]


def test_the_page_has_each_figure_beside_its_demand() -> None:
    lines = page({"dead_letters": FIGURES}, {"dead_letters": "2026-11-26"}, [("Python", "3.11")]).splitlines()
    assert "| Python | 3.11 |" in lines
    assert "Of 2 demands 1 are met; not:" in lines
    assert "| groups | 9.00  | at most 19 | met |" in lines
    assert "| requeue | 61.2 s | at most 60 | NOT met |" in lines


def test_the_letters_are_of_so_many_causes_and_some_are_frequent() -> None:
    sizes = Counter(map(group_of, range(LETTERS)))
    assert (len(sizes), sum(sizes.values())) == (GROUPS, LETTERS)
    assert max(sizes.values()) > 20 * min(sizes.values())


def test_each_cause_has_a_fingerprint_of_its_own_and_each_letter_an_error() -> None:
    first_of_each = {group_of(number): number for number in reversed(range(LETTERS))}
    assert len({fingerprint(error(number)).id for number in first_of_each.values()}) == GROUPS
    some = [number for number in range(1000) if group_of(number) == 0]
    assert len({fingerprint(error(number)).id for number in some}) == 1
    assert len(set(map(error, some))) == len(some)
