"""Settings of workers that do not live long: short leases, many tries, the least that Django needs to start."""

from __future__ import annotations

from job_retry import RetryStrategy

from tests.app.settings import *  # noqa: F403
from tests.chaos.kinds import LIMIT

# Workers start some hundreds of times.
INSTALLED_APPS = ["job_retry.django", "tests.app"]
ROOT_URLCONF = ""
TEMPLATES = []
MIDDLEWARE = []

LEASE_SECONDS = 4.0
RENEW_SECONDS = 1.0

JOB_RETRY = {
    "LEASE_SECONDS": LEASE_SECONDS,
    "RENEW_SECONDS": RENEW_SECONDS,
    # No job here harms its worker, so none may be taken for one that does, however often its workers are killed.
    "MAX_WORKER_LOSSES": 1_000_000,
    "OUTAGE_SECONDS": 60,
    # The errors name their launches, and a random id may hold what a rule of a pack looks for, such as `e11000`.
    "RULE_PACKS": [],
    "JITTER": 0.5,
    "STRATEGIES": {"chaos": RetryStrategy(max_attempts=LIMIT, base_delay=0.2, max_delay=2.0)},
    "QUEUES": {
        "default": {
            "MODEL": "app.ContainerJob",
            "LAUNCH": "tests.chaos.launchers.launch",
            "MAX_CONCURRENT": 4,
            "CLAIM_BATCH": 6,
            "STRATEGY": "chaos",
            "RUN_LEASE_SECONDS": 20,
        },
    },
}
