"""SQLite, by the standard library and by Django."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from django.db.utils import ConnectionHandler

from tests.provoked.rows import Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SQLITE, DJANGO = Table("sqlite3"), Table("Django on SQLite")

SCHEMA = """
    PRAGMA foreign_keys = on;
    CREATE TABLE customers (id integer PRIMARY KEY, email text UNIQUE NOT NULL, age integer CHECK (age > 0));
    CREATE TABLE orders (id integer PRIMARY KEY, customer integer NOT NULL REFERENCES customers);
    INSERT INTO customers VALUES (1, 'one@example.com', 30);
"""


def database(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "shop.sqlite3", timeout=0)
    connection.executescript(SCHEMA)
    return connection


STATEMENTS = [
    ("OperationalError", "permanent", "the statement is wrong", "SELEC 1", "syntax"),
    (
        "OperationalError",
        "permanent",
        "somebody has to migrate, or to correct the name",
        "SELECT * FROM custmers",
        "no table",
    ),
    ("OperationalError", "permanent", "somebody has to migrate", "SELECT emial FROM customers", "no column"),
    (
        "IntegrityError",
        "permanent",
        "the row is there already",
        "INSERT INTO customers VALUES (2, 'one@example.com', 1)",
        "unique",
    ),
    ("IntegrityError", "permanent", "the job lacks a value", "INSERT INTO customers VALUES (2, NULL, 1)", "not null"),
    ("IntegrityError", "permanent", "the value is not allowed", "UPDATE customers SET age = -1", "check"),
    (
        "IntegrityError",
        "permanent",
        "what the row refers to is not there",
        "INSERT INTO orders VALUES (1, 99)",
        "foreign key",
    ),
]


def statement(sql: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        with closing(database(folder)) as connection:
            connection.execute(sql)

    return run


for kind, verdict, why, sql, name in STATEMENTS:
    SQLITE.add(f"sqlite3.{kind}", verdict, why, statement(sql), name)


@SQLITE.row("sqlite3.OperationalError", "transient", "another connection is writing now")
def a_database_that_is_locked(folder: Path) -> None:
    with closing(database(folder)) as holder, closing(sqlite3.connect(folder / "shop.sqlite3", timeout=0)) as other:
        holder.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


@SQLITE.row("sqlite3.OperationalError", "unknown", "a mount that comes back, or a mode that somebody set")
def a_database_for_readers(folder: Path) -> None:
    database(folder).close()
    with closing(sqlite3.connect(f"file:{folder}/shop.sqlite3?mode=ro", uri=True)) as reader:
        reader.execute("UPDATE customers SET age = 1")


@SQLITE.row("sqlite3.OperationalError", "transient", "the disk is full; it may be cleaned up")
def a_database_that_is_full(folder: Path) -> None:
    with closing(database(folder)) as connection:
        connection.execute("PRAGMA max_page_count = 6")
        connection.execute("CREATE TABLE large AS SELECT zeroblob(100000)")


@SQLITE.row("sqlite3.OperationalError", "permanent", "the folder is not there")
def a_database_in_a_missing_folder(folder: Path) -> None:
    sqlite3.connect(folder / "missing" / "shop.sqlite3")


@SQLITE.row("sqlite3.DatabaseError", "permanent", "the file is no database")
def a_file_that_is_no_database(folder: Path) -> None:
    (folder / "shop.sqlite3").write_text("id,email\n" * 1000)
    with closing(sqlite3.connect(folder / "shop.sqlite3")) as connection:
        connection.execute("SELECT * FROM customers")


@SQLITE.row("sqlite3.ProgrammingError", "permanent", "a mistake of the program")
def a_connection_that_was_closed(folder: Path) -> None:
    connection = database(folder)
    connection.close()
    connection.execute("SELECT 1")


@SQLITE.row("sqlite3.ProgrammingError", "permanent", "the statement takes another number of values")
def too_few_values(folder: Path) -> None:
    with closing(database(folder)) as connection:
        connection.execute("SELECT ?, ?", (1,))


def by_django(folder: Path) -> Any:
    database(folder).close()
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "shop.sqlite3", "OPTIONS": {"timeout": 0}}
    return ConnectionHandler({"default": settings})["default"]


def executed(sql: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        with closing(by_django(folder)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)

    return run


for kind, verdict, why, name in [
    ("OperationalError", "permanent", "somebody has to migrate, or to correct the name", "no table"),
    ("IntegrityError", "permanent", "the row is there already", "unique"),
]:
    [sql] = [sql for _, _, _, sql, other in STATEMENTS if other == name]
    DJANGO.add(f"django.db.utils.{kind}", verdict, why, executed(sql), name)


@DJANGO.row("django.db.utils.OperationalError", "transient", "another connection is writing now")
def a_database_that_is_locked_by_another(folder: Path) -> None:
    with (
        closing(by_django(folder)) as connection,
        connection.cursor() as cursor,
        closing(sqlite3.connect(folder / "shop.sqlite3")) as holder,
    ):
        holder.execute("BEGIN IMMEDIATE")
        cursor.execute("UPDATE customers SET age = 1")


@SQLITE.each
def test_the_verdict_on_sqlite3_is_an_operators(row: Row, tmp_path: Path) -> None:
    row.check(tmp_path)


@DJANGO.each
def test_the_verdict_on_django_is_an_operators(row: Row, tmp_path: Path, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        row.check(tmp_path)
