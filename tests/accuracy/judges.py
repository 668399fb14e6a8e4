"""The classifiers that are measured."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from job_retry import ErrorClassifier, rule_packs

from tests.accuracy.figures import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from job_retry import Rule

CRITERIA = (
    *("message", "also", "unless", "exception"),
    *("errno", "sqlstate", "http_status", "grpc", "exit_code", "signal", "code"),
)
"""The keys of a rule that say what it matches."""


@cache
def shipped_rules() -> dict[str, Rule]:
    """Return every rule of the shipped packs by its full id, in the order in which they decide between equals."""
    return {rule.id: rule for pack in rule_packs().values() for rule in pack.rules}


def shipped_lists(message: str) -> Decision:
    """Judge by the two shipped lists alone."""
    return Decision(ErrorClassifier.classify_error(message).value)


def all_packs(message: str) -> Decision:
    """Judge with every shipped pack."""
    found = ErrorClassifier.with_packs().explain(message)
    reason = f"{found.rule or 'nothing'}: {found.why}"
    return Decision(found.error_type.value, found.rule if found.rule in shipped_rules() else None, reason)


def only(ids: Iterable[str]) -> Callable[[str], Decision]:
    """Return the judge that knows these rules of the packs and no others.

    They are given as rules of the project, which come before all packs and keep strength and order. The packs remain
    for their noise; in a log of attempts their rules still have a say in which line counts, and in nothing else.
    """
    chosen = set(ids)
    rules = [rule for rule in shipped_rules().values() if rule.id in chosen]
    tables = [
        {
            "id": f"rule-{number}",
            "verdict": rule.verdict.value,
            "why": rule.why,
            "strength": rule.strength,
            **{key: getattr(rule, key) for key in CRITERIA if getattr(rule, key)},
        }
        for number, rule in enumerate(rules)
    ]
    classifier = ErrorClassifier.with_packs().with_rules(tables)

    def judge(message: str) -> Decision:
        found = classifier.explain(message)
        if found.rule is None or found.pack != "project":
            return shipped_lists(message)
        rule = rules[int(found.rule.rpartition("-")[2])]
        return Decision(found.error_type.value, rule.id, f"{rule.id}: {rule.why}")

    return judge
