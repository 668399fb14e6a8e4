"""Connections that are cut at one statement: the real connection, by the server that it leads to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, connections
from django.db.backends.signals import connection_created

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

BEFORE, AFTER = "before", "after"


class Cut(NamedTuple):
    """Where a connection is cut: at which of the statements of one kind of thread, and on which side of it.

    After a statement, it has taken effect, and only its answer is lost.
    """

    thread: str
    """How the names of the threads begin."""
    number: int
    """From 1 on."""
    side: str


class Cutter:
    """Counts what the threads of this process ask of the database, and cuts a connection at one statement.

    On SQLite, which has no server, the statement is interrupted instead, by SQLite itself.
    """

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        self.asked: list[tuple[str, str]] = []
        """The name of the thread and the statement, of all that were begun."""
        self.at: str | None = None
        """The statement at which the connection was cut."""
        self._lock = threading.Lock()
        self._server = connection.copy("default")
        self._server.inc_thread_sharing()

    @contextmanager
    def at_work(self) -> Iterator[Cutter]:
        """Look at all statements meanwhile."""
        connection.close()
        connection_created.connect(self._watch)
        try:
            yield self
        finally:
            connection_created.disconnect(self._watch)
            connections["default"].close()
            self._unwatch(connections["default"])
            self._server.close()

    def _watch(self, connection: BaseDatabaseWrapper, **_: Any) -> None:
        if connection is not connections["default"] or self._statement in connection.execute_wrappers:
            return
        connection.execute_wrappers.append(self._statement)
        commit = connection._commit
        connection._commit = lambda: self._step(connection, "COMMIT", commit)  # type: ignore[method-assign]

    def _unwatch(self, connection: BaseDatabaseWrapper) -> None:
        connection.execute_wrappers.clear()
        vars(connection).pop("_commit", None)

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        return self._step(context["connection"], sql, lambda: execute(sql, params, many, context))

    def _step(self, connection: BaseDatabaseWrapper, sql: str, execute: Callable[[], Any]) -> Any:
        thread = threading.current_thread().name
        side = None
        with self._lock:
            self.asked.append((thread, sql))
            if self.at is None and thread.startswith(self.cut.thread):
                number = sum(name.startswith(self.cut.thread) for name, _ in self.asked)
                if number == self.cut.number:
                    self.at, side = sql, self.cut.side
        if side == BEFORE:
            self._break_off(connection)
        result = execute()
        if side == AFTER:
            self._break_off(connection)
        return result

    def _break_off(self, connection: BaseDatabaseWrapper) -> None:
        """Cut the connection, and raise what the driver makes of it at its next use."""
        driver: Any = connection.connection
        if connection.vendor == "postgresql":
            with self._server.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [driver.info.backend_pid])
                assert cursor.fetchone() == (True,)
        elif connection.vendor == "mysql":
            with self._server.cursor() as cursor:
                cursor.execute("KILL CONNECTION %s", [driver.thread_id()])
                sessions = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s"
                while cursor.execute(sessions, [driver.thread_id()]) and cursor.fetchone() != (0,):
                    pass  # its transaction is rolled back first
        else:
            driver.set_progress_handler(lambda: True, 1)
        with connection.wrap_database_errors:
            try:
                endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
                driver.cursor().execute(endless if connection.vendor == "sqlite" else "SELECT 1")
            finally:
                if connection.vendor == "sqlite":
                    driver.set_progress_handler(None, 1)
        raise AssertionError("the connection still works")
