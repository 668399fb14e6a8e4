"""Compare a classifier with all rule packs with the plain one, and show that both stay linear.

python benches/packs.py
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

from job_retry import ErrorClassifier
from side_by_side import Demand, Figure, Row, at_most, cost, main
from side_by_side.messages import FIRST, LAST, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DISTINCT = 500
QUIET = "the nightly batch of invoices for region seven was written to its usual place and then the lamp went out, "
"""A text in which no rule sees anything."""

HOSTILE = {
    "no literal": "\u00e9",
    "one literal": "connection ",
    "a match a line": "connection reset by peer\n",
    "literals of many rules": "error cannot connect to timeout while failed to not found invalid denied ",
    "a log of attempts": "attempt 1 failed: timed out\nretrying ",
    "tracebacks": '  File "x.py", line 1, in f\n    raise OSError(111)\n',
    "half of a gap": "docker daemon not ",
}
SIZES = [1_250_000, 2_500_000, 5_000_000, 10_000_000]


def quiet(size: int, ending: str = "") -> str:
    """Return a text of this size in which no rule but that of its end sees anything."""
    return (QUIET * (size // len(QUIET) + 1))[: size - len(ending)] + ending


def demand(title: str) -> Demand | None:
    return at_most(3) if title.startswith("120 B") else None


def repeated(title: str, message: str) -> Row:
    return Row(title, [(message,)], demand(title))


def distinct(title: str, ending: str) -> Row:
    return Row(title, [(f"{number:05} {quiet(114, ending)}",) for number in range(DISTINCT)], demand(title))


ROWS = [
    repeated("120 B, no hit", quiet(120)),
    repeated("120 B, a hit at the beginning", FIRST + quiet(120 - len(FIRST))),
    repeated("120 B, first pattern", quiet(120, FIRST)),
    repeated("120 B, last pattern", quiet(120, LAST)),
    distinct("120 B, no hit, distinct", ""),
    distinct("120 B, first pattern, distinct", FIRST),
    distinct("120 B, last pattern, distinct", LAST),
    repeated("120 B, many words of errors", text(120)),
    repeated("16 kB, no hit", quiet(16_000)),
    repeated("16 kB, last pattern", quiet(16_000, LAST)),
    repeated("1 MB, no hit", quiet(1_000_000)),
]


def seconds(call: Callable[[str], object], message: str) -> float:
    """Return the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        call(message)
        best = min(best, time.perf_counter() - start)
    return best


def figures() -> Iterator[Figure]:
    start = time.perf_counter()
    packed = ErrorClassifier.with_packs()
    packed.classify_error("first use")
    yield Figure("First use of all packs", "compiled", (time.perf_counter() - start) * 1e3, unit="ms")
    plain, with_packs = ("plain", ErrorClassifier.classify_error), ("packs", packed.classify_error)
    for row in ROWS:
        yield cost("All packs", row, plain, with_packs)
    before = seconds(packed.classify_error, quiet(120))
    for title, piece in HOSTILE.items():
        times = [seconds(packed.classify_error, piece * (size // len(piece))) for size in SIZES]
        worst = max(longer / shorter for shorter, longer in pairwise(times))
        named = {f"{size / 1e6:g} MB": taken for size, taken in zip(SIZES, times, strict=True)}
        yield Figure("Hostile messages, twice the size", title, worst, seconds=named)
    after = seconds(packed.classify_error, quiet(120))
    named = {"before": before, "after": after}
    yield Figure("120 B before and after them", "packs", after / before, seconds=named)


if __name__ == "__main__":
    main(figures, __doc__)
