"""The database of a queue on Django's ORM, from DATABASE_URL."""

from __future__ import annotations

from typing import Any

import dj_database_url

SQLITE_OPTIONS: dict[str, dict[str, object]] = {
    "WAL": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    },
    # SQLite's own journal and durability. Django's default, transactions that begin without the lock that they need
    # later, is no setting for more than one thread.
    "rollback journal": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
}
"""How SQLite may be set, by the name of its journal."""


def configured(journal: str = "WAL") -> dict[str, Any]:
    """Return the database's settings."""
    database: dict[str, Any] = dict(dj_database_url.config())
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = SQLITE_OPTIONS[journal]
    return database
