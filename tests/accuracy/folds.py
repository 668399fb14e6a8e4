"""How much of the accuracy is more than rules made to measure: five folds.

Each fold is judged with only those rules that a row of another fold supports: rules that decide such a row, and
rightly. A rule written for one message is then missing where that message is judged, as it would be for a message that
nobody has seen.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.accuracy.figures import Judged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.accuracy.figures import Decision
    from tests.accuracy.rows import Row

FOLDS = 5


@dataclass(frozen=True)
class Folded:
    """What the folds show."""

    judged: Sequence[Judged]
    """Each row as its fold was judged, in the order of the rows."""
    unsupported: dict[str, int]
    """Rules that decide messages of a single fold rightly, and how many: made to measure, or for a rare cause."""


def deal(rows: Sequence[Row], folds: int = FOLDS) -> list[int]:
    """Return the fold of each row, from 0.

    Every family is dealt row by row, in the order of a hash of the messages, so that neighbours in a file, which are
    often alike, get no say. A family begins where the last one ended: the folds are of one size.
    """
    order = sorted(range(len(rows)), key=lambda number: (rows[number].family, _digest(rows[number].message), number))
    dealt = [0] * len(rows)
    for turn, number in enumerate(order):
        dealt[number] = turn % folds
    return dealt


def cross_judge(
    judged: Sequence[Judged], dealt: Sequence[int], judge_with: Callable[[frozenset[str]], Callable[[str], Decision]]
) -> Folded:
    """Judge each fold with the rules that the other folds support.

    Args:
        judged: The rows as all rules judge them.
        dealt: The fold of each.
        judge_with: Makes the judge that knows only the rules of these ids.
    """
    supports = _supports(judged, dealt)
    again = list(judged)
    for fold in sorted(set(dealt)):
        judge = judge_with(frozenset(rule for rule, counts in supports.items() if set(counts) - {fold}))
        for number, own in enumerate(dealt):
            if own == fold:
                again[number] = Judged(judged[number].row, judge(judged[number].row.message))
    return Folded(again, {rule: counts.total() for rule, counts in sorted(supports.items()) if len(counts) == 1})


def _supports(judged: Sequence[Judged], dealt: Sequence[int]) -> dict[str, Counter[int]]:
    """Return for each rule how many messages of each fold it decides rightly."""
    supports: dict[str, Counter[int]] = {}
    for one, fold in zip(judged, dealt, strict=True):
        if one.right and one.decision.rule is not None:
            supports.setdefault(one.decision.rule, Counter())[fold] += 1
    return supports


def _digest(message: str) -> bytes:
    return hashlib.sha256(message.encode(errors="surrogatepass")).digest()
