"""Settings of a program whose worker waits for jobs: all as they come."""

from __future__ import annotations

from job_queue.settings import *  # noqa: F403

JOB_RETRY = {"QUEUES": {"default": {"MODEL": "job_queue.Job", "LAUNCH": "job_queue.wakeup.launch"}}}
