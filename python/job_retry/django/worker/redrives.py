"""A worker's part in canary redrives: one step a poll as long as there is one, and a look now and then otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_retry.django.dead_letters import canary

if TYPE_CHECKING:
    from collections.abc import Callable

    from job_retry.django.queue import JobQueueManager

LOOK_SECONDS = 20.0
"""How often an idle worker looks for canary redrives; it is told of new ones where it can be (PostgreSQL)."""

LEAST_LOOK_SECONDS = 1.0
"""How often it looks at most: it is told of new jobs in the same way, and of these there may be many."""


class Redrives:
    """The canary redrives of ``manager``'s queue, each of which does a step every ``poll_interval`` seconds.

    ``monotonic`` returns seconds.
    """

    def __init__(self, manager: JobQueueManager, poll_interval: float, monotonic: Callable[[], float]) -> None:
        self._manager = manager
        self._poll_interval = poll_interval
        self._monotonic = monotonic
        self._stepped_at = -float("inf")
        self._is_one_live = False
        self._is_told = False

    def tell(self) -> None:
        """Say that there may be a new one."""
        self._is_told = True

    def step(self) -> None:
        """Do a step of each if it is time to."""
        now = self._monotonic()
        if now - self._stepped_at < self._wait_seconds:
            return
        self._is_told = False
        self._is_one_live = canary.step_all(self._manager, self._manager.clock())
        self._stepped_at = now

    def are_done(self) -> bool:
        """Return, from the database, whether there is none that has not ended."""
        self._is_one_live = bool(canary.live_actions(self._manager))
        return not self._is_one_live

    @property
    def _wait_seconds(self) -> float:
        if self._is_one_live:
            return self._poll_interval
        return LEAST_LOOK_SECONDS if self._is_told else LOOK_SECONDS
