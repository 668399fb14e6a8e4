"""Entries of Django's admin log: who had what done with which dead letters, and with which jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import router, transaction

from job_retry.django.history.keys import model_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db.models import Model
    from django.http import HttpRequest


def log(request: HttpRequest, rows: Iterable[Model], flag: int, message: str) -> None:
    """Write an entry for each of some rows of the app's own."""
    user: Any = request.user
    LogEntry.objects.log_actions(user.pk, list(rows), flag, change_message=message)


def log_jobs(request: HttpRequest, jobs: Mapping[str, Iterable[Any]], message: str) -> None:
    """Write an entry for each of the jobs, given as label of their model to primary keys, for their own histories."""
    user: Any = request.user
    entries = []
    for label, pks in jobs.items():
        model = model_of(label)
        if model is None:
            continue
        content_type = ContentType.objects.get_for_model(model)
        # Not the job's own words for itself: it may need a query for them, and there may be thousands of jobs.
        entries += [
            LogEntry(
                user_id=user.pk,
                content_type=content_type,
                object_id=str(pk),
                object_repr=f"{model._meta.verbose_name} {pk}"[:200],
                action_flag=CHANGE,
                change_message=message,
            )
            for pk in pks
        ]
    LogEntry.objects.bulk_create(entries)


def with_the_rest(using: str, write: Callable[[], None]) -> None:
    """Write entries in the open transaction of the database ``using``, or after it, where the log is in another."""
    if router.db_for_write(LogEntry) == using:
        write()
    else:
        transaction.on_commit(write, using=using)
