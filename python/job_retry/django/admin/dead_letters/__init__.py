"""The console of dead letters."""

from __future__ import annotations

from job_retry.django.admin.dead_letters.bulk_actions import BulkActionAdmin
from job_retry.django.admin.dead_letters.model_admin import DeadLetterAdmin

__all__ = ["BulkActionAdmin", "DeadLetterAdmin"]
