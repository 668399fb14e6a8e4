"""The Django app that counts what the queue tells of."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class PrometheusIntegrationConfig(AppConfig):
    """Connects the counters to the queue's signals; has no models."""

    name = "job_retry.integrations.prometheus"
    label = "job_retry_prometheus"
    verbose_name = "Job retry for Prometheus"

    def ready(self) -> None:
        """Count from now on."""
        try:
            from job_retry.integrations.prometheus.counters import connect
        except ModuleNotFoundError as error:
            if error.name != "prometheus_client":
                raise
            raise ImproperlyConfigured(
                f'{self.name!r} in INSTALLED_APPS needs prometheus-client: pip install "django-job-retry[prometheus]".'
            ) from error
        connect()
