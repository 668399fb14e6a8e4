"""What the jobs are like, and how each has to end whatever happens to its workers. Data and pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

LIMIT = 4
"""Attempts that a job may have."""


@dataclass(frozen=True)
class Kind:
    """One kind of job, and its end."""

    name: str
    share: int
    """How many of 100 jobs are of this kind."""
    why: str
    """What it is there to show."""
    status: str = "completed"
    """The status in which it has to end."""
    failures: int = 0
    """Attempts that fail, which is what the job has to be charged in the end."""
    error: str = ""
    """What a failing attempt says."""
    seconds: tuple[float, float] = (0.0, 0.0)
    """How long a launch takes: at least, at most."""
    detached: bool = False
    """Whether the launch only begins a run, which the run of the program ends elsewhere."""

    @property
    def attempts(self) -> int:
        """Attempts until the end, those not counted that were lost with a worker."""
        return self.failures + (self.status == "completed")


TRANSIENT = "connection refused by host 10.0.0.7"
PERMANENT = "image not found: registry.example/none"

KINDS: tuple[Kind, ...] = (
    Kind("instant", 32, "most of the time goes into claims and results"),
    Kind("short", 25, "a few milliseconds, as the launch of a container", seconds=(0.002, 0.02)),
    Kind("long", 8, "faults meet a launch under way", seconds=(0.2, 1.5)),
    Kind("longer", 1, "a lease has to be renewed", seconds=(4.5, 6.0)),
    Kind("flaky-1", 12, "a retry", failures=1, error=TRANSIENT),
    Kind("flaky-3", 6, "as many failures as are allowed, then success", failures=LIMIT - 1, error=TRANSIENT),
    Kind("permanent", 6, "a dead letter at once", status="failed", failures=1, error=PERMANENT),
    Kind("exhausted", 4, "a dead letter at the limit", status="failed", failures=LIMIT, error=TRANSIENT),
    Kind("detached", 6, "a run that outlives its launch, and perhaps its worker", detached=True),
)
"""One row a kind; the shares are of 100."""

BY_NAME = {kind.name: kind for kind in KINDS}


def deal(seed: int, jobs: int) -> list[Kind]:
    """Return the kinds of ``jobs`` jobs; of fewer jobs, the first of the same. Pure."""
    random = Random(f"kinds {seed}")
    return random.choices(KINDS, [kind.share for kind in KINDS], k=jobs)
