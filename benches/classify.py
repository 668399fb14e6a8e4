"""Compare `ErrorClassifier` with a loop over `re.search`, as it would be written in Python, and with a call of nothing.

python benches/classify.py [--json FILE]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_retry import ErrorClassifier
from native_floor import Nothing
from side_by_side import Demand, Figure, Row, at_least, at_most, cost, faster, main
from side_by_side.messages import FIRST, LAST, distinct, repeated, text
from side_by_side.reference import ReferenceClassifier, with_patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = 120

SIZES = {"16 kB": 16_000, "1 MB": 1_000_000, "10 MB": 10_000_000}

ENDINGS = {"no pattern": "", "first pattern": FIRST, "last pattern": LAST}
"""By what decides."""


def short(demands: dict[str, tuple[Demand, Demand]]) -> Iterator[Row]:
    """Short messages, one and many, with what is demanded of either."""
    for title, ending in ENDINGS.items():
        one, many = demands[title]
        yield repeated(f"120 B, {title}", text(SHORT, ending), one)
        yield distinct(f"120 B, {title}, distinct messages", SHORT, ending, many)


AGAINST_REFERENCE = [
    *short(
        {
            "no pattern": (at_least(40), at_least(30)),
            "first pattern": (at_least(5), at_least(5)),
            "last pattern": (at_least(40), at_least(30)),
        }
    ),
    repeated("120 B, no pattern, not ASCII", "é" + text(SHORT - 1)),
    *(
        repeated(f"{title}, {decisive}", text(size, ENDINGS[decisive]), at_least(25))
        for title, size in SIZES.items()
        for decisive in ("no pattern", "last pattern")
    ),
    repeated("16 kB, first pattern at the end", text(16_000, FIRST)),
    repeated("16 kB, first pattern at the beginning", FIRST + text(16_000)),
]

AGAINST_NOTHING = list(
    short(
        {
            "no pattern": (at_most(4), at_most(5)),
            "first pattern": (at_most(5), at_most(5)),
            "last pattern": (at_most(5), at_most(5)),
        }
    )
)

# The reference needs a power of the size; larger ones would take it minutes.
HOSTILE = [
    repeated("'docker daemon not ' * 80", "docker daemon not " * 80),
    repeated("'connection ' * 2000", "connection " * 2000),
    repeated("'invalid ' * 2000", "invalid " * 2000),
]


def figures() -> Iterator[Figure]:
    reference, native = ("reference", ReferenceClassifier.classify_error), ("native", ErrorClassifier.classify_error)
    for row in AGAINST_REFERENCE:
        yield faster("22 patterns", row, reference, native)
    for row in AGAINST_NOTHING:
        yield cost("Beside a native call of nothing", row, ("nothing", Nothing.classify_error), native)
    for row in HOSTILE:
        yield faster("Hostile messages", row, reference, native)
    # As many as `re` keeps compiled.
    reference, native = with_patterns([f"service number {number} .*unavailable" for number in range(500)])
    for row in (repeated("120 B, no pattern", text(SHORT)), repeated("16 kB, no pattern", text(16_000))):
        yield faster("500 patterns", row, reference, native)


if __name__ == "__main__":
    main(figures, __doc__)
