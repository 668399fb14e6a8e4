"""Telling the workers of a queue at once that jobs are ready: PostgreSQL's NOTIFY.

Workers listen (`job_retry.django.worker.listening`) and look for jobs when they hear something. Nothing depends on it:
a message that is lost, or that another database cannot send, costs no more than the time to a worker's next look.
"""

from __future__ import annotations

import logging
import threading
from hashlib import blake2b
from typing import TYPE_CHECKING

from django.db import Error, connections, transaction

from job_retry.django.error_text import clean_error_text, error_text

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from job_retry.django.models import RetryableJob

logger = logging.getLogger("job_retry.queue")


def channel_of(model: type[RetryableJob]) -> str:
    """Return the channel of PostgreSQL's on which the workers of ``model`` are told.

    A hash, since an identifier has 63 bytes, and a table's name may have as many and any characters.
    """
    return f"job_retry_{blake2b(model._meta.db_table.encode(), digest_size=16).hexdigest()}"


class _Counts(threading.local):
    """What one thread, and so one connection, has asked to be told."""

    asked = 0
    told = 0
    """How many had been asked for when the last message was sent."""


class WakeUp:
    """Tells the workers of ``model`` in database ``using`` that jobs are ready; does nothing unless they ``listen``."""

    def __init__(self, model: type[RetryableJob], using: str, *, listen: bool = True) -> None:
        self.channel = channel_of(model)
        self._using = using
        self._listen = listen
        self._counts = _Counts()

    @property
    def can_be_heard(self) -> bool:
        """Whether a worker can listen: to PostgreSQL, through psycopg 3, unless its queue does without."""
        if not self._listen or connections[self._using].vendor != "postgresql":
            return False
        from django.db.backends.postgresql.psycopg_any import is_psycopg3

        return is_psycopg3

    def send(self) -> None:
        """Tell them when the present transaction is committed: one message, however often this is called in it."""
        connection = connections[self._using]
        if not self._listen or connection.vendor != "postgresql":
            return
        self._counts.asked += 1
        asked = self._counts.asked

        def tell() -> None:
            # Between the call and the commit this connection sends nothing else: what has been sent since, was sent
            # after the commit. So a savepoint that is rolled back takes no message along but its own.
            if self._counts.told < asked:
                self._counts.told = self._counts.asked
                self._notify(connection)

        if connection.in_atomic_block or connection.get_autocommit():
            # After the commit rather than in it: PostgreSQL lets those that notify commit one at a time, and a full
            # queue of messages would be an error of the caller's transaction.
            transaction.on_commit(tell, using=self._using, robust=True)
        else:  # a transaction of the program's own, whose end Django does not see; PostgreSQL waits for it by itself
            tell()

    def _notify(self, connection: BaseDatabaseWrapper) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [self.channel])
        except Error as error:
            shown = clean_error_text(error_text(error)).strip()
            logger.warning("Workers could not be told of new jobs; they find them by themselves: %s", shown)
            if connection.autocommit and not connection.is_usable():
                connection.close()
