"""The job model: what a job runs. When it runs, and how often, is up to `RetryableJob`."""

from django.db import models
from job_retry.django.models import RetryableJob


class ContainerJob(RetryableJob):
    """One command to be run in one image."""

    name = models.CharField(max_length=100)
    image = models.CharField(max_length=100, help_text="A folder below IMAGES_DIR.")
    command = models.TextField(help_text="For the shell.")
    started_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Start of the last attempt.")

    dead_letter_fields = ("image",)

    def __str__(self) -> str:
        return self.name
