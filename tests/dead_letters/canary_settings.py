"""Settings of workers that drive a canary redrive, and of which one is killed."""

from __future__ import annotations

from typing import Any

from tests.app.settings import *  # noqa: F403

JOB_RETRY: dict[str, Any] = {
    "LEASE_SECONDS": 3,
    "RENEW_SECONDS": 0.5,
    "QUEUES": {
        "default": {
            "MODEL": "app.ContainerJob",
            "LAUNCH": "tests.worker.launchers.follow_command",
            "MAX_CONCURRENT": 2,
        },
    },
}
