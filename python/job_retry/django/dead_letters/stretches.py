"""Time in stretches of equal length, by which a database counts rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, DateTimeField, F, Func, IntegerField, Value

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Stretches:
    """A span of time, cut into ``number`` stretches of ``seconds`` each; the last one may reach beyond its end."""

    start: datetime
    seconds: int
    number: int

    @classmethod
    def over(cls, start: datetime, end: datetime, number: int) -> Stretches:
        """Cut the time from ``start`` to ``end``; no stretch is shorter than a second."""
        seconds = math.ceil((end - start).total_seconds() / number)
        return cls(start, max(seconds, 1), number)

    @property
    def end(self) -> datetime:
        """When the last stretch ends."""
        return self.start + timedelta(seconds=self.seconds * self.number)

    def beginning(self, position: int) -> datetime:
        """When the stretch number ``position`` begins, from 0."""
        return self.start + timedelta(seconds=self.seconds * position)

    def of(self, moment: str) -> Func:
        """Return, as an expression, the number of the stretch in which the column ``moment`` lies, from 0."""
        start = Value(self.start, output_field=DateTimeField())
        return _WholeQuotient(_SecondsSince(F(moment), start), divisor=self.seconds)


class _SecondsSince(Func):
    """Whole seconds to a moment from another.

    The two are compared by the database: without time zones in the project, it alone knows in which one they are.
    """

    arity = 2
    output_field = BigIntegerField()
    template = "CAST(FLOOR(DATE_PART('epoch', %(expressions)s)) AS BIGINT)"
    arg_joiner = " - "

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Write it for SQLite, where moments are texts."""
        texts = {"template": "STRFTIME('%%%%s', %(expressions)s)", "arg_joiner": ") - STRFTIME('%%s', "}
        return self.as_sql(compiler, connection, **texts, **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Write it for MariaDB and MySQL, which count from the first of two moments to the second."""
        template = "-TIMESTAMPDIFF(SECOND, %(expressions)s)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=", ", **context)


class _WholeQuotient(Func):
    """A number of seconds, divided by another and rounded down."""

    arity = 1
    output_field = IntegerField()
    template = "(%(expressions)s) / %(divisor)s"

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Write it for MariaDB and MySQL, whose quotients of whole numbers are fractions."""
        return self.as_sql(compiler, connection, template="(%(expressions)s) DIV %(divisor)s", **context)
