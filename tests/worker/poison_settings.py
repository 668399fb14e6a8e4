"""Settings of workers some of whose jobs kill them."""

from __future__ import annotations

from typing import Any

from tests.app.settings import *  # noqa: F403

JOB_RETRY: dict[str, Any] = {
    "LEASE_SECONDS": 3,
    "RENEW_SECONDS": 0.5,
    "QUEUES": {
        "default": {
            "MODEL": "app.ContainerJob",
            "LAUNCH": "tests.worker.launchers.kill_worker_on_command",
            "CLAIM_BATCH": 100,
        },
    },
}
