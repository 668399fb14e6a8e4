"""Settings of workers that share a limit."""

from __future__ import annotations

from typing import Any

from tests.app.settings import *  # noqa: F403

QUEUE_LIMIT = 3

JOB_RETRY: dict[str, Any] = {
    "QUEUES": {
        "default": {
            "MODEL": "app.ContainerJob",
            "LAUNCH": "tests.worker.launchers.take_a_moment",
            "MAX_CONCURRENT": 2,
            "QUEUE_LIMIT": QUEUE_LIMIT,
        },
    },
}
