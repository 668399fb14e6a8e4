"""Job models of the tests."""

from __future__ import annotations

from django.db import models
from job_retry.django.models import RetryableJob


class ContainerJob(RetryableJob):
    """A job as the classic one: an image to run."""

    name = models.CharField(max_length=100, blank=True)
    image = models.CharField(max_length=200, default="busybox")
    command = models.TextField(blank=True)

    dead_letter_fields = ("image",)

    class Meta(RetryableJob.Meta):
        pass

    def __str__(self) -> str:
        return self.name or f"job {self.pk}"


class ReportJob(RetryableJob):
    """A job model with a strategy of its own and a key that is no number."""

    slug = models.SlugField(primary_key=True)

    default_retry_strategy = "aggressive"

    class Meta(RetryableJob.Meta):
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug


class UrgentJob(ContainerJob):
    """A proxy: other behaviour, the same table."""

    class Meta:
        proxy = True


class BuildJob(ContainerJob):
    """A child with a table of its own beside its parent's, which keeps the queue's columns."""

    platform = models.CharField(max_length=20, default="linux/amd64")

    class Meta:  # else the indexes of the abstract base would be asked of this table too
        pass
