"""Measure the pages of the console, and what is done with dead letters by the thousand, on PostgreSQL and SQLite.

make bench-dead-letters
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grown_queue.tables import TITLES
from job_queue.contest import databases, run_program
from many_letters.program import ACTS
from side_by_side import Figure, at_most, main

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASES = ("postgresql", "sqlite")
GROUP_PAGE_QUERIES = at_most(19)
GROUP_PAGE_DATABASE_MILLISECONDS = at_most(300)
"""On PostgreSQL."""
REQUEUE_SECONDS = at_most(60)
MEMORY_MEGABYTES = at_most(64)
"""What a process may grow by over what it has before, however many letters there are."""


def measured(part: str, url: str) -> Any:
    """Return what the program measures of one part."""
    return run_program("program", part, url, package="many_letters")


def of_pages(database: str, taken: dict[str, dict[str, float]]) -> Iterator[Figure]:
    title = TITLES[database]
    of_groups = {"groups": GROUP_PAGE_DATABASE_MILLISECONDS} if database == "postgresql" else {}
    for page, found in taken.items():
        demand = GROUP_PAGE_QUERIES if page == "groups" else None
        yield Figure(f"{title}: statements of a page", page, found["queries"], demand, unit="")
    for page, found in taken.items():
        milliseconds = found["database_seconds"] * 1e3
        yield Figure(f"{title}: time in the database", page, milliseconds, of_groups.get(page), unit="ms")
    for page, found in taken.items():
        yield Figure(f"{title}: until the page is there", page, found["seconds"] * 1e3, unit="ms")


def of_acts(database: str, taken: dict[str, dict[str, float]]) -> Iterator[Figure]:
    title = TITLES[database]
    for act, found in taken.items():
        demand = REQUEUE_SECONDS if act == "requeue" else None
        yield Figure(f"{title}: all letters", act, found["seconds"], demand, unit="s")
    for act, found in taken.items():
        yield Figure(f"{title}: memory for all letters", act, found["bytes"] / 1e6, MEMORY_MEGABYTES, unit="MB")


def figures() -> Iterator[Figure]:
    with databases() as made:
        for database in DATABASES:
            url = made.new(database)
            measured("fill", url)
            yield from of_pages(database, measured("pages", url))
            yield from of_acts(database, {act: measured(act, url) for act in ACTS})


if __name__ == "__main__":
    raise SystemExit(not main(figures, __doc__))
