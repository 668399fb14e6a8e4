"""A real PostgreSQL, by psycopg and by Django."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dj_database_url
import pytest
from django.db.utils import ConnectionHandler

from tests.provoked import loopback
from tests.provoked.rows import Row, Table
from tests.servers import postgresql

psycopg = pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(postgresql.missing() is not None, reason=f"PostgreSQL: {postgresql.missing()}")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PSYCOPG, DJANGO = Table("psycopg"), Table("Django on PostgreSQL")

SCHEMA = """
    CREATE TABLE customers (id int PRIMARY KEY, email varchar(20) UNIQUE NOT NULL, age int CHECK (age > 0));
    CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, total numeric(5, 2));
    INSERT INTO customers VALUES (1, 'one@example.com', 30), (2, 'two@example.com', 40);
    CREATE ROLE guest LOGIN CONNECTION LIMIT 0;
    CREATE ROLE reader;
"""


@dataclass
class Server:
    """A server with a few rows."""

    url: str

    @contextmanager
    def connections(self, count: int = 1) -> Iterator[Sequence[Any]]:
        with ExitStack() as stack:
            yield [stack.enter_context(closing(psycopg.connect(self.url))) for _ in range(count)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql.serve() as url:
        server = Server(url)
        with server.connections() as [connection]:
            connection.execute(SCHEMA)
            connection.commit()
        yield server


STATEMENTS = [
    ("SyntaxError", "permanent", "the statement is wrong", "SELEC 1"),
    ("UndefinedTable", "permanent", "somebody has to migrate, or to correct the name", "SELECT * FROM custmers"),
    ("UndefinedColumn", "permanent", "somebody has to migrate, or to correct the name", "SELECT emial FROM customers"),
    ("UndefinedFunction", "permanent", "there is no such function", "SELECT totl(1)"),
    (
        "UniqueViolation",
        "permanent",
        "the row is there already",
        "INSERT INTO customers VALUES (3, 'one@example.com', 1)",
    ),
    ("NotNullViolation", "permanent", "the job lacks a value", "INSERT INTO customers VALUES (3, NULL, 1)"),
    ("ForeignKeyViolation", "permanent", "what the row refers to is not there", "INSERT INTO orders VALUES (1, 99, 1)"),
    ("CheckViolation", "permanent", "the value is not allowed", "UPDATE customers SET age = -1"),
    ("DivisionByZero", "permanent", "the same data give the same division", "SELECT 1 / 0"),
    ("InvalidTextRepresentation", "permanent", "the text is no number", "SELECT 'twelve'::int"),
    (
        "NumericValueOutOfRange",
        "permanent",
        "the number is too large for its column",
        "INSERT INTO orders VALUES (1, 1, 9999)",
    ),
    (
        "StringDataRightTruncation",
        "permanent",
        "the text is too long for its column",
        "UPDATE customers SET email = 'a-very-long-address@example.com'",
    ),
    ("DuplicateTable", "permanent", "the table is there already", "CREATE TABLE customers (id int)"),
    ("InsufficientPrivilege", "permanent", "somebody has to grant it", "SET ROLE reader; SELECT * FROM customers"),
    ("QueryCanceled", "unknown", "slow now or slow always", "SET statement_timeout = '20ms'; SELECT pg_sleep(60)"),
    (
        "ReadOnlySqlTransaction",
        "unknown",
        "a standby: a failover under way, or the wrong host",
        "SET default_transaction_read_only = on; COMMIT; BEGIN; UPDATE customers SET age = 1",
    ),
    ("InvalidDatetimeFormat", "permanent", "the text is no date", "SELECT 'yesterday noon'::date"),
    ("RaiseException", "unknown", "whatever a function of the database says", "DO $$ BEGIN RAISE 'stop'; END $$"),
    (
        "AdminShutdown",
        "transient",
        "the server is being stopped; it comes back",
        "SELECT pg_terminate_backend(pg_backend_pid())",
    ),
]


def statement(sql: str) -> Callable[[Server], None]:
    def run(server: Server) -> None:
        with server.connections() as [connection]:
            connection.execute(sql)

    return run


for kind, verdict, why, sql in STATEMENTS:
    PSYCOPG.add(f"psycopg.errors.{kind}", verdict, why, statement(sql), kind)


def lock_held(server: Server, execute: Callable[[str], object]) -> None:
    """Ask for a row that another transaction has locked."""
    with server.connections() as [holder]:
        holder.execute("UPDATE customers SET age = 31 WHERE id = 1")
        execute("SET lock_timeout = '20ms'; UPDATE customers SET age = 32 WHERE id = 1")


def serialization(server: Server, execute: Callable[[str], object]) -> None:
    """Change a row that another transaction has changed since this one began."""
    with server.connections() as [other]:
        execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM customers")
        other.execute("UPDATE customers SET age = age + 1 WHERE id = 2")
        other.commit()
        execute("UPDATE customers SET age = age + 1 WHERE id = 2")


def deadlock(server: Server, execute: Callable[[str], object]) -> None:
    """Two transactions wait for each other: the one that waits last is told."""
    with server.connections() as [other]:
        other.execute("SET deadlock_timeout = '10min'; UPDATE customers SET age = age + 1 WHERE id = 1")
        execute("SET deadlock_timeout = '10ms'; UPDATE customers SET age = age + 1 WHERE id = 2")
        waiting = threading.Thread(target=other.execute, args=["UPDATE customers SET age = age + 1 WHERE id = 2"])
        waiting.start()
        try:
            with server.connections() as [watcher]:
                watcher.autocommit = True
                question = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
                while watcher.execute(question, [other.info.backend_pid]).fetchone() is None:
                    pass
            execute("UPDATE customers SET age = age + 1 WHERE id = 1")
        finally:
            execute("ROLLBACK")
            waiting.join()


def by_psycopg(provoke: Callable[[Server, Callable[[str], object]], None]) -> Callable[[Server], None]:
    def run(server: Server) -> None:
        with server.connections() as [connection]:
            connection.autocommit = True
            connection.execute("BEGIN")
            provoke(server, connection.execute)

    return run


RACES = [
    ("LockNotAvailable", "transient", "another transaction holds the lock now", lock_held),
    (
        "SerializationFailure",
        "transient",
        "another transaction was first; the next attempt sees what it did",
        serialization,
    ),
    ("DeadlockDetected", "transient", "one of two had to give way", deadlock),
]
for kind, verdict, why, provoke in RACES:
    PSYCOPG.add(f"psycopg.errors.{kind}", verdict, why, by_psycopg(provoke), kind)


@PSYCOPG.row("psycopg.errors.InFailedSqlTransaction", "unknown", "it hides the error that came first")
def a_statement_after_an_error(server: Server) -> None:
    with server.connections() as [connection]:
        with suppress(psycopg.errors.SyntaxError):
            connection.execute("SELEC 1")
        connection.execute("SELECT 1")


@PSYCOPG.row("psycopg.OperationalError", "transient", "nobody listens: the server is down or starting")
def a_server_that_is_down(server: Server) -> None:
    psycopg.connect(f"postgresql://postgres@127.0.0.1:{loopback.closed_port()}/shop")


@PSYCOPG.row("psycopg.OperationalError", "permanent", "somebody has to create the database")
def a_database_that_is_missing(server: Server) -> None:
    psycopg.connect(server.url, dbname="shop")


@PSYCOPG.row("psycopg.OperationalError", "permanent", "somebody has to create the role")
def a_role_that_is_missing(server: Server) -> None:
    psycopg.connect(server.url, user="nobody-here")


@PSYCOPG.row("psycopg.OperationalError", "transient", "other connections will be closed")
def too_many_connections(server: Server) -> None:
    psycopg.connect(server.url, user="guest")


@PSYCOPG.row("psycopg.OperationalError", "transient", "the server closed the connection: a restart, or a failover")
def a_server_that_hangs_up(server: Server) -> None:
    with loopback.peer(loopback.hang_up) as port:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/shop?gssencmode=disable")


@PSYCOPG.row("psycopg.OperationalError", "transient", "the connection is closed; a new run opens another")
def a_connection_that_was_closed(server: Server) -> None:
    with server.connections() as [connection]:
        connection.close()
        connection.execute("SELECT 1")


@PSYCOPG.row("psycopg.errors.ObjectInUse", "transient", "others use the database now")
def drop_a_database_in_use(server: Server) -> None:
    with server.connections() as [connection]:
        connection.autocommit = True
        connection.execute("CREATE DATABASE old")
        with closing(psycopg.connect(server.url, dbname="old")):
            connection.execute("DROP DATABASE old")


@PSYCOPG.row("psycopg.ProgrammingError", "permanent", "the program passes what the driver does not know")
def a_value_of_an_unknown_type(server: Server) -> None:
    with server.connections() as [connection]:
        connection.execute("SELECT %s", [object()])


@PSYCOPG.row("psycopg.DataError", "permanent", "no text may hold NUL")
def a_text_with_nul(server: Server) -> None:
    with server.connections() as [connection]:
        connection.execute("SELECT %s", ["a\0b"])


def by_django(provoke: Callable[[Server, Callable[[str], object]], None]) -> Callable[[Server], None]:
    def run(server: Server) -> None:
        connection = ConnectionHandler({"default": dict(dj_database_url.parse(server.url))})["default"]
        with closing(connection), connection.cursor() as cursor:
            if provoke in (lock_held, serialization, deadlock):
                cursor.execute("BEGIN")
            provoke(server, cursor.execute)

    return run


def executed(sql: str) -> Callable[[Server], None]:
    return by_django(lambda server, execute: execute(sql))


WRAPPED = [
    ("IntegrityError", "permanent", "the row is there already", "UniqueViolation"),
    ("IntegrityError", "permanent", "what the row refers to is not there", "ForeignKeyViolation"),
    ("ProgrammingError", "permanent", "somebody has to migrate", "UndefinedTable"),
    ("DataError", "permanent", "the text is too long for its column", "StringDataRightTruncation"),
    ("OperationalError", "unknown", "slow now or slow always", "QueryCanceled"),
    ("OperationalError", "transient", "the server is being stopped; it comes back", "AdminShutdown"),
    ("InternalError", "unknown", "a standby: a failover under way, or the wrong host", "ReadOnlySqlTransaction"),
]
for kind, verdict, why, cause in WRAPPED:
    [sql] = [sql for name, _, _, sql in STATEMENTS if name == cause]
    DJANGO.add(f"django.db.utils.{kind}", verdict, why, executed(sql), cause)
for cause, verdict, why, provoke in RACES:
    DJANGO.add("django.db.utils.OperationalError", verdict, why, by_django(provoke), cause)


@DJANGO.row("django.db.utils.OperationalError", "transient", "nobody listens: the server is down or starting")
def a_server_that_refuses(server: Server) -> None:
    url = f"postgres://postgres@127.0.0.1:{loopback.closed_port()}/shop"
    ConnectionHandler({"default": dict(dj_database_url.parse(url))})["default"].ensure_connection()


@PSYCOPG.each
def test_the_verdict_on_psycopg_is_an_operators(row: Row, server: Server) -> None:
    row.check(server)


@DJANGO.each
def test_the_verdict_on_django_is_an_operators(row: Row, server: Server, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        row.check(server)
