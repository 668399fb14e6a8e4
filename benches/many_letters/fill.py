"""Filling a database with dead letters, each with its job and three failed attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Count
from grown_queue.tables import SETTLING
from job_retry.django.history.models import DeadLetter, FailedAttempt
from job_retry.django.queue import get_queue_manager

from many_letters.work import ATTEMPTS, DAYS, GROUPS, LETTERS, error
from tests.dead_letters.support import dead_in_batches

if TYPE_CHECKING:
    from datetime import datetime


def fill() -> dict[str, int]:
    """Make the letters, and return how many there are, and of how many causes."""
    queue = get_queue_manager()
    now = queue.clock()

    def died_at(number: int) -> datetime:
        return now - timedelta(days=DAYS * (1 - number / LETTERS))

    def job(number: int) -> dict[str, Any]:
        return {"name": f"job {number}", "queued_at": None}

    with transaction.atomic():
        for _ in dead_in_batches(queue, LETTERS, error, died_at=died_at, job=job):
            pass
        _earlier_attempts()
    _settle()
    counted = DeadLetter.objects.aggregate(letters=Count("pk"), groups=Count("fingerprint", distinct=True))
    assert counted == {"letters": LETTERS, "groups": GROUPS}, counted
    return {**counted, "attempts": FailedAttempt.objects.count()}


def _earlier_attempts() -> None:
    """Give each failure the failures before it."""
    quote, table = connection.ops.quote_name, FailedAttempt._meta.db_table
    columns = [str(field.column) for field in FailedAttempt._meta.local_concrete_fields if not field.primary_key]
    names = ", ".join(map(quote, columns))
    with connection.cursor() as cursor:
        for before in range(1, ATTEMPTS):
            values = ", ".join(
                f"{quote(column)} - {before}" if column == "attempt" else quote(column) for column in columns
            )
            cursor.execute(
                f"INSERT INTO {quote(table)} ({names}) SELECT {values} FROM {quote(table)} WHERE attempt = {ATTEMPTS}"
            )


def _settle() -> None:
    """Do what the server would do by itself some time after so much was written."""
    if connection.vendor in SETTLING:
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names():
                cursor.execute(SETTLING[connection.vendor].format(table=table))
