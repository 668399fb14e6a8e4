"""Expressions in which the indexes and the queries of the queue agree, each written as a database wants it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, DateTimeField, F, Func, Lookup
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from collections.abc import Mapping

    from job_retry.django.states import Status


BEGINNINGS_OF_TIME: Mapping[str, str] = defaultdict(
    lambda: "TIMESTAMP'1000-01-01 00:00:00'",
    postgresql="'-infinity'::timestamptz",
    sqlite="''",  # its moments are texts
)
"""What is before all moments, by the database's vendor."""


class StatusIn(Lookup):
    """Whether a job's status is one of ``statuses``, which stand in the SQL itself.

    SQLite takes a conditional index only where the query has the index's very condition for a term, and a parameter is
    no literal. A look-up, since MariaDB is given any other condition as one that equals TRUE, and uses no index for it.
    """

    prepare_rhs = False

    def __init__(self, *statuses: Status) -> None:
        super().__init__(F("status"), statuses)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Write the condition."""
        column, parameters = self.process_lhs(compiler, connection)
        literals = ", ".join(f"'{status.value}'" for status in self.rhs)
        return f"{column} IN ({literals})", parameters


class NoRow(Func):
    """Nothing: false for each row, without looking at any. Django itself asks no database what it knows to be empty."""

    arity = 0
    output_field = BooleanField()
    template = "1 = 0"


class DueFrom(Func):
    """From when on a waiting job may be claimed: `scheduled_for`, and where that is null the beginning of time.

    One comparison, where ``scheduled_for IS NULL OR scheduled_for <= ...`` are two: a database can make it on the
    entries of an index, without looking at the rows that are not due.
    """

    arity = 1
    output_field = DateTimeField()
    template = "COALESCE(%(expressions)s, %(beginning_of_time)s)"

    def __init__(self) -> None:
        super().__init__("scheduled_for")

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        """Write it with what the database has before all moments."""
        beginning_of_time = BEGINNINGS_OF_TIME[connection.vendor]
        return super().as_sql(compiler, connection, *args, beginning_of_time=beginning_of_time, **context)


def ready_since() -> Coalesce:
    """Return since when a waiting job is ready, or will be."""
    return Coalesce("scheduled_for", "queued_at")
