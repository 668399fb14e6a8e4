"""Claims in doubt: the database broke off before it said that they are written, or before their jobs were launched.

Nobody launches such a job, and as long as its holder lives, the lease is renewed together with the holder's others. So
the holder itself gives the claim back, as soon as the database answers.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Q


@dataclass
class _Doubt:
    claimed: Q
    until: float
    """A monotonic moment: from then on the database has certainly written what it was going to write."""
    given_back: bool = False


class Doubts:
    """The claims in doubt of one process; may be shared by threads. ``monotonic`` returns seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._doubts: list[_Doubt] = []

    def add(self, claimed: Q, seconds: float = 0.0) -> None:
        """Have the rows that match ``claimed`` given back.

        A server may write a claim even after its client was cut off, so ``seconds`` says for how long they are looked
        for again.
        """
        with self._lock:
            self._doubts.append(_Doubt(claimed, self._monotonic() + seconds))

    def settle(self, give_back: Callable[[Q], int], *, again: bool) -> int:
        """Call ``give_back`` for each, ``again`` for those that it was called for before; return the sum it returns."""
        with self._lock:
            doubts = [doubt for doubt in self._doubts if again or not doubt.given_back]
        rows = 0
        for doubt in doubts:
            is_last = self._monotonic() >= doubt.until
            rows += give_back(doubt.claimed)
            doubt.given_back = True
            if is_last:
                with self._lock:
                    self._doubts = [other for other in self._doubts if other is not doubt]
        return rows
