"""Which queues a command on dead letters is about, and that their database has the tables for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import connections

from job_retry.django.history.models import DeadLetter
from job_retry.django.queue import get_queue_manager
from job_retry.django.settings import get_settings

if TYPE_CHECKING:
    from job_retry.django.queue import JobQueueManager


def chosen_managers(queue: str | None) -> list[JobQueueManager]:
    """Return the manager of ``queue``, or those of all queues; CommandError says what is wrong with them."""
    try:
        names = list(get_settings().queues) if queue is None else [queue]
        managers = [get_queue_manager(name) for name in names]
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    if not managers:
        raise CommandError("JOB_RETRY['QUEUES'] has no queue.")
    for using in sorted({manager.using for manager in managers}):
        table = DeadLetter._meta.db_table
        if table not in connections[using].introspection.table_names():
            raise CommandError(
                f"The table {table!r} is missing in {using!r}: run `manage.py migrate --database={using}`."
            )
    return managers
