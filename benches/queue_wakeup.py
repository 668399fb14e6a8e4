"""Measure how soon an idle worker on PostgreSQL starts a new job, and how much it asks while there is none.

make bench-queue ONLY=wakeup
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from job_queue.contest import COUNTING, LONGEST_SECONDS, ROOT, databases
from side_by_side import Figure, at_most, main

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_MILLISECONDS = 50
MOST_STATEMENTS = 1.5


def measured(what: str, url: str) -> list[float]:
    """Return what the program measures in the empty database at `url`."""
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("benches", "python", "."))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    ended = subprocess.run(
        [sys.executable, "-m", "job_queue.wakeup", what],
        env=environment | {"PYTHONPATH": paths, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LONGEST_SECONDS,
    )
    seconds: list[float] = json.loads(ended.stdout.splitlines()[-1])
    return seconds


def figures() -> Iterator[Figure]:
    with databases() as made:
        seconds = sorted(measured("starts", made.new("postgresql")))
    table = f"From commit to launch, PostgreSQL, {len(seconds)} jobs"
    shown = {
        "median": statistics.median(seconds),
        "95 of 100 within": seconds[len(seconds) * 95 // 100 - 1],
        "longest": seconds[-1],
    }
    for title, value in shown.items():
        yield Figure(table, title, value * 1e3, at_most(MOST_MILLISECONDS), unit="ms")
    with databases(COUNTING) as made:
        [a_second] = measured("statements", made.new("postgresql"))
    yield Figure("An idle worker, PostgreSQL", "statements a second", a_second, at_most(MOST_STATEMENTS), unit="")


if __name__ == "__main__":
    main(figures, __doc__)
