"""The admin of job models: subclass or register `RetryableJobAdmin`. Registers nothing itself."""

from __future__ import annotations

from job_retry.django.admin.filters import AgeFilter, StrategyFilter
from job_retry.django.admin.model_admin import RetryableJobAdmin

__all__ = ["AgeFilter", "RetryableJobAdmin", "StrategyFilter"]
