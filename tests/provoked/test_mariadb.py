"""A real MariaDB, by PyMySQL."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.provoked import loopback
from tests.provoked.rows import Row, Table
from tests.servers import mariadb

pymysql = pytest.importorskip("pymysql")
pytestmark = pytest.mark.skipif(mariadb.missing() is not None, reason=f"MariaDB: {mariadb.missing()}")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PYMYSQL = Table("PyMySQL")

SCHEMA = [
    "CREATE DATABASE shop",
    "CREATE TABLE shop.customers (id int PRIMARY KEY, email varchar(20) UNIQUE NOT NULL, age int) ENGINE = InnoDB",
    "CREATE TABLE shop.orders (id int PRIMARY KEY, customer int REFERENCES customers (id), total int) ENGINE = InnoDB",
    "INSERT INTO shop.customers VALUES (1, 'one@example.com', 30), (2, 'two@example.com', 40)",
    "CREATE USER app@'127.0.0.1' IDENTIFIED BY 'right'",
    "CREATE USER guest@'127.0.0.1' IDENTIFIED BY 'right' WITH MAX_USER_CONNECTIONS 1",
]


class Server:
    """A server with a few rows."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self, **options: Any) -> Any:
        settings = {"host": "127.0.0.1", "port": self.port, "user": "root", "database": "shop"}
        return pymysql.connect(**(settings | options))

    @contextmanager
    def connections(self, count: int = 1) -> Iterator[Sequence[Any]]:
        with ExitStack() as stack:
            yield [stack.enter_context(closing(self.connect())) for _ in range(count)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with mariadb.serve() as url:
        server = Server(urlsplit(url).port or 0)
        with closing(server.connect(database="mysql")) as connection:
            for sql in SCHEMA:
                connection.query(sql)
        yield server


OPERATIONAL, PROGRAMMING, INTEGRITY, DATA = (
    f"pymysql.err.{kind}Error" for kind in ("Operational", "Programming", "Integrity", "Data")
)
STATEMENTS = [
    (PROGRAMMING, "permanent", "the statement is wrong", "1064 syntax", ["SELEC 1"]),
    (
        PROGRAMMING,
        "permanent",
        "somebody has to migrate, or to correct the name",
        "1146 no such table",
        ["SELECT * FROM custmers"],
    ),
    (
        OPERATIONAL,
        "permanent",
        "somebody has to migrate, or to correct the name",
        "1054 no such column",
        ["SELECT emial FROM customers"],
    ),
    (
        INTEGRITY,
        "permanent",
        "the row is there already",
        "1062 duplicate",
        ["INSERT INTO customers VALUES (3, 'one@example.com', 1)"],
    ),
    (
        INTEGRITY,
        "permanent",
        "what the row refers to is not there",
        "1452 no parent",
        ["INSERT INTO orders VALUES (1, 99, 1)"],
    ),
    (INTEGRITY, "permanent", "the job lacks a value", "1048 null", ["INSERT INTO customers VALUES (3, NULL, 1)"]),
    (
        DATA,
        "permanent",
        "the text is too long for its column",
        "1406 too long",
        ["UPDATE customers SET email = 'a-very-long-address@example.com'"],
    ),
    (
        DATA,
        "permanent",
        "the number is too large for its column",
        "1264 out of range",
        ["UPDATE customers SET age = 99999999999"],
    ),
    (
        OPERATIONAL,
        "unknown",
        "slow now or slow always",
        "1969 statement time",
        ["SET max_statement_time = 0.02", "SELECT sleep(60) FROM customers, customers AS others"],
    ),
]


def statements(sqls: Sequence[str]) -> Callable[[Server], None]:
    def run(server: Server) -> None:
        with server.connections() as [connection]:
            for sql in sqls:
                connection.query(sql)

    return run


for kind, verdict, why, name, sqls in STATEMENTS:
    PYMYSQL.add(kind, verdict, why, statements(sqls), name)


@PYMYSQL.row(OPERATIONAL, "transient", "another transaction holds the lock now")
def a_lock_that_is_held(server: Server) -> None:
    with server.connections(2) as [holder, other]:
        holder.query("UPDATE customers SET age = 31 WHERE id = 1")
        other.query("SELECT * FROM customers WHERE id = 1 FOR UPDATE NOWAIT")


@PYMYSQL.row(OPERATIONAL, "transient", "one of two had to give way")
def a_deadlock(server: Server) -> None:
    import threading

    with server.connections(2) as [first, second]:
        first.query("SELECT * FROM customers WHERE id = 1 FOR UPDATE")
        second.query("SELECT * FROM customers WHERE id = 2 FOR UPDATE")
        errors: list[BaseException] = []

        def wait(connection: Any, row: int) -> None:
            try:
                connection.query(f"SELECT * FROM customers WHERE id = {row} FOR UPDATE")
            except pymysql.Error as error:
                errors.append(error)
            else:
                connection.rollback()

        waiting = threading.Thread(target=wait, args=[first, 2])
        waiting.start()
        wait(second, 1)
        second.rollback()
        waiting.join()
        raise errors[0]


@PYMYSQL.row(OPERATIONAL, "transient", "the connection was ended: a restart, or a person")
def a_connection_that_is_ended(server: Server) -> None:
    with server.connections(2) as [victim, killer]:
        killer.query(f"KILL {victim.thread_id()}")
        victim.query("SELECT 1")


@PYMYSQL.row(OPERATIONAL, "transient", "nobody listens: the server is down or starting")
def a_server_that_is_down(server: Server) -> None:
    server.connect(port=loopback.closed_port())


@PYMYSQL.row(OPERATIONAL, "permanent", "somebody has to create the database")
def a_database_that_is_missing(server: Server) -> None:
    server.connect(database="warehouse")


@PYMYSQL.row(OPERATIONAL, "permanent", "somebody has to correct the password")
def a_wrong_password(server: Server) -> None:
    server.connect(user="app", password="wrong", database=None)


@PYMYSQL.row(OPERATIONAL, "transient", "the user's other connections will be closed")
def too_many_connections_of_a_user(server: Server) -> None:
    login = {"user": "guest", "password": "right", "database": None}
    with closing(server.connect(**login)):
        server.connect(**login)


@PYMYSQL.row(OPERATIONAL, "permanent", "somebody has to grant it")
def a_table_that_is_not_ours(server: Server) -> None:
    with closing(server.connect(user="app", password="right", database=None)) as connection:
        connection.query("SELECT * FROM shop.customers")


@PYMYSQL.row("pymysql.err.InterfaceError", "transient", "the connection is closed; a new run opens another")
def a_connection_that_was_closed(server: Server) -> None:
    with server.connections() as [connection]:
        connection._force_close()
        connection.query("SELECT 1")


@PYMYSQL.each
def test_the_verdict_is_an_operators(row: Row, server: Server) -> None:
    row.check(server)
