"""Launches of one job that overlapped, and which of them stood under a claim that had passed on. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.contact import Silence, shortest_loss_seconds, silences

if TYPE_CHECKING:
    from tests.chaos.evidence import Evidence, Launch


@dataclass(frozen=True)
class Overlap:
    """A launch that was under way together with one of a later claim, or of the same."""

    stale: Launch
    """The one of the earlier claim."""
    silence: Silence | None
    """What kept its worker from renewing its lease; None: nothing did, so that its lease was live."""


def find_overlaps(evidence: Evidence) -> list[Overlap]:
    """Return each launch that overlapped with one of a later claim, once."""
    overlaps = []
    for launches in evidence.launches.values():
        begun = [(evidence.claim_of(launch), launch) for launch in launches]
        for claimed, launch in begun:
            later = [
                other_claimed
                for other_claimed, other in begun
                if other is not launch
                and (other_claimed, other.start.at) > (claimed, launch.start.at)
                and launch.start.at < other.end
                and other.start.at < launch.end
            ]
            if later:
                overlaps.append(Overlap(launch, silence_between(evidence, launch.start.pid, claimed, min(later))))
    return overlaps


def silence_between(evidence: Evidence, pid: int, claimed: float, passed_on: float) -> Silence | None:
    """Return what may have cost the worker ``pid`` a lease between its claim and the next one on the same job."""
    shortest = shortest_loss_seconds(evidence.lease_seconds, evidence.renew_seconds)
    found = silences(evidence.faults, pid, evidence.renew_seconds)
    long = (silence for silence in found if silence.ended - silence.began >= shortest)
    return next((silence for silence in long if silence.covers(claimed, passed_on)), None)


def repeated_in_one_silence(overlaps: list[Overlap]) -> list[Overlap]:
    """Return the overlaps beyond the first of the same job in the same silence of the same worker."""
    seen: Counter[tuple[Silence, int]] = Counter()
    repeated = []
    for overlap in overlaps:
        if overlap.silence is not None:
            key = (overlap.silence, overlap.stale.start.job)
            seen[key] += 1
            if seen[key] > 1:
                repeated.append(overlap)
    return repeated
