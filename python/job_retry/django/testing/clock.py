"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone


class ManualClock:
    """Returns the same moment at every call until `advance` or `advance_to`.

    Hand it to `JobQueueManager` as its ``clock``. Begins at ``start``, by default the present moment.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = timezone.now() if start is None else start

    def __call__(self) -> datetime:
        """Return the present moment of this clock."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Go on by ``seconds``; ValueError for a negative number."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back: {seconds!r} seconds")
        self._now += timedelta(seconds=seconds)

    def advance_to(self, moment: datetime) -> None:
        """Go on to ``moment``; a moment that is past already changes nothing."""
        self._now = max(self._now, moment)
