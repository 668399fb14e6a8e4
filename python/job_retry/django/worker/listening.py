"""Hearing at once that jobs are ready: a thread that listens to PostgreSQL's NOTIFY, with a connection of its own."""

from __future__ import annotations

import math
import selectors
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from django.db import connections

from job_retry.django.outages import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper
    from psycopg.pq.abc import PGconn

    from job_retry.django.queue import JobQueueManager

KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3}
"""So that silence is told from a host that has gone, within 90 seconds and without a statement."""

LASTING_SECONDS = 15.0
"""How long a connection has to last for the next one to be made without waiting longer than after the first failure."""

STOP_SECONDS = 5.0
"""How long the end of the thread is waited for: it may be waiting for a host that does not answer."""


class Listener:
    """Calls ``heard``, in a thread of its own, when the workers of ``manager``'s queue are told that jobs are ready.

    Calls ``connected`` when it has begun to listen, since what was sent before was not heard. A connection that is lost
    is made anew, for as long as it takes. Does nothing where nobody can listen. ``name`` is that of the worker,
    ``monotonic`` returns seconds.
    """

    def __init__(
        self,
        manager: JobQueueManager,
        name: str,
        *,
        heard: Callable[[], None],
        connected: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._using = manager.using
        self._wake_up = manager.claims.wake_up
        self._heard = heard
        self._connected = connected
        self._monotonic = monotonic
        self._outage = Outage(name, math.inf, monotonic)
        self._thread = threading.Thread(target=self._run, name=f"listening-{manager.options.name}", daemon=True)
        self._order: socket.socket | None = None

    def start(self) -> None:
        """Begin to listen."""
        if self._wake_up.can_be_heard:
            # A thread that waits for one socket is told to stop by another; an Event would have to be polled.
            self._order, self._stopped = socket.socketpair()
            self._thread.start()

    def stop(self) -> None:
        """Stop listening, and wait for the end of the thread."""
        if self._order is not None:
            self._order.close()
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        with closing(self._stopped):
            wait_seconds = 0.0
            while not self._is_stopped_within(wait_seconds):
                began_at = self._monotonic()
                try:
                    self._listen()
                except Exception as error:  # whatever it is, the worker finds its jobs all the same
                    if self._monotonic() - began_at > LASTING_SECONDS:
                        self._outage.over()
                    wait_seconds = self._outage.delay_seconds(error, "the worker listens")

    def _is_stopped_within(self, seconds: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stopped, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def _listen(self) -> None:
        """Listen until told to stop; raises the database's error where the connection breaks."""
        with closing(_own_connection(self._using)) as connection:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {self._wake_up.channel}")
            self._connected()
            with selectors.DefaultSelector() as selector, connection.wrap_database_errors:
                selector.register(self._stopped, selectors.EVENT_READ)
                selector.register(connection.connection, selectors.EVENT_READ)
                while all(key.fileobj is not self._stopped for key, _ in selector.select()):
                    if _has_heard(connection.connection.pgconn):
                        self._heard()


def _own_connection(using: str) -> BaseDatabaseWrapper:
    """Return a new connection, as Django makes them for ``using``, that belongs to no thread and to no pool."""
    connection = connections[using].copy()
    options = connection.settings_dict["OPTIONS"]
    options.pop("pool", None)  # it would miss one connection for as long as the worker lives
    connection.settings_dict["OPTIONS"] = {**KEEPALIVES, **options}
    connection.settings_dict["AUTOCOMMIT"] = True
    connection.connect()
    return connection


def _has_heard(pgconn: PGconn) -> bool:
    """Read what has arrived and return whether messages were among it, which may be many at once."""
    pgconn.consume_input()
    heard = False
    while pgconn.notifies() is not None:
        heard = True
    return heard
