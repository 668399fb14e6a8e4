"""One claimer at a time, for as long as its transaction lasts: what an exact limit over all workers needs."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.db.models import BigIntegerField, Count, Func, IntegerField, Value

if TYPE_CHECKING:
    from job_retry.django.querysets import JobQuerySet


class AdvisoryLock(Func):
    """PostgreSQL's lock on a number, held until the transaction ends."""

    function = "pg_advisory_xact_lock"
    # The function returns void, which no column of Django's is.
    template = "(%(function)s(%(expressions)s) IS NULL)::int"
    output_field = IntegerField()


def lock_claiming(jobs: JobQuerySet[Any]) -> None:
    """Wait until nobody else claims jobs of the model and database of ``jobs``, and keep others waiting.

    What is read in the same transaction afterwards is what others have committed, at the isolation level that Django
    asks of each database by default.
    """
    vendor = connections[jobs.db].vendor
    if vendor == "sqlite":
        # An UPDATE takes the single write lock even where it finds nothing to write.
        jobs.filter(status="").update(status="")
    elif vendor == "postgresql":
        name = f"job_retry:{jobs.model._meta.db_table}".encode()
        key = int.from_bytes(blake2b(name, digest_size=8).digest(), "big", signed=True)
        lock = AdvisoryLock(Value(key, BigIntegerField()))
        # An aggregate over no rows is one row, also where the table is empty.
        jobs.filter(status="").aggregate(locked=Count("pk") + lock)
    else:
        # The oldest row stands for the table: without any row there is nothing to claim.
        list(jobs.order_by("pk").select_for_update().values_list("pk")[:1])
