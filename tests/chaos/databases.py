"""The databases that a run can have, and what can be done to their servers."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Protocol

import psycopg

from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.faults import Planned

CONNECT_SECONDS = 5


class Database(Protocol):
    """A database of the run's own."""

    url: str

    def harm(self, planned: Planned, lease_seconds: float) -> bool:
        """Do what is planned to the server, and return whether that kept all workers from it; returns once over."""

    def answers_writers(self, seconds: float) -> bool:
        """Return whether somebody could write within so many seconds."""


class PostgreSQL:
    """A server that can be ended, killed, and started again."""

    def __init__(self, server: postgresql.Server) -> None:
        self._server = server
        self.url = server.url

    def harm(self, planned: Planned, lease_seconds: float) -> bool:
        if planned.kind.name == "cut":
            self._cut(planned)
            return False
        if planned.kind.name == "restart":
            self._server.end()
        else:
            self._server.kill()
        time.sleep(planned.leases * lease_seconds)
        self._server.start_again()
        return True

    def answers_writers(self, seconds: float) -> bool:
        return True  # whoever is frozen amid a transaction keeps its rows, not the database

    def _cut(self, planned: Planned) -> None:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
                "ORDER BY pid"
            ).fetchall()
            random = Random(planned.nonce)
            pids = [pid for (pid,) in rows if random.random() < planned.share]
            connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [pids])


class SQLite:
    """A file, which no server keeps from anybody; but one process that is frozen amid a write keeps all others out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"

    def harm(self, planned: Planned, lease_seconds: float) -> bool:
        raise NotImplementedError(f"{planned.kind.name}: SQLite has no server")

    def answers_writers(self, seconds: float) -> bool:
        connection = sqlite3.connect(self._path, timeout=seconds, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return True


@contextmanager
def serve(name: str) -> Iterator[Database]:
    """Run a database of one's own; everything of it is deleted on the way out."""
    if name == "postgresql":
        # What is committed outlives the server's death, as it does in production.
        with postgresql.keep(postgresql.UNFORCED) as server:
            yield PostgreSQL(server)
    else:
        with tempfile.TemporaryDirectory(prefix="job-retry-chaos-") as folder:
            yield SQLite(Path(folder) / "jobs.sqlite3")
