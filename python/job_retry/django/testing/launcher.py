"""A launcher whose outcomes are written down beforehand."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from job_retry.django.models import RetryableJob

STARTED: dict[str, Any] = {"success": True}
"""Outcome of a detached launch: the job runs from now on."""

COMPLETED: dict[str, Any] = {"success": True, "completed": True}
"""Outcome of a blocking launch: the job has run to its end."""


def failed(error: object) -> dict[str, Any]:
    """Return the outcome of a launch that reports ``error``."""
    return {"success": False, "error": error}


@dataclass(frozen=True)
class LaunchCall:
    """One call of a `ScriptedLauncher`."""

    pk: Any
    """The job's primary key."""
    attempt: int
    """1 for the job's first launch by this launcher."""
    idempotency_key: str


class ScriptedLauncher:
    """A launcher for tests: each job goes through the script, one outcome a launch; the last one is repeated.

    An outcome is what a launcher returns (`STARTED`, `COMPLETED`, ``failed("...")`` or any result of your own), or an
    exception (instance or class) that it raises. ``scripts`` gives single jobs, by primary key, a script of their own.
    All calls are kept in `calls`. May be called from several threads.
    """

    def __init__(self, *outcomes: Any, scripts: dict[Any, list[Any]] | None = None) -> None:
        self._outcomes = list(outcomes) or [COMPLETED]
        self._scripts = dict(scripts or {})
        empty = [pk for pk, script in self._scripts.items() if not script]
        if empty:
            raise ValueError(f"the scripts of {empty!r} are empty; give each at least one outcome")
        self._attempts: dict[Any, int] = defaultdict(int)
        self._lock = threading.Lock()
        self.calls: list[LaunchCall] = []

    def script(self, job: RetryableJob, *outcomes: Any) -> None:
        """Give ``job`` a script of its own, to begin at its next launch."""
        if not outcomes:
            raise ValueError(f"the script of job {job.pk} is empty; give it at least one outcome")
        with self._lock:
            self._scripts[job.pk] = list(outcomes)
            self._attempts[job.pk] = 0

    def attempts(self, job: RetryableJob) -> int:
        """Return how often ``job`` has been launched."""
        with self._lock:
            return sum(call.pk == job.pk for call in self.calls)

    def __call__(self, job: RetryableJob, idempotency_key: str) -> Any:
        """Return, or raise, the job's next outcome."""
        with self._lock:
            self._attempts[job.pk] += 1
            attempt = self._attempts[job.pk]
            self.calls.append(LaunchCall(job.pk, attempt, idempotency_key))
            script = self._scripts.get(job.pk, self._outcomes)
            outcome = script[min(attempt, len(script)) - 1]
        if isinstance(outcome, BaseException) or (isinstance(outcome, type) and issubclass(outcome, BaseException)):
            raise outcome
        return outcome
