"""Write the page of the documentation that shows what many dead letters cost.

python -m many_letters.page FOLDER PAGE

FOLDER has the file of figures of `dead_letters.py`, as `--json` writes it.
"""

from __future__ import annotations

import os
import sqlite3
from importlib.metadata import version
from typing import TYPE_CHECKING

from side_by_side.page import about, machine, summary, tables, write_page

from many_letters.work import ATTEMPTS, DAYS, GROUPS, LETTERS, ROUNDS
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from side_by_side import Figure

NAME = "dead_letters"

INTRODUCTION = f"""\
# Speed of the console

What [the console](console.md) and [`manage.py dead_letters`](dead-letters.md#on-the-command-line) take where there is
much to look at: {LETTERS:,} open dead letters of {GROUPS} causes, some of them many times as frequent as others, which
died in the course of {DAYS} days after {ATTEMPTS} attempts each, with a traceback of some thousand characters that no
other has. `make bench-dead-letters` measures this and writes this page.

A page is asked for through Django's own client, as a browser would, by somebody who is logged in: its statements and
their time are all that the connection sees, of the session too. Times are medians of {ROUNDS} answers.

What is done to all letters is typed as a command, each in a process of its own: requeue all, put all of them back,
discard all, and prune all that this leaves. The memory is what the process grows by over what it has when it begins.
PostgreSQL runs on the same machine as it is installed, forcing each commit to disk; SQLite is set as
[The worker](worker.md#sqlite) says.
"""


def surroundings() -> Iterator[tuple[str, str]]:
    """Return what was measured, and on what, in words."""
    yield from ((name, what) for name, what in machine() if name != "Rust")
    yield "Django", f"{version('Django')}, psycopg {version('psycopg')}"
    yield "PostgreSQL", postgresql.version()
    yield "SQLite", sqlite3.sqlite_version
    yield "load", f"{os.getloadavg()[2]:.1f} in the 15 minutes before this was written"


def page(measured: Mapping[str, Sequence[Figure]], dates: Mapping[str, str], facts: Iterable[tuple[str, str]]) -> str:
    """Return the page with the figures, the day on which they were taken, and on what."""
    figures = measured[NAME]
    parts = [INTRODUCTION, about(facts), summary(figures), f"(`benches/{NAME}.py`, {dates[NAME]})\n"]
    return "\n".join([*parts, *tables(figures)])


if __name__ == "__main__":
    write_page(__doc__, f"{NAME}.json", page, surroundings())
