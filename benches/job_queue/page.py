"""Write the page of the documentation that shows how fast the queue is.

python -m job_queue.page FOLDER PAGE

FOLDER has a file of figures for each benchmark of the queue, as `--json` writes it.
"""

from __future__ import annotations

import os
import sqlite3
from importlib.metadata import version
from typing import TYPE_CHECKING

from side_by_side.page import BENCHES, about, machine, summary, tables, write_page

from tests.servers import postgresql

from .plots import PLOTS
from .prose import INTRODUCTION, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from side_by_side import Figure

PINNED = BENCHES / "queue_peers.txt"
SHOWN_PEERS = ("procrastinate", "django-q2", "celery[redis]", "huey")


def surroundings() -> Iterator[tuple[str, str]]:
    """Return what the queues ran on, in words."""
    yield from ((name, what) for name, what in machine() if name != "Rust")
    yield "Django", f"{version('Django')}, psycopg {version('psycopg')}"
    yield "PostgreSQL", postgresql.version()
    yield "SQLite", sqlite3.sqlite_version
    yield "other queues", ", ".join(pinned())
    yield "load", f"{os.getloadavg()[2]:.1f} in the 15 minutes before this was written"


def pinned() -> Iterator[str]:
    """Return the other queues with their versions."""
    for line in PINNED.read_text(encoding="utf-8").splitlines():
        name, _, number = line.partition("==")
        if name in SHOWN_PEERS:
            yield f"{name.partition('[')[0]} {number}"


def page(measured: Mapping[str, Sequence[Figure]], dates: Mapping[str, str], facts: Iterable[tuple[str, str]]) -> str:
    """Return the page with the figures of each benchmark, by its name, and the days on which they were taken."""
    parts = [INTRODUCTION, about(facts)]
    parts.append(summary([figure for figures in measured.values() for figure in figures]))
    for name, section in SECTIONS.items():
        if name not in measured:
            continue
        parts += [f"## {section.title}\n", section.prose, f"(`benches/{name}.py`, {dates[name]})\n"]
        if name in PLOTS:
            parts.append(PLOTS[name](measured[name]) + "\n")
        parts += tables(measured[name], section.amount)
    return "\n".join(parts)


if __name__ == "__main__":
    write_page(__doc__, "queue_*.json", page, surroundings())
