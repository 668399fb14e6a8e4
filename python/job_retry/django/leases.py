"""Keeping leases alive: a thread that renews what a worker, or a launch without one, holds."""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connections

from job_retry.django.outages import OUTAGE_ERRORS, Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.worker")


class LeaseKeeper:
    """Renews the leases of all that ``holder`` launches, every ``manager.renew_seconds``, in a thread of its own.

    Not while ``is_alive`` says that its owner hangs: others are to notice that. ``monotonic`` returns seconds.
    """

    def __init__(
        self,
        manager: JobQueueManager,
        holder: str,
        *,
        is_alive: Callable[[], bool] = lambda: True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manager = manager
        self._holder = holder
        self._is_alive = is_alive
        self._monotonic = monotonic
        self._renewed_at = -float("inf")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"leases-{manager.options.name}", daemon=True)

    def start(self) -> None:
        """Begin to renew, the first time after ``renew_seconds``."""
        self._thread.start()

    def stop(self) -> None:
        """Renew nothing more, and wait for the end of the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def holds(self, claimed_at: float, written_at: float) -> bool:
        """Return whether the lease of a claim is still live that was asked for and written at these monotonic moments.

        Judged by this process's own time, from before the database was asked: rather too early than too late. A
        renewal counts that was begun after the claim was written.
        """
        began_at = self._renewed_at if self._renewed_at >= written_at else claimed_at
        return self._monotonic() < began_at + self._manager.claims.lease.total_seconds()

    def renew(self) -> None:
        """Renew now."""
        began_at = self._monotonic()
        self._manager.claims.renew(self._holder, self._manager.clock())
        self._renewed_at = began_at

    def _run(self) -> None:
        outage = Outage(self._holder, math.inf, self._monotonic)
        wait_seconds = self._manager.renew_seconds
        try:
            while not self._stopped.wait(wait_seconds):
                wait_seconds = self._manager.renew_seconds
                if not self._is_alive():
                    logger.error("Worker %s hangs; its leases are not renewed.", self._holder)
                    continue
                try:
                    self.renew()
                    outage.over()
                except OUTAGE_ERRORS as error:
                    connections[self._manager.using].close()
                    wait_seconds = min(wait_seconds, outage.next_delay_seconds())
                    logger.warning("The leases of %s could not be renewed: %s", self._holder, type(error).__name__)
        finally:
            connections.close_all()


@contextmanager
def leases_kept(manager: JobQueueManager, holder: str) -> Iterator[None]:
    """Keep the leases of ``holder`` alive meanwhile, for a launch that no worker watches over."""
    if connections[manager.using].in_atomic_block:  # a test case, whose rows no other connection sees
        yield
        return
    keeper = LeaseKeeper(manager, holder)
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
