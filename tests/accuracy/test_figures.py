"""The figures count what they say, on verdicts that are known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accuracy.figures import (
    Decision,
    Judged,
    Share,
    buried_share,
    confusion,
    decided_counts,
    grouped,
    judge_rows,
    right_share,
)
from tests.accuracy.folds import FOLDS, Folded, cross_judge, deal
from tests.accuracy.groups import GROUPS, OTHERS, group_of
from tests.accuracy.rows import LABELS, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

labels = st.sampled_from(LABELS)
row_lists = st.lists(
    st.builds(Row, message=st.text(), label=labels, family=st.sampled_from("abc"), source=st.just(""), why=st.just(""))
)


def row(message: str, label: str = "transient", family: str = "socket") -> Row:
    return Row(message, label, family, source="made up", why="made up")


def judged(label: str, verdict: str, rule: str | None = None, family: str = "socket") -> Judged:
    return Judged(row("", label, family), Decision(verdict, rule))


TABLE = [
    judged("transient", "transient", "network/refused"),
    judged("transient", "permanent", "general/refused"),
    judged("transient", "unknown"),
    judged("permanent", "transient", "network/refused", family="dns"),
    judged("permanent", "permanent", "docker/no-image", family="dns"),
    judged("unknown", "permanent", "general/refused", family="aws"),
]


def test_right_verdicts_are_counted() -> None:
    assert right_share(TABLE) == Share(2, 6)


def test_buried_are_the_retryable_called_permanent_of_all_retryable() -> None:
    assert buried_share(TABLE) == Share(1, 3)


def test_a_share_of_nothing_is_nothing() -> None:
    assert [Share(0, 0).ratio, Share(1, 4).ratio] == [0.0, 0.25]


def test_labels_are_set_against_verdicts() -> None:
    assert confusion(TABLE) == Counter(
        {
            ("transient", "transient"): 1,
            ("transient", "permanent"): 1,
            ("transient", "unknown"): 1,
            ("permanent", "transient"): 1,
            ("permanent", "permanent"): 1,
            ("unknown", "permanent"): 1,
        }
    )


def test_rows_are_grouped_in_the_order_of_the_groups() -> None:
    groups = grouped(TABLE, lambda row: row.family)
    assert list(groups) == ["aws", "dns", "socket"]
    assert groups["dns"] == TABLE[3:5]


def test_messages_are_counted_for_the_rule_that_decides_them() -> None:
    assert decided_counts(TABLE) == {"network/refused": 2, "general/refused": 2, "docker/no-image": 1}


def test_no_family_stands_in_two_groups() -> None:
    families = [family for group in GROUPS.values() for family in group]
    assert len(families) == len(set(families))


@pytest.mark.parametrize(("family", "group"), [("dns", "network"), ("kafka", "message brokers"), ("fax", OTHERS)])
def test_a_family_has_its_group(family: str, group: str) -> None:
    assert group_of(row("", family=family)) == group


@given(row_lists)
def test_folds_are_of_one_size_in_all_and_in_each_family(rows: list[Row]) -> None:
    dealt = deal(rows)
    for family in (None, *"abc"):
        sizes = [
            sum(own == fold for one, own in zip(rows, dealt, strict=True) if family in {None, one.family})
            for fold in range(FOLDS)
        ]
        assert max(sizes) - min(sizes) <= 1


@given(row_lists, st.randoms(use_true_random=False))
def test_the_order_in_the_file_decides_nothing(rows: list[Row], random: Random) -> None:
    distinct = list({(one.family, one.message): one for one in rows}.values())
    shuffled = distinct[:]
    random.shuffle(shuffled)
    assert dict(zip(shuffled, deal(shuffled), strict=True)) == dict(zip(distinct, deal(distinct), strict=True))


# A toy of a classifier: a rule decides the messages that hold its name, the first of them.
RULES = {"pack/common": "transient", "pack/rare": "transient", "pack/wrong": "permanent"}


def toy(known: frozenset[str]) -> Callable[[str], Decision]:
    def judge(message: str) -> Decision:
        for rule, verdict in RULES.items():
            if rule in known and rule in message:
                return Decision(verdict, rule)
        return Decision("unknown")

    return judge


def cross(rows: list[Row], dealt: list[int]) -> Folded:
    return cross_judge(judge_rows(rows, toy(frozenset(RULES))), dealt, toy)


def test_a_fold_is_judged_with_the_rules_that_another_fold_supports() -> None:
    rows = [row("pack/common"), row("pack/common again"), row("pack/rare"), row("pack/rare, twice in one fold")]
    folded = cross(rows, [0, 1, 2, 2])
    assert [one.decision.rule for one in folded.judged] == ["pack/common", "pack/common", None, None]
    assert [one.row for one in folded.judged] == rows
    assert folded.unsupported == {"pack/rare": 2}


def test_a_rule_that_decides_wrongly_supports_nothing() -> None:
    folded = cross([row("pack/wrong"), row("pack/wrong", "permanent"), row("pack/wrong again")], [0, 1, 2])
    assert [one.decision.verdict for one in folded.judged] == ["permanent", "unknown", "permanent"]
    assert folded.unsupported == {"pack/wrong": 1}


def test_where_a_rule_is_missing_the_next_decides() -> None:
    rows = [row("pack/common pack/rare"), row("pack/rare"), row("pack/rare")]
    assert [one.decision.rule for one in cross(rows, [0, 1, 2]).judged] == ["pack/rare"] * 3


def test_rules_that_other_folds_support_lose_nothing() -> None:
    rows = [row(f"pack/common {number}") for number in range(2 * FOLDS)]
    folded = cross(rows, deal(rows))
    assert right_share(folded.judged) == Share(2 * FOLDS, 2 * FOLDS)
    assert folded.unsupported == {}
