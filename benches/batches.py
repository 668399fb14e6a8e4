"""Compare `classify_many` and `explain_many` with a loop of single calls.

python benches/batches.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_retry import ErrorClassifier
from side_by_side import Figure, Row, at_least, faster, main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECES = [
    "could not write the result of step {0} of the nightly run to its usual place, and nobody knows where it went",
    "dial tcp 10.0.{0}.7:5432: connect: connection refused, while the invoices of the month before were waiting for it",
    "step {0}: open /srv/invoices/{0}/july.csv: permission denied, asked for by the user who owns all else there",
    "psycopg.OperationalError: server closed the connection unexpectedly, after statement {0} of the migration",
]
"""Every other message has an error that a rule knows."""


def batch(count: int, size: int) -> list[str]:
    """Return distinct messages of this size, in bytes."""
    messages = (f"{number:07} {PIECES[number % len(PIECES)].format(number % 200)} " for number in range(count))
    return [(message * (size // len(message) + 1))[:size] for message in messages]


def loop(classify: Callable[[str], object]) -> Callable[[list[str]], list[object]]:
    return lambda messages: [classify(message) for message in messages]


def figures() -> Iterator[Figure]:
    demanded = at_least(1.4)
    sizes = [(100, 120, None), (1_000, 120, None), (10_000, 120, None), (100_000, 120, demanded), (1_000, 16_000, None)]
    kinds: dict[str, type[ErrorClassifier]] = {
        "22 patterns": ErrorClassifier,
        "all packs": ErrorClassifier.with_packs(),
    }
    for name, kind in kinds.items():
        for count, size, demand in sizes:
            row = Row(f"{count:,} messages of {size:,} B", [(batch(count, size),)], demand)
            single = ("loop", loop(kind.classify_error))
            yield faster(f"classify_many, {name}", row, single, ("classify_many", kind.classify_many))
    for name, kind in kinds.items():
        row = Row("10,000 messages of 120 B", [(batch(10_000, 120),)])
        yield faster(f"explain_many, {name}", row, ("loop", loop(kind.explain)), ("explain_many", kind.explain_many))


if __name__ == "__main__":
    main(figures, __doc__)
