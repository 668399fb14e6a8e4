"""How soon an idle worker follows the message that there are jobs.

Every idle worker hears it, and mostly one of them gets what there is. If all came at once, each job would cost all the
others a claim in vain, and eight workers could keep a machine busy with a hundred jobs a second. So whoever came too
late just now lets others go first, looks before it claims, and leaves alone what others may be claiming; and where it
claims in vain all the same, since the machine is busy, for twice as long each time.
"""

from __future__ import annotations

import math
import random
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COURTESY_SECONDS = (0.02, 0.03)
"""For how long others go first, at least and at most: longer than a claim takes, and too short for a person to see."""

YOUNG_SECONDS = 0.015
"""A job that has been ready for less may be in the middle of somebody else's claim."""

MOST_DOUBLINGS = 5
"""Up to a second, after which it looks anyhow."""

LATE_SECONDS = 1.0
"""For how long a worker that came too late lets others go first."""


class Summons:
    """What a worker has heard and not followed yet; `heard` may be called from any thread.

    ``monotonic`` returns seconds, ``uniform`` a number between two.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._monotonic = monotonic
        self._uniform = uniform
        self._lock = threading.Lock()
        self._heard = self._looked_for = self._followed = 0
        self._due_at = 0.0
        self._late_until = -math.inf
        self._doublings = 0

    def heard(self) -> bool:
        """Take note of a message, and return whether the worker has to be told: it has not been since it last looked.

        A burst of messages costs a worker no more than one.
        """
        with self._lock:
            is_news = not self._is_pending
            self._heard += 1
            if is_news:
                self._put_off()
            return is_news

    @property
    def wait_seconds(self) -> float:
        """After how long to look; infinity: there is no message."""
        with self._lock:
            return max(0.0, self._due_at - self._monotonic()) if self._is_pending else math.inf

    @property
    def is_promising(self) -> bool:
        """Whether there is a message to be followed without a look."""
        with self._lock:
            return self._is_pending and not self._is_late

    def look(self) -> None:
        """Take note that the worker begins to look or to claim: messages from now on speak of other jobs."""
        with self._lock:
            self._looked_for = self._heard

    def followed(self, *, again: bool = False) -> None:
        """Take note that a look has found nothing to claim, or only what it has to look at ``again``."""
        with self._lock:
            self._end(again=again, late=self._is_called)

    def claimed(self, *, found: bool) -> None:
        """Take note that a claim has ``found`` jobs, or was made in vain."""
        with self._lock:
            if found:
                self._late_until = -math.inf
            elif self._is_called and self._is_late:
                self._doublings = min(self._doublings + 1, MOST_DOUBLINGS)
            self._end(again=False, late=self._is_called and not found)

    def _end(self, *, again: bool, late: bool) -> None:
        if late:
            if not self._is_late:
                self._doublings = 0
            self._late_until = self._monotonic() + LATE_SECONDS
        if not again:
            self._followed = self._looked_for
        if self._is_pending:
            self._put_off()

    @property
    def _is_called(self) -> bool:
        return self._looked_for > self._followed

    @property
    def _is_pending(self) -> bool:
        return self._heard > self._followed

    @property
    def _is_late(self) -> bool:
        return self._monotonic() < self._late_until

    def _put_off(self) -> None:
        courtesy_seconds = self._uniform(*COURTESY_SECONDS) * 2**self._doublings if self._is_late else 0.0
        self._due_at = self._monotonic() + courtesy_seconds
