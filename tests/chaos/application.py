"""The program around the queue: queues jobs as there is room, and ends the runs of detached jobs.

It lives through what its database does, as the workers do; nothing is ever done to it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Count
from job_retry.django.outages import OUTAGE_ERRORS
from job_retry.django.queue import get_queue_manager
from job_retry.django.states import FINAL, WAITING, Status

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.chaos.kinds import Kind

PORTION = 100
"""Jobs queued in one transaction."""
ROOM = 400
"""Waiting jobs, beyond which none are queued."""
PAUSE_SECONDS = 0.1
ENDED = (*FINAL, Status.FAILED)


class Application(threading.Thread):
    """Queues jobs of ``kinds`` until ``is_closing`` says that it is enough; `done` once all of them have ended."""

    def __init__(self, kinds: Sequence[Kind], is_closing: Callable[[], bool]) -> None:
        super().__init__(name="application", daemon=True)
        self._kinds = kinds
        self._is_closing = is_closing
        self._manager = get_queue_manager()
        self._stopped = threading.Event()
        self.queued: dict[int, Kind] = {}
        """The kinds of the jobs that were queued, by key."""
        self.ended = 0
        """Jobs that had ended when it looked last."""
        self.done = threading.Event()
        self.error: BaseException | None = None
        """What ended it before its time."""

    def stop(self) -> None:
        """End, whatever is left."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        try:
            while not self._stopped.is_set() and not self.done.is_set():
                try:
                    self._turn()
                except OUTAGE_ERRORS:
                    connection.close()
                time.sleep(PAUSE_SECONDS)
        except BaseException as error:
            self.error = error
            self.done.set()
        finally:
            connection.close()

    def _turn(self) -> None:
        self._end_runs()
        jobs = Counter(dict(ContainerJob.objects.values_list("status").annotate(Count("pk"))))
        self.ended = sum(jobs[status] for status in ENDED)
        everything = len(self.queued) == len(self._kinds) or self._is_closing()
        if everything:
            if self.ended == jobs.total() and jobs.total() >= len(self.queued):
                self.done.set()
        elif sum(jobs[status] for status in WAITING) < ROOM:
            self._queue_portion()

    def _queue_portion(self) -> None:
        """Queue the next jobs, unless an earlier try has: a lost connection leaves open whether a commit took place."""
        first = len(self.queued)
        kinds = self._kinds[first : first + PORTION]
        keys = range(first + 1, first + len(kinds) + 1)
        if not ContainerJob.objects.filter(pk__in=keys).exists():
            with transaction.atomic():
                jobs = [ContainerJob(pk=key, name=kind.name) for key, kind in zip(keys, kinds, strict=True)]
                self._manager.queue_jobs(ContainerJob.objects.bulk_create(jobs))
        self.queued.update(zip(keys, kinds, strict=True))

    def _end_runs(self) -> None:
        for job in ContainerJob.objects.filter(status=Status.RUNNING):
            self._manager.complete(job)
