"""The job model, as it is after the move."""

from __future__ import annotations

from django.db import models
from job_retry.django.models import RetryableJob


class Export(RetryableJob):
    """A report to be exported."""

    report = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(RetryableJob.Meta):
        pass

    def __str__(self) -> str:
        return self.report
