"""The Django app ``job_retry``."""

from __future__ import annotations

from django.apps import AppConfig


class JobRetryConfig(AppConfig):
    """Registers the system checks."""

    name = "job_retry.django"
    label = "job_retry"
    verbose_name = "Job retry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself with Django."""
        from job_retry.django import checks  # noqa: F401
