"""When workers could not be heard of: the stretches in which a fault kept them from renewing their leases. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.store import Fault


@dataclass(frozen=True)
class Silence:
    """A stretch of time in which a worker was frozen, or the database away."""

    pid: int
    began: float
    ended: float

    def covers(self, began: float, ended: float) -> bool:
        """Return whether it has to do with the time in between."""
        return self.began < ended and began < self.ended


def silences(faults: Iterable[Fault], pid: int, renew_seconds: float) -> list[Silence]:
    """Return the stretches in which the worker ``pid`` was kept from renewing.

    What follows within the time of a renewal belongs together: there may have been none in between.
    """
    stretches = sorted(
        (fault.at, fault.until) for fault in faults if fault.until > fault.at and (fault.for_all or fault.pid == pid)
    )
    joined: list[Silence] = []
    for began, ended in stretches:
        if joined and began <= joined[-1].ended + renew_seconds:
            joined[-1] = Silence(pid, joined[-1].began, max(ended, joined[-1].ended))
        else:
            joined.append(Silence(pid, began, ended))
    return joined


def shortest_loss_seconds(lease_seconds: float, renew_seconds: float) -> float:
    """Return how short a silence may be and still cost a lease.

    The last renewal may be as old as the time between two, and so may be the first try after the silence.
    """
    return lease_seconds - 2 * renew_seconds
