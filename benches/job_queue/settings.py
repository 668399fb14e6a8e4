"""Settings of a program with a queue of ours."""

from __future__ import annotations

import os

from job_retry import RetryStrategy

from job_queue.database import configured
from job_queue.program import SILENT_LOGS
from job_queue.work import MAX_ATTEMPTS

SECRET_KEY = "only for benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["job_retry.django", "job_queue"]
LOGGING = SILENT_LOGS

DATABASES = {"default": configured(os.environ.get("SQLITE_JOURNAL", "WAL"))}

JOB_RETRY = {
    "QUEUES": {
        "default": {
            "MODEL": "job_queue.Job",
            "LAUNCH": "job_queue.launcher.launch",
            "CLAIM_BATCH": 100,
            "STRATEGY": "at once",
        }
    },
    # Waiting is not what is measured.
    "STRATEGIES": {"at once": RetryStrategy(max_attempts=MAX_ATTEMPTS, base_delay=0.0)},
}
