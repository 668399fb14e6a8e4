"""The address of the view, for ``include``."""

from __future__ import annotations

from django.urls import path

from job_retry.integrations.prometheus.views import metrics

urlpatterns = [path("metrics", metrics, name="job_retry_metrics")]
