"""The Django app that switches ``container_manager`` to the native classes."""

from __future__ import annotations

from django.apps import AppConfig, apps


class ContainerManagerIntegrationConfig(AppConfig):
    """Switches when all apps are loaded, wherever it stands in ``INSTALLED_APPS``; has no models."""

    name = "job_retry.integrations.container_manager"
    label = "job_retry_container_manager"
    verbose_name = "Job retry for container_manager"

    failure: Exception | None = None
    """Why the switch could not be made."""

    def ready(self) -> None:
        """Switch, and register the checks, which report what stood in the way."""
        from job_retry.integrations.container_manager import checks  # noqa: F401
        from job_retry.integrations.container_manager.swap import UPSTREAM, enable

        if not apps.is_installed(UPSTREAM):
            return
        try:
            enable()
        except Exception as failure:  # a version nobody has seen yet is no reason to stop the program
            self.failure = failure
