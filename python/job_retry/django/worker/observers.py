"""What a worker has done, and who looks on while it works."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from job_retry.django.recording import LaunchResult
    from job_retry.django.worker.loop import Worker

logger = logging.getLogger("job_retry.worker")


@dataclass
class WorkerSummary:
    """What a worker has done."""

    launched: int = 0
    """Launches that succeeded."""
    retried: int = 0
    """Failed attempts after which another was scheduled."""
    dead_lettered: int = 0
    """Failed attempts after which none was."""
    ignored: int = 0
    """Launches whose result came too late, or could not be written."""
    given_back: int = 0
    """Claimed jobs that were not started when the worker was told to stop."""
    drained: bool = False
    """Whether nothing was left to do; only asked where the worker was told to drain the queue."""
    reached_max_jobs: bool = False
    """Whether it ended because it had launched as many jobs as it was told to."""
    still_launching: list[Any] = field(default_factory=list)
    """Primary keys of jobs whose launch had not ended when the worker was told to stop for the second time."""

    def __str__(self) -> str:
        """Return the sum as one line."""
        parts = {
            "launched": self.launched,
            "retries scheduled": self.retried,
            "dead letters": self.dead_lettered,
            "results ignored": self.ignored,
            "given back": self.given_back,
            "still launching": len(self.still_launching),
        }
        always = ("launched", "retries scheduled", "dead letters")
        return ", ".join(f"{count} {what}" for what, count in parts.items() if count or what in always)


class WorkerObserver(Protocol):
    """What looks on while a worker works; called in the worker's own thread."""

    def started(self, worker: Worker) -> None:
        """The worker begins."""

    def finished(self, job: Any, result: LaunchResult) -> None:
        """A launch has ended and its result is written."""

    def turn(self) -> None:
        """The worker has looked for jobs and is about to wait."""

    def stopped(self, summary: WorkerSummary) -> None:
        """The worker has ended."""


class LoggedProgress:
    """Logs when the worker begins and ends; what happens to each job the manager logs itself."""

    def __init__(self, queue: str) -> None:
        self._queue = queue

    def started(self, worker: Worker) -> None:
        """Log who works, on what, and how."""
        until = "until it is drained" if worker.drain else "until stopped"
        logger.info(
            "Worker %s runs queue %r %s, %d jobs at once.", worker.name, self._queue, until, worker.max_concurrent
        )

    def finished(self, job: Any, result: LaunchResult) -> None:
        """Nothing: see above."""

    def turn(self) -> None:
        """Nothing: an idle worker is a quiet one."""

    def stopped(self, summary: WorkerSummary) -> None:
        """Log the sum of what was done."""
        logger.info("Worker ended: %s.", summary)
