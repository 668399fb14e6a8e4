"""Show what a fingerprint costs beside a verdict by all rule packs, and that its time grows as the text does.

python benches/fingerprints.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batches import batch
from job_retry import ErrorClassifier, fingerprint
from side_by_side import Row, cost, main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from side_by_side import Figure

DISTINCT = 500


def figures() -> Iterator[Figure]:
    classify = ("all packs", ErrorClassifier.with_packs().classify_error)
    rows = [
        Row("120 B", [(batch(1, 120)[0],)]),
        Row("120 B, distinct messages", [(message,) for message in batch(DISTINCT, 120)]),
        Row("16 kB", [(batch(1, 16_000)[0],)]),
    ]
    for row in rows:
        yield cost("A fingerprint beside a verdict", row, classify, ("fingerprint", fingerprint))
    short, long = batch(1, 500_000)[0], batch(1, 1_000_000)[0]
    halves = ("500 kB", lambda: fingerprint(short)), ("1 MB", lambda: fingerprint(long))
    yield cost("A fingerprint of a text twice as long", Row("1 MB beside 500 kB", [()]), *halves)


if __name__ == "__main__":
    main(figures, __doc__)
