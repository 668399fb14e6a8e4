"""Settings of a worker that runs in a process of its own: launches that wait for the test."""

from __future__ import annotations

from typing import Any

from tests.app.settings import *  # noqa: F403

JOB_RETRY: dict[str, Any] = {
    "QUEUES": {
        "default": {
            "MODEL": "app.ContainerJob",
            "LAUNCH": "tests.worker.launchers.follow_command",
            "MAX_CONCURRENT": 1,
            "CLAIM_BATCH": 3,
        },
    },
}
