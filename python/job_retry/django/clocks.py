"""What time it is, for all workers of a queue alike: their hosts' clocks may be minutes apart, the database has one."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from datetime import timezone as fixed_offset
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import connections
from django.db.models import DateTimeField, Func, Max
from django.db.models.functions import Coalesce
from django.utils import timezone

from job_retry.django.expressions import NoRow
from job_retry.django.times import current_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from job_retry.django.querysets import JobQuerySet

TRUSTED_SECONDS = 5.0
"""How long an answer of the database is extrapolated by the process's own monotonic clock, which does not run while a
machine sleeps."""


class StatementTime(Func):
    """When the database began this very statement; `django.db.models.functions.Now` is local time on some."""

    output_field = DateTimeField()
    template = "STATEMENT_TIMESTAMP()"

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Write it for MariaDB and MySQL: in UTC, to the microsecond."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


class _Answer(NamedTuple):
    moment: datetime
    monotonic: float


class DatabaseClock:
    """The clock of the database in which the jobs are.

    `ask` asks it; a call extrapolates its last answer, if that is recent, by the ``monotonic`` clock (in seconds) of
    this process. May be shared by threads.
    """

    def __init__(self, jobs: Callable[[], JobQuerySet[Any]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._jobs = jobs
        self._monotonic = monotonic
        self._answer: _Answer | None = None

    def __call__(self) -> datetime:
        """Return the present moment, aware or naive as ``USE_TZ`` asks."""
        answer = self._answer
        elapsed = None if answer is None else self._monotonic() - answer.monotonic
        if answer is None or elapsed is None or elapsed > TRUSTED_SECONDS:
            return self.ask()
        return answer.moment + timedelta(seconds=elapsed)

    def ask(self) -> datetime:
        """Ask the database."""
        jobs = self._jobs()
        # An aggregate over no rows is one row, also where the table is empty.
        row = jobs.filter(NoRow()).aggregate(now=Coalesce(Max("queued_at"), StatementTime()))
        moment = _in_projects_form(row["now"], connections[jobs.db].vendor)
        self._answer = _Answer(moment, self._monotonic())  # from after the answer: rather late than early
        return moment


def _in_projects_form(moment: datetime, vendor: str) -> datetime:
    if vendor == "mysql" and not settings.USE_TZ:
        return timezone.make_naive(moment.replace(tzinfo=fixed_offset.utc), timezone.get_default_timezone())
    return moment


def default_clock(jobs: Callable[[], JobQuerySet[Any]]) -> Callable[[], datetime]:
    """Return the clock of a queue whose program names none: the database's, or, on SQLite, the process's."""
    vendor = connections[jobs().db].vendor
    return DatabaseClock(jobs) if vendor in ("postgresql", "mysql") else current_moment
