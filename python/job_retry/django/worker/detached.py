"""The detached runs of a worker, which take up its slots until they end, wherever that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_retry.django.states import Status

if TYPE_CHECKING:
    from job_retry.django.queue import JobQueueManager
    from job_retry.django.worker.launches import Launches


class DetachedRuns:
    """How many runs of the worker ``name`` are under way: counted where it matters, else known as `at_most`."""

    def __init__(self, manager: JobQueueManager, name: str, launches: Launches) -> None:
        self._manager = manager
        self._name = name
        self._launches = launches
        self.at_most = 0
        """As many as were counted last, and have begun since."""

    def began(self) -> None:
        """Take note of a launch that left a run under way."""
        self.at_most += 1

    def count(self) -> int:
        """Return how many there are; asks nobody where there cannot be any."""
        if self.at_most:
            unwritten = self._launches.unwritten
            known = (*self._launches.under_way, *(ended.job.pk for ended in unwritten))
            running = self._manager.claims.held(self._name).filter(status=Status.RUNNING).exclude(pk__in=known)
            self.at_most = running.count() + sum(ended.is_detached for ended in unwritten)
        return self.at_most
