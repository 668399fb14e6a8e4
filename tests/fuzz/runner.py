"""Trying targets with random cases, and saying what was found."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True)
class Case:
    """What a target is tried with."""

    patterns: tuple[str, ...]
    """For a list of the classifier; none where the target has its own."""
    message: str


@dataclass(frozen=True)
class Target:
    """A promise, and how to find out whether it is kept."""

    name: str
    make: Callable[[random.Random], Case]
    check: Callable[[Case], object]
    """Raises, or returns what is wrong; something false where nothing is."""
    cases: int = 100
    """So often it is tried before it is another's turn."""


@dataclass(frozen=True)
class Finding:
    """A case in which a promise is broken, as small as it could be made."""

    target: str
    reason: str
    case: Case

    def __str__(self) -> str:
        row = (self.target, self.case.patterns, self.case.message)
        return f"{self.target}: {self.reason}\n    row for REGRESSIONS: {row!a},"


def try_all(targets: Sequence[Target], seed: int, seconds: float) -> tuple[int, list[Finding]]:
    """Try the targets in turn for so long, at least once each; return how many rounds that were, and what was found.

    The same seed tries the same cases.
    """
    until = time.monotonic() + seconds
    rounds = 0
    left, findings = list(targets), []
    while left and (rounds == 0 or time.monotonic() < until):
        for target in tuple(left):
            if finding := try_target(target, seed + rounds):
                findings.append(finding)
                left.remove(target)
        rounds += 1
    return rounds, findings


def try_target(target: Target, seed: int) -> Finding | None:
    source = random.Random(f"{target.name} {seed}")
    for _ in range(target.cases):
        case = target.make(source)
        if wrong(target, case):
            case = smallest(target, case)
            return Finding(target.name, wrong(target, case), case)
    return None


def wrong(target: Target, case: Case) -> str:
    """Return what is wrong, in words; nothing where nothing is."""
    try:
        found = target.check(case)
    # A panic of native code is no Exception.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"
    return str(found) if found else ""


def smallest(target: Target, case: Case) -> Case:
    """Take parts away as long as something is still wrong."""
    found = True
    while found:
        smaller = next((part for part in parts(case) if wrong(target, part)), None)
        found = smaller is not None
        case = smaller or case
    return case


def parts(case: Case) -> Iterator[Case]:
    """Return the case without each pattern, and without each half, quarter, ... of the message."""
    for index in range(len(case.patterns)):
        yield Case(case.patterns[:index] + case.patterns[index + 1 :], case.message)
    length = len(case.message)
    while length:
        for start in range(0, len(case.message), length):
            yield Case(case.patterns, case.message[:start] + case.message[start + length :])
        length //= 2
