"""The launches of a worker: under way, ended, and put on record, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from job_retry.django.attempts import EndedLaunch, launch
from job_retry.django.outages import Outage
from job_retry.django.outcomes import Recorded, record_all
from job_retry.django.worker.threads import TaskThreads

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from job_retry.django.queue import JobQueueManager

RESULTS_TOGETHER = 100
"""Results that are written in one go. More would save little, and be more to launch again should the worker die."""

LINGER_SECONDS = (0.02, 0.2)
"""For how long a result waits for others, at least and at most."""

LINGER_WRITES = 2
"""In between, so many times as long as results took to be written last: where that takes long, since the machine or
the database is busy, fewer and larger writes are what helps."""


@dataclass(frozen=True)
class InterruptedLaunch:
    """A launch that ended without an outcome: by KeyboardInterrupt or SystemExit, and its claim is given back."""

    job: Any
    exception: BaseException


@dataclass(frozen=True)
class RecordedLaunches:
    """Launches whose results were written together, or could not be, and for how long that went on."""

    together: list[EndedLaunch]
    """The very list that was to be written."""
    recorded: list[Recorded]
    seconds: float


LaunchMessage = EndedLaunch | InterruptedLaunch | RecordedLaunches


class Launches:
    """What a worker launches; used from the worker's own thread.

    Launches and the writing of their results run in threads, which put what has happened into ``inbox``; the worker
    hands each of these messages to `take`. A launch that has ended makes room for another before its result is
    written; ``one_by_one``, only when it is. ``monotonic`` returns seconds.
    """

    def __init__(
        self,
        manager: JobQueueManager,
        inbox: SimpleQueue[Any],
        name: str,
        monotonic: Callable[[], float],
        *,
        one_by_one: bool = False,
    ) -> None:
        self._manager = manager
        self._one_by_one = one_by_one
        self._inbox = inbox
        self._name = name
        self._monotonic = monotonic
        self._threads = TaskThreads(f"launch-{manager.options.name}")
        # By instance: a job whose retry is due at once may be launched again before its first end is told.
        self._under_way: dict[int, Any] = {}
        self._ended: list[EndedLaunch] = []
        self._ended_at = 0.0
        self._linger_seconds, _ = LINGER_SECONDS
        self._being_written: list[list[EndedLaunch]] = []
        self._is_left = False

    @property
    def under_way(self) -> list[Any]:
        """The primary keys of the jobs whose launch has not ended."""
        return [job.pk for job in self._under_way.values()]

    @property
    def count(self) -> int:
        """How many launches are under way."""
        return len(self._under_way)

    @property
    def unwritten(self) -> list[EndedLaunch]:
        """The launches that have ended, and whose results are not on record yet, as far as is known."""
        return [*self._ended, *(ended for together in self._being_written for ended in together)]

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and all results are on record."""
        return not (self._under_way or self._ended or self._being_written)

    @property
    def slots_taken(self) -> int:
        """How many launches' worth of work is under way.

        Writing runs beside the launches; where it does not keep up, since receivers of signals are slow or the
        database is, it takes their place.
        """
        if self._one_by_one:
            return len(self._under_way) + len(self._ended) + len(self._being_written)
        return len(self._under_way) + max(0, len(self._being_written) - 1)

    @property
    def has_too_many_results(self) -> bool:
        """Whether results have to be written before there may be more."""
        return len(self._ended) >= RESULTS_TOGETHER

    def start(self, job: Any, started_at: datetime) -> None:
        """Launch ``job`` at once."""
        self._under_way[id(job)] = job
        self._run(partial(self._launch, job, started_at))

    def take(self, message: LaunchMessage) -> None:
        """Take note of what a thread has told."""
        if isinstance(message, RecordedLaunches):
            self._being_written = [other for other in self._being_written if other is not message.together]
            least, most = LINGER_SECONDS
            self._linger_seconds = min(max(least, LINGER_WRITES * message.seconds), most)
            return
        self._under_way.pop(id(message.job), None)
        if isinstance(message, EndedLaunch):
            if not self._ended:
                self._ended_at = self._monotonic()
            self._ended.append(message)

    def write(self, *, most_concurrent: int, more_to_come: bool) -> float | None:
        """Have results written whose time has come; return after how many seconds to call again, None: not to.

        Results wait for others as long as there are ``more_to_come``, though not for long.
        """
        while self._ended:
            wait_seconds = self._ended_at + self._linger_seconds - self._monotonic()
            more_to_come = (more_to_come or bool(self._under_way)) and not self._one_by_one
            if more_to_come and wait_seconds > 0 and len(self._ended) < RESULTS_TOGETHER:
                return wait_seconds
            if len(self._being_written) >= most_concurrent:
                return None  # one that is written tells of it
            together, self._ended = self._ended[:RESULTS_TOGETHER], self._ended[RESULTS_TOGETHER:]
            self._being_written.append(together)
            self._run(partial(self._write, together))
        return None

    def close(self) -> None:
        """End the threads, and wait for them unless launches are still under way; what has ended is written first.

        A launch that ends later writes its result itself.
        """
        self._is_left = True
        self._write_what_is_left(self._ended, outage_seconds=0.0)
        self._ended = []
        self._threads.close(wait=not self._under_way and not self._being_written)

    def _run(self, task: Callable[[], None]) -> None:
        # The task itself is counted already.
        self._threads.start(task, under_way=len(self._under_way) + len(self._being_written) - 1)

    def _launch(self, job: Any, started_at: datetime) -> None:
        message: LaunchMessage
        try:
            message = launch(self._manager, job, started_at)
        except BaseException as exception:
            message = InterruptedLaunch(job, exception)
        self._inbox.put(message)
        if self._is_left:
            self._write_what_is_left([], self._manager.outage_seconds)

    def _write(self, together: list[EndedLaunch]) -> None:
        began_at = self._monotonic()
        recorded = self._recorded(together, self._manager.outage_seconds)
        self._inbox.put(RecordedLaunches(together, recorded, self._monotonic() - began_at))

    def _write_what_is_left(self, ended: list[EndedLaunch], outage_seconds: float) -> None:
        """Write the results that nobody else will; each message is taken by one thread."""
        try:
            while True:
                message = self._inbox.get_nowait()
                if isinstance(message, EndedLaunch):
                    ended.append(message)
        except Empty:
            pass
        if ended:
            self._recorded(ended, outage_seconds)

    def _recorded(self, together: list[EndedLaunch], outage_seconds: float) -> list[Recorded]:
        return record_all(self._manager, together, Outage(self._name, outage_seconds))
