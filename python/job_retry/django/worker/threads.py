"""Threads that launch claimed jobs, each with database connections of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from job_retry.django.recording import LaunchResult


@dataclass(frozen=True)
class FinishedLaunch:
    """A launch that has come to its end."""

    job: Any
    result: LaunchResult | None = None
    """What was written; None where `exception` prevented it."""
    exception: BaseException | None = None
    """What came through: a database error, or KeyboardInterrupt and SystemExit from a launcher."""


class LaunchThreads:
    """As many threads as jobs have been launched at the same time; used from one thread.

    ``launch`` is called for a job in one of the threads, ``report`` afterwards in the same thread.
    """

    def __init__(
        self, launch: Callable[[Any], LaunchResult], report: Callable[[FinishedLaunch], None], *, name: str
    ) -> None:
        self._launch = launch
        self._report = report
        self._name = name
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        # By instance: a job whose retry is due at once may be launched again before its first end is told.
        self._under_launch: dict[int, Any] = {}

    @property
    def launching(self) -> list[Any]:
        """The primary keys of the jobs under launch, until `finished` is told."""
        return [job.pk for job in self._under_launch.values()]

    def start(self, job: Any) -> None:
        """Launch ``job`` as soon as a thread is free, which is at once."""
        self._under_launch[id(job)] = job
        if len(self._under_launch) > len(self._threads):
            # A daemon: a launcher that never returns must not keep a worker alive that was told twice to stop.
            name = f"{self._name}-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._jobs.put(job)

    def finished(self, launch: FinishedLaunch) -> None:
        """Take note of what was reported; from now on the thread counts as free."""
        self._under_launch.pop(id(launch.job), None)

    def close(self) -> None:
        """End the threads and wait for them, unless launches are still under way."""
        for _thread in self._threads:
            self._jobs.put(None)
        if not self._under_launch:
            for thread in self._threads:
                thread.join()

    def _serve(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                try:
                    launch = FinishedLaunch(job, result=self._launch(job))
                except BaseException as exception:
                    launch = FinishedLaunch(job, exception=exception)
                self._report(launch)
        finally:
            connections.close_all()
