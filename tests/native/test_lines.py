"""Which line of a text decides: the last of a log of attempts, and a later cause that outlives an earlier one."""

from __future__ import annotations

import pytest
from job_retry import ErrorClassifier

RULES = [
    {"id": "refusal", "verdict": "permanent", "why": "refused", "message": "no entry"},
    {"id": "ruin", "verdict": "permanent", "why": "ruined", "message": "in ruins", "strength": "decisive"},
    {"id": "gateway", "verdict": "transient", "why": "away", "message": "gateway away", "strength": "status"},
    {"id": "slow", "verdict": "transient", "why": "slow", "message": "too slow", "strength": "symptom"},
    {"id": "hint", "verdict": "permanent", "why": "odd", "message": "oddity", "strength": "hint"},
]

# A text, and the rule that decides.
LINES: list[tuple[str, str, str]] = [
    ("on one line the stronger rule decides", "no entry: gateway away", "refusal"),
    ("so it does where the transient cause comes first", "gateway away\nno entry", "refusal"),
    ("a program that went on failed by what came later", "no entry\nall the same\ngateway away", "gateway"),
    ("a symptom on a later line names no cause", "no entry\ntoo slow", "refusal"),
    ("what is decisive is not outlived", "in ruins\ngateway away", "ruin"),
    ("the last attempt decides, weaker as it may be", "attempt 1: no entry\nattempt 2: too slow", "slow"),
    ("a hint after the last attempt is none of them", "attempt 1: no entry\nattempt 2: too slow\noddity", "slow"),
    ("in a log of hints the last one decides", "attempt 1: nothing\nattempt 2: oddity", "hint"),
    ("two markers on one line make no log", "attempt 1, attempt 2: no entry\ntoo slow", "refusal"),
]


@pytest.mark.parametrize(("text", "rule"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_which_line_decides(text: str, rule: str) -> None:
    packs_alone = ErrorClassifier.with_rules([])
    assert packs_alone.explain(text).rule is None
    with_rules = ErrorClassifier.with_rules(RULES)
    explained = with_rules.explain(text)
    assert explained.rule == f"project/{rule}"
    assert with_rules.classify_error(text) is explained.error_type
