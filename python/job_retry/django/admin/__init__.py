"""The admin of job models: subclass or register `RetryableJobAdmin`. The console of dead letters registers itself."""

from __future__ import annotations

from job_retry.django.admin.dead_letters import BulkActionAdmin, DeadLetterAdmin
from job_retry.django.admin.filters import AgeFilter, StrategyFilter
from job_retry.django.admin.model_admin import RetryableJobAdmin

__all__ = ["AgeFilter", "BulkActionAdmin", "DeadLetterAdmin", "RetryableJobAdmin", "StrategyFilter"]
