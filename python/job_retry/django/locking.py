"""One at a time, for as long as its transaction lasts: who claims under a limit, who rescues, who works at a row."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import OperationalError, connections
from django.db.models import BigIntegerField, F, Func, IntegerField, Model, Value

from job_retry.django.expressions import NoRow
from job_retry.django.querysets import ask

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from job_retry.django.querysets import JobQuerySet

RowT = TypeVar("RowT", bound=Model)


class AdvisoryLock(Func):
    """PostgreSQL's lock on a number, held until the transaction ends; 0."""

    function = "pg_advisory_xact_lock"
    # The function returns void, which no column of Django's is.
    template = "(%(function)s(%(expressions)s) IS NULL)::int"
    output_field = IntegerField()


class TriedAdvisoryLock(Func):
    """The same lock where nobody holds it: 1; else nothing, without waiting: 0."""

    function = "pg_try_advisory_xact_lock"
    template = "%(function)s(%(expressions)s)::int"
    output_field = IntegerField()


class IsReadCommitted(Func):
    """Whether a statement sees what was committed before it began: 1, or only before its transaction did: 0."""

    template = "(current_setting('transaction_isolation') = 'read committed')::int"
    output_field = IntegerField()


LOCKED_BY_OTHERS = (1205, 3572)
"""How MariaDB and MySQL say that ``NOWAIT`` would have had to wait."""


def lock_claiming(jobs: JobQuerySet[Any]) -> None:
    """Wait until nobody else claims jobs of the model and database of ``jobs``, and keep others waiting.

    What is read in the same transaction afterwards is what others have committed. Where PostgreSQL is to show what it
    was at the transaction's beginning, whoever has waited gets a serialization failure instead.
    """
    vendor = connections[jobs.db].vendor
    if vendor == "sqlite":
        _take_write_lock(jobs)
    elif vendor == "postgresql":
        if not ask(jobs, answer=IsReadCommitted() + AdvisoryLock(_key(jobs, "claim")))["answer"]:
            # Two that write the same row do not get along at these levels, whatever they read.
            jobs.filter(pk__in=_oldest(jobs)).update(status=F("status"))
    else:
        list(_oldest(jobs).select_for_update())


def try_lock_rescuing(jobs: JobQuerySet[Any]) -> bool:
    """Keep others from rescuing jobs of the model and database of ``jobs``; False, at once, where somebody does.

    Whoever rescues may be frozen in the middle of it, and nobody is to wait for that. On SQLite, which has one lock for
    all writing, there is no other way.
    """
    connection = connections[jobs.db]
    if connection.vendor == "sqlite":
        _take_write_lock(jobs)
        return True
    if connection.vendor == "postgresql":
        return bool(ask(jobs, answer=TriedAdvisoryLock(_key(jobs, "rescue")))["answer"])
    try:
        list(_oldest(jobs).select_for_update(nowait=connection.features.has_select_for_update_nowait))
    except OperationalError as error:
        if error.args[0] in LOCKED_BY_OTHERS:
            return False
        raise
    return True


def locked_row(rows: QuerySet[RowT], *, skip_locked: bool = False) -> RowT | None:
    """Return the one row of ``rows``, as others have committed it, and keep them from it; None: there is none.

    With ``skip_locked`` None also, at once, where somebody else has it; on SQLite one waits.
    """
    features = connections[rows.db].features
    if features.has_select_for_update:
        skip_locked = skip_locked and features.has_select_for_update_skip_locked
        return rows.select_for_update(skip_locked=skip_locked).first()
    _take_write_lock(rows)
    return rows.first()


def _take_write_lock(rows: QuerySet[Any]) -> None:
    # Takes the single write lock even where it finds nothing to write.
    key = rows.model._meta.pk.attname
    rows.filter(NoRow()).update(**{key: F(key)})


def _key(jobs: JobQuerySet[Any], purpose: str) -> Value:
    name = f"job_retry:{purpose}:{jobs.model._meta.db_table}".encode()
    return Value(int.from_bytes(blake2b(name, digest_size=8).digest(), "big", signed=True), BigIntegerField())


def _oldest(jobs: JobQuerySet[Any]) -> Any:
    """The oldest row stands for the table: without any row there is nothing to claim."""
    return jobs.order_by("pk").values_list("pk")[:1]
