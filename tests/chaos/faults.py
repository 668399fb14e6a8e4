"""What is done to the workers and to the database, when, and to whom. Data and pure functions.

All choices come from a seed. What a fault meets does not: processes run as fast as they run.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASES = ("postgresql", "sqlite")


@dataclass(frozen=True)
class FaultKind:
    """One thing that is done."""

    name: str
    weight: int
    """How often it is chosen, among those of the same database; 0: never, workers notice it themselves."""
    why: str
    """What it stands for."""
    leases: tuple[float, float] = (0.0, 0.0)
    """How long it lasts, in leases: at least, at most."""
    to_server: bool = False
    """Whether it is done to the database's server, and not to a worker."""
    restarts: bool = False
    """Whether the worker ends of it, and another takes its place."""

    @property
    def costs_claims(self) -> bool:
        """Whether jobs have to recover from it."""
        return self.weight > 0 and not 0 < self.leases[1] < 1


FAULTS: tuple[FaultKind, ...] = (
    FaultKind("kill", 60, "SIGKILL: out of memory, a machine that dies", restarts=True),
    FaultKind("freeze", 14, "SIGSTOP past the lease, then SIGCONT: a suspended machine", leases=(1.3, 5.0)),
    FaultKind("pause", 8, "SIGSTOP for less than the lease: a machine that swaps", leases=(0.05, 0.6)),
    FaultKind("frozen-kill", 4, "SIGSTOP past the lease, then SIGKILL", leases=(1.3, 1.8), restarts=True),
    FaultKind("stop", 6, "SIGTERM: a deployment; the worker ends by itself", restarts=True),
    FaultKind("cut", 30, "pg_terminate_backend of some connections, at whatever statement", to_server=True),
    FaultKind("restart", 2, "the server is ended and started again", to_server=True),
    FaultKind("crash", 4, "SIGKILL of the server, which recovers from its log", to_server=True),
    FaultKind("outage", 1, "the same, and it stays away past the leases", leases=(1.2, 1.8), to_server=True),
    FaultKind("stall", 0, "not done, but noticed: the machine does not let a worker run"),
)
"""One row a kind."""

BY_NAME = {kind.name: kind for kind in FAULTS}


@dataclass(frozen=True)
class Planned:
    """One fault of a schedule."""

    after_seconds: float
    """Since the one before it was begun."""
    kind: FaultKind
    slot: int
    """Which of the workers, by its place."""
    leases: float
    """How long it lasts."""
    share: float
    """Of the connections, for those that are cut."""
    nonce: int
    """For what is chosen among things that the schedule cannot know."""


def schedule(seed: int, database: str, workers: int, faults_a_second: float) -> Iterator[Planned]:
    """Return faults without end: the same for the same arguments. Pure.

    They come at random moments, on average ``faults_a_second``.
    """
    random = Random(f"faults {seed} {database}")
    kinds = [kind for kind in FAULTS if database == "postgresql" or not kind.to_server]
    weights = [kind.weight for kind in kinds]
    while True:
        (kind,) = random.choices(kinds, weights)
        yield Planned(
            after_seconds=random.expovariate(faults_a_second),
            kind=kind,
            slot=random.randrange(workers),
            leases=random.uniform(*kind.leases),
            share=random.uniform(0.05, 0.4),
            nonce=random.getrandbits(32),
        )
