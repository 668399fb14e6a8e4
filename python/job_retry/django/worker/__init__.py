"""The worker: what ``manage.py run_job_queue`` runs."""

from __future__ import annotations

from job_retry.django.worker.loop import Worker
from job_retry.django.worker.observers import WorkerObserver, WorkerSummary

__all__ = ["Worker", "WorkerObserver", "WorkerSummary"]
