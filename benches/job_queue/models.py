"""The job model of the measured queue."""

from __future__ import annotations

from django.db import models
from job_retry.django.models import RetryableJob


class Job(RetryableJob):
    """A job with a name, as small as a user's may be."""

    name = models.CharField(max_length=100)
