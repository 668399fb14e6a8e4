"""Settings of a program that uses django-q2 with the broker on Django's ORM, one worker process."""

from __future__ import annotations

from job_queue.database import configured
from job_queue.program import SILENT_LOGS

SECRET_KEY = "only for benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_q"]
LOGGING = SILENT_LOGS
# It closes connections that are too old after each task, which by Django's default all are.
DATABASES = {"default": {**configured(), "CONN_MAX_AGE": None}}

Q_CLUSTER = {
    "name": "jobs",
    "orm": "default",
    "workers": 1,
    # Jobs are fetched fifty at a time, none waits long for the next look, and the worker is not replaced.
    "bulk": 50,
    "queue_limit": 50,
    "poll": 0.01,
    "recycle": 1_000_000,
    "scheduler": False,
    "max_attempts": 3,
    "timeout": 300,
    "retry": 600,
    # Else it counts what it has saved, and deletes, with each success.
    "save_limit": 0,
    "log_level": "CRITICAL",
}
