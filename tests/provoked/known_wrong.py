"""Rows that the classifier gets wrong, what it says instead, and why that is left so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN_WRONG: Mapping[str, str] = {
    # The text of the exception says less than whoever provoked it knows.
    "network: a unix socket that is missing": "permanent",
    "processes: signal a process that is gone": "unknown",
    "processes: wait for a child that is none": "unknown",
    "redis: a transaction with a slip": "unknown",
    "sqlite3: a database in a missing folder": "unknown",
    # Mostly so, but not always: the classifier is more careful.
    "processes: a crash of a program": "unknown",
    "processes: an abort": "unknown",
    "processes: a program that takes too long": "unknown",
    "python: change a dict while it is read": "unknown",
    # One class for an answer that is no HTTP and for a connection that ended before any.
    "network: an answer that is no http": "transient",
}
"""What is said, by the name of the row."""
