"""What the native classes promise, restated in plain Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from job_retry import ErrorClassifier, fingerprint
from job_retry._native import ErrorTextCleaner

from tests.fuzz.runner import Case, Target
from tests.fuzz.texts import message, patterns, small_message
from tests.native import oracle

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

PACKS = ErrorClassifier.with_packs()
CLEANER = ErrorTextCleaner()
SECRET = "hunter2correcthorsebattery9"


def message_alone(source: random.Random) -> Case:
    return Case((), message(source))


MOST_STEPS = 10_000_000
"""What `re` may need for a pattern with gaps, each of which multiplies it by the length of the message."""


def with_patterns(source: random.Random) -> Case:
    # What `re` makes of some patterns takes it for ever on longer messages.
    small = source.random() < 0.5
    made = tuple(patterns(source, literal=not small))
    text = small_message(source) if small else message(source)
    gaps = max((pattern.count(".*") for pattern in made), default=0)
    return Case(made, text[: int(MOST_STEPS ** (1 / (gaps + 1)))])


def with_lists(patterns: Sequence[str]) -> type[ErrorClassifier]:
    """Return a class with one half of the patterns in each list."""
    half = len(patterns) // 2
    lists = {"TRANSIENT_PATTERNS": list(patterns[:half]), "PERMANENT_PATTERNS": list(patterns[half:])}
    return type("WithLists", (ErrorClassifier,), lists)


def shipped_lists(case: Case) -> str:
    found, expected = ErrorClassifier.classify_error(case.message).value, oracle.verdict(case.message)
    return "" if found == expected else f"{found}, not {expected}"


def any_lists(case: Case) -> str:
    half = len(case.patterns) // 2
    found = with_lists(case.patterns).classify_error(case.message).value
    expected = oracle.verdict(case.message, case.patterns[:half], case.patterns[half:])
    return "" if found == expected else f"{found}, not {expected}"


def explanations(case: Case) -> str:
    kinds: list[type[ErrorClassifier]] = [ErrorClassifier, PACKS]
    if case.patterns:
        kinds = [with_lists(case.patterns), with_lists(case.patterns).with_packs("docker", "network", "python")]
    for kind in kinds:
        explained, decided = kind.explain(case.message), kind.classify_error(case.message)
        if explained.error_type is not decided:
            return f"{explained.error_type.value} is explained, {decided.value} decided"
        if explained.span and explained.matched_text != case.message[slice(*explained.span)]:
            return f"{explained.matched_text!r} does not stand at {explained.span}"
    return ""


def batches(case: Case) -> str:
    kind = with_lists(case.patterns).with_packs("http", "posix") if case.patterns else PACKS
    # So many that they are shared out.
    many = [f"{number} {case.message[number % (len(case.message) + 1) :]}" for number in range(1200)]
    if kind.classify_many(many) != [kind.classify_error(single) for single in many]:
        return "classify_many is not the loop"
    return (
        "" if kind.explain_many(many[:40]) == [kind.explain(single) for single in many[:40]] else "explain_many is not"
    )


def exceptions(case: Case) -> str:
    lines = case.message.split("\n")
    outermost: BaseException | None = None
    for number, line in enumerate(lines[:8]):
        error = [ConnectionError, ValueError, OSError, RuntimeError][len(line) % 4](line)
        if number % 2:
            error.__context__ = outermost
        else:
            error.__cause__ = outermost
        outermost = error
    assert outermost is not None
    explained, decided = PACKS.explain(outermost), PACKS.classify_exception(outermost)
    return (
        "" if explained.error_type is decided else f"{explained.error_type.value} is explained, {decided.value} decided"
    )


def cleaning(case: Case) -> str:
    planted = f"{case.message}\npassword={SECRET}\n{case.message}"
    for text in (case.message, planted):
        cleaned = CLEANER.clean(text)
        if SECRET in cleaned:
            return "a secret is left"
        # A lone surrogate would not be encoded.
        if len(cleaned.encode()) > 64 * 1024 or "\0" in cleaned:
            return "the text cannot be stored"
    return ""


def fingerprints(case: Case) -> str:
    first = fingerprint(f"{case.message}\npassword={SECRET}")
    if first != fingerprint(f"{case.message}\npassword={SECRET}"):
        return "two fingerprints"
    return "a secret is left" if SECRET in first.template else ""


def waits(case: Case) -> str:
    seconds = ErrorClassifier.retry_after(case.message)
    return "" if seconds is None or (math.isfinite(seconds) and seconds >= 0) else f"{seconds} s"


TARGETS = [
    Target("shipped lists", message_alone, shipped_lists),
    Target("any lists", with_patterns, any_lists),
    Target("explanations", message_alone, explanations),
    Target("explanations with lists", with_patterns, explanations),
    Target("exceptions", message_alone, exceptions),
    Target("cleaning", message_alone, cleaning),
    Target("fingerprints", message_alone, fingerprints),
    Target("retry after", message_alone, waits),
    Target("batches", message_alone, batches, cases=1),
    Target("batches with lists", with_patterns, batches, cases=1),
]
