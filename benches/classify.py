"""Compare `ErrorClassifier` with a loop over `re.search`, as it would be written in Python.

python benches/classify.py
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, ClassVar

from job_retry import ErrorClassifier, ErrorType
from side_by_side import Figure, Row, faster, main

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("reference")

ORDINARY = "error at line 12 of the file that is somewhere in the system and cannot be read by whoever asks for it: "
DISTINCT = 500


class ReferenceClassifier:
    """The classifier in plain Python, with a debug line a verdict."""

    TRANSIENT_PATTERNS = ErrorClassifier.TRANSIENT_PATTERNS
    PERMANENT_PATTERNS = ErrorClassifier.PERMANENT_PATTERNS

    @classmethod
    def classify_error(cls, error_message: str) -> ErrorType:
        error_lower = error_message.lower()
        for pattern in cls.TRANSIENT_PATTERNS:
            if re.search(pattern, error_lower):
                logger.debug(f"Classified as TRANSIENT: {pattern}")
                return ErrorType.TRANSIENT
        for pattern in cls.PERMANENT_PATTERNS:
            if re.search(pattern, error_lower):
                logger.debug(f"Classified as PERMANENT: {pattern}")
                return ErrorType.PERMANENT
        logger.debug("Classified as UNKNOWN")
        return ErrorType.UNKNOWN


class ManyRules(ErrorClassifier):
    """As many patterns as `re` keeps compiled."""

    TRANSIENT_PATTERNS: ClassVar = [f"service number {number} .*unavailable" for number in range(500)]
    PERMANENT_PATTERNS: ClassVar = []


class ReferenceManyRules(ReferenceClassifier):
    """The same in plain Python."""

    TRANSIENT_PATTERNS = ManyRules.TRANSIENT_PATTERNS
    PERMANENT_PATTERNS = ManyRules.PERMANENT_PATTERNS


def text(size: int, ending: str = "") -> str:
    """Return an ordinary text of this size that ends so."""
    repeated = ORDINARY * (size // len(ORDINARY) + 1)
    return repeated[: size - len(ending)] + ending


def repeated(title: str, message: str) -> Row:
    return Row(title, [(message,)])


def distinct(title: str, size: int, ending: str = "") -> Row:
    return Row(title, [(f"{number:05} {text(size - 6, ending)}",) for number in range(DISTINCT)])


FIRST = "connection was refused"
LAST = "invalid command"

ROWS = [
    repeated("120 B, none", text(120)),
    repeated("120 B, first pattern", text(120, FIRST)),
    repeated("120 B, last pattern", text(120, LAST)),
    distinct("120 B, none, distinct messages", 120),
    distinct("120 B, first pattern, distinct messages", 120, FIRST),
    distinct("120 B, last pattern, distinct messages", 120, LAST),
    repeated("120 B, none, not ASCII", "é" + text(119)),
    repeated("16 kB, none", text(16_000)),
    repeated("16 kB, first pattern at the end", text(16_000, FIRST)),
    repeated("16 kB, first pattern at the beginning", FIRST + text(16_000)),
    repeated("16 kB, last pattern", text(16_000, LAST)),
    repeated("1 MB, none", text(1_000_000)),
    repeated("1 MB, last pattern", text(1_000_000, LAST)),
]

# The reference needs a power of the size; larger ones would take it minutes.
HOSTILE = [
    repeated("'docker daemon not ' * 80", "docker daemon not " * 80),
    repeated("'connection ' * 2000", "connection " * 2000),
    repeated("'invalid ' * 2000", "invalid " * 2000),
]


def figures() -> Iterator[Figure]:
    reference, native = ("reference", ReferenceClassifier.classify_error), ("native", ErrorClassifier.classify_error)
    for row in ROWS:
        yield faster("22 patterns", row, reference, native)
    for row in HOSTILE:
        yield faster("Hostile messages", row, reference, native)
    reference, native = ("reference", ReferenceManyRules.classify_error), ("native", ManyRules.classify_error)
    for row in (repeated("120 B, none", text(120)), repeated("16 kB, none", text(16_000))):
        yield faster("500 patterns", row, reference, native)


if __name__ == "__main__":
    main(figures, __doc__)
