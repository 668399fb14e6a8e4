"""Job tables of known sizes, filled by few statements, in databases of their own."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import dj_database_url
import django
import pymysql
from django.conf import settings
from django.db import connections
from django.utils import timezone
from job_queue.database import SQLITE_OPTIONS

from tests.servers import mariadb, postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mariadb": "MariaDB"}
FEW = 3_000
ERROR = "ConnectionRefusedError: [Errno 111] dial tcp 10.0.0.7:5432: connect: connection refused, as so often"


@dataclass(frozen=True)
class Table:
    """How many jobs a table begins with."""

    name: str
    finished: int = 0
    ready: int = 0
    later: int = 0
    """Retries that are not due for a day, and would come before all others."""


SMALL = Table("10,000 finished", finished=10_000, ready=FEW)
FINISHED = Table("1,000,000 finished", finished=1_000_000, ready=FEW)
READY = Table("100,000 ready", finished=10_000, ready=100_000)
IN_FRONT = Table("100,000 later in front", finished=10_000, ready=FEW, later=100_000)
EMPTY = Table("none waits", finished=10_000)
LATER = Table("100,000 later", finished=1_000_000, later=100_000)
MOVING = Table("moving")
TABLES = (SMALL, FINISHED, READY, IN_FRONT, EMPTY, LATER, MOVING)

SERIES = {
    "postgresql": "generate_series(1, {count}) AS series",
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n)",
    "mysql": "seq_1_to_{count}",
}
"""So many rows, by the database's vendor."""

SETTLING = {"postgresql": "VACUUM ANALYZE {table}", "mysql": "ANALYZE TABLE {table}"}
"""What the server would do by itself some time after so much was written; SQLite does nothing."""


def alias(database: str, table: Table) -> str:
    """Return Django's name of the database that has the table."""
    return f"{database}-{TABLES.index(table)}"


@contextmanager
def databases() -> Iterator[list[str]]:
    """Set up Django with a database for each of `TABLES` in each system that is here; give the systems' names."""
    pymysql.install_as_MySQLdb()
    servers = {"postgresql": postgresql, "mariadb": mariadb}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        configured: dict[str, Any] = {"default": {"ENGINE": "django.db.backends.dummy"}}
        urls = {
            name: stack.enter_context(server.serve(durable=True))
            for name, server in servers.items()
            if server.missing() is None
        }
        for table in TABLES:
            file = f"sqlite:///{folder / alias('sqlite', table)}"
            configured[alias("sqlite", table)] = {**dj_database_url.parse(file), "OPTIONS": SQLITE_OPTIONS["WAL"]}
            for name, url in urls.items():
                own = urlunsplit(urlsplit(url)._replace(path=f"/{alias(name, table)}"))
                configured[alias(name, table)] = dj_database_url.parse(own)
        configured.update({name: dj_database_url.parse(url) for name, url in urls.items()})
        settings.configure(
            SECRET_KEY="only for benchmarks",
            USE_TZ=True,
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            INSTALLED_APPS=["job_retry.django", "job_queue"],
            DATABASES={name: dict(options) for name, options in configured.items()},
            LOGGING={"version": 1, "root": {"level": "CRITICAL"}},
        )
        django.setup()
        for name in urls:
            quote = connections[name].ops.quote_name
            with connections[name].cursor() as cursor:
                for table in TABLES:
                    cursor.execute(f"CREATE DATABASE {quote(alias(name, table))}")
        try:
            yield [name for name in TITLES if name == "sqlite" or name in urls]
        finally:
            connections.close_all()


def make(database: str, table: Table) -> str:
    """Make and fill the table, and return the alias of its database."""
    from job_queue.models import Job

    using = alias(database, table)
    connection, now = connections[using], timezone.now()
    with connection.schema_editor() as editor:
        editor.create_model(Job)
    ended: dict[str, Any] = {"status": "completed", "completed_at": now, "launched_at": now, "attempt_serial": 2}
    failed: dict[str, Any] = {"last_error": ERROR, "last_error_at": now, "retry_count": 1}
    later = {"status": "retrying", "scheduled_for": now + timedelta(days=1), "attempt_serial": 1, "priority": 90}
    _copies(using, table.finished, {**ended, **failed, "queued_at": now})
    _copies(using, table.ready, {"status": "queued", "queued_at": now})
    _copies(using, table.later, {**later, **failed, "queued_at": now})
    if connection.vendor in SETTLING:
        with connection.cursor() as cursor:
            cursor.execute(SETTLING[connection.vendor].format(table=Job._meta.db_table))
    return using


def _copies(using: str, count: int, columns: dict[str, Any]) -> None:
    from job_queue.models import Job

    if not count:
        return
    first = Job(name="one of many", **columns)
    first.save(using=using)
    connection, quote = connections[using], connections[using].ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in Job._meta.local_concrete_fields if not field.primary_key)
    series, table = SERIES[connection.vendor].format(count=count - 1), quote(Job._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}, {series} WHERE id = {first.pk}")
