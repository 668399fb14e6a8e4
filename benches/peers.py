"""Compare `ErrorClassifier` with other engines that look for many patterns at once.

make bench-peers
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_retry import ErrorClassifier
from side_by_side import Demand, Figure, Row, at_least, faster, main
from side_by_side.engines import ENGINES
from side_by_side.messages import FIRST, LAST, distinct, repeated, text

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDINGS = {"no pattern": "", "first pattern": FIRST, "last pattern": LAST}
"""By what decides."""

SIZES: dict[str, tuple[int, Demand | None]] = {
    "120 B": (120, at_least(2)),
    "1 kB": (1_000, at_least(2)),
    "16 kB": (16_000, at_least(1)),
    "256 kB": (256_000, None),
    "1 MB": (1_000_000, None),
}
"""Bytes, and how many times as fast the native classifier has to be."""

ROWS = [
    *(
        repeated(f"{title}, {decisive}", text(size, ending), demand)
        for title, (size, demand) in SIZES.items()
        for decisive, ending in ENDINGS.items()
    ),
    *(
        distinct(f"120 B, {decisive}, distinct messages", 120, ending, at_least(2))
        for decisive, ending in ENDINGS.items()
    ),
]


def agreed(row: Row) -> Row:
    """Return the row if all engines decide alike over its messages."""
    for (message,) in row.arguments:
        verdict = ErrorClassifier.classify_error(str(message))
        for name, engine in ENGINES.items():
            if engine(str(message)) is not verdict:
                raise AssertionError(f"{name} decides otherwise over {str(message)[-60:]!r}")
    return row


def figures() -> Iterator[Figure]:
    rows = [agreed(row) for row in ROWS]
    for name, engine in ENGINES.items():
        for row in rows:
            yield faster(f"Against {name}", row, (name, engine), ("native", ErrorClassifier.classify_error))


if __name__ == "__main__":
    main(figures, __doc__)
