"""Signals of the queue, sent after the row is written.

Each is sent with ``sender`` (the job's class), ``job`` (the instance, showing its new state) and ``manager``
(the `JobQueueManager`). They go out by ``send_robust``: what a receiver raises is logged and changes nothing. A
method that was called inside a transaction of the caller's sends them inside that transaction.
"""

from __future__ import annotations

from django.dispatch import Signal

job_launched = Signal()
"""A launch succeeded; the job is running, or completed already where the launcher is a blocking one."""

job_retry_scheduled = Signal()
"""An attempt failed and the next is scheduled. Further arguments: ``decision`` (`FailureDecision`), and of it
``is_final`` (False), ``verdict`` (str) and ``fingerprint`` (str)."""

job_dead_lettered = Signal()
"""An attempt failed for good; the job is failed. Further arguments as above, with ``is_final`` True."""

job_requeued = Signal()
"""A dead letter, or a job that waited for its retry, was queued again by hand. Further: ``count_reset`` (bool)."""

job_worker_lost = Signal()
"""A worker, or a detached run, was lost; the job waits again or is a dead letter. Further: ``loss`` (`Loss`)."""

job_result_ignored = Signal()
"""A result came too late: its claim had passed on, and nothing was written."""
