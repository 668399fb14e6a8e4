"""Waiting until a database answers again: a restart, a connection cut, a deadlock, a full disk."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connections

from job_retry import RetryStrategy
from job_retry.django.error_text import clean_error_text, error_text

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("job_retry.worker")

AnswerT = TypeVar("AnswerT")

OUTAGE_ERRORS = (OperationalError, InterfaceError, InternalError)
"""What Django raises for them; InternalError: a server that has become a read-only replica."""

BACKOFF = RetryStrategy(max_attempts=1_000_000, base_delay=0.5, max_delay=15.0, jitter=0.2)
"""How long to wait between two attempts."""

MISSING_ON_SQLITE = "no such "
"""How SQLite begins to say that a table or a column is missing, by the class of error that elsewhere is an outage."""


class Outage:
    """One stretch of failures: `delay_seconds` after each, `over` after a success.

    ``limit_seconds`` is for how long attempts go on before the error is raised; ``name`` spreads the delays of several
    workers; ``monotonic`` returns seconds.
    """

    def __init__(self, name: str, limit_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.limit_seconds = limit_seconds
        self._monotonic = monotonic
        self._began: float | None = None
        self._failures = 0

    def over(self) -> None:
        """Forget the failures so far."""
        self._began, self._failures = None, 0

    def next_delay_seconds(self) -> float:
        """Count a failure, and return how long to wait after it."""
        self._failures += 1
        # The first failure already waits: attempt 1 of a schedule has no delay.
        delay: float = BACKOFF.jittered_delay(self._failures + 1, (self.name, self._failures))
        return delay

    def delay_seconds(self, error: Exception, what: str) -> float:
        """Return how long to wait before ``what`` is tried again; raises ``error`` where that is in vain."""
        now = self._monotonic()
        if self._began is None:
            self._began = now
        if str(error).startswith(MISSING_ON_SQLITE) or now - self._began >= self.limit_seconds:
            raise error
        delay = self.next_delay_seconds()
        shown = clean_error_text(error_text(error)).strip()
        logger.warning("The database does not answer (%s); %s again in %.1fs.", shown, what, delay)
        return delay


def asked_twice(using: str, ask: Callable[[], AnswerT]) -> AnswerT:
    """Return what ``ask`` returns, called once more at once where the database breaks off.

    A server may drop a connection that a long launch has left idle, which shows at its next use only; and whoever was
    chosen to end a deadlock may try again. Not inside a transaction, which has to be begun anew as a whole.
    """
    connection = connections[using]
    try:
        return ask()
    except OUTAGE_ERRORS:
        if connection.in_atomic_block:
            raise
        connection.close()
        return ask()
