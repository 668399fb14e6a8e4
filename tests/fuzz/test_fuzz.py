"""The runner of the targets in Python finds what is wrong, and a few rounds of the targets find nothing."""

from __future__ import annotations

import random
import re

import pytest
from job_retry import ErrorClassifier

from tests.fuzz.runner import Case, Target, try_all, try_target
from tests.fuzz.targets import TARGETS, message_alone
from tests.native import oracle

REGRESSIONS: list[tuple[str, tuple[str, ...], str]] = [
    ("any lists", ("a{[}]}",), "a{}}"),
    ("any lists", ("\u03c3",), "A\u03a3"),
    ("any lists", ("a.*B.*",), "aB"),
    ("shipped lists", (), "connection \udc80 refused"),
]
"""What was found once: target, patterns, message."""

BY_NAME = {target.name: target for target in TARGETS}


@pytest.mark.parametrize(("name", "patterns", "message"), REGRESSIONS)
def test_what_was_found_once_stays_mended(name: str, patterns: tuple[str, ...], message: str) -> None:
    assert not BY_NAME[name].check(Case(patterns, message))


@pytest.mark.parametrize("target", TARGETS, ids=list(BY_NAME))
def test_no_target_finds_anything(target: Target) -> None:
    assert try_target(target, seed=7) is None


def lower_case_counts(case: Case) -> str:
    """Compare with an oracle that is wrong: it forgets that messages are lower-cased."""
    patterns = oracle.TRANSIENT_PATTERNS + oracle.PERMANENT_PATTERNS
    found = ErrorClassifier.classify_error(case.message).value != "unknown"
    expected = any(re.search(pattern, case.message) for pattern in patterns)
    return "" if found == expected else f"{found}, not {expected}"


def breaks_at_nul(case: Case) -> None:
    if "\0" in case.message:
        raise ArithmeticError("a NUL")


def test_what_is_wrong_is_found_and_made_small() -> None:
    wrong = [Target("case", message_alone, lower_case_counts), Target("NUL", message_alone, breaks_at_nul)]
    rounds, findings = try_all(wrong, seed=1, seconds=3600)
    assert rounds > 0
    by_name = {finding.target: finding for finding in findings}
    assert by_name.keys() == {"case", "NUL"}
    assert by_name["case"].reason == "True, not False"
    # Nothing can be taken away.
    small = by_name["case"].case.message
    assert oracle.verdict(small) != "unknown"
    assert {oracle.verdict(small[:place] + small[place + 1 :]) for place in range(len(small))} == {"unknown"}
    assert by_name["NUL"].case == Case((), "\0")
    assert str(by_name["NUL"]) == "NUL: ArithmeticError: a NUL\n    row for REGRESSIONS: ('NUL', (), '\\x00'),"


def test_one_seed_tries_the_same_cases() -> None:
    assert [message_alone(random.Random(3)) for _ in range(5)] == [message_alone(random.Random(3)) for _ in range(5)]
    target = Target("NUL", message_alone, breaks_at_nul)
    found = [[try_target(target, seed) for seed in range(20)] for _ in range(2)]
    assert found[0] == found[1]
    assert any(found[0])
