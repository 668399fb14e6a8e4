"""Launchers of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Model


class JobService:
    """The classic shape: an object in a module, whose method is the launcher. Tests patch the method."""

    def launch_job(self, job: Model) -> dict[str, Any]:
        """Launch ``job``: a detached run that starts at once."""
        return {"success": True, "execution_id": f"run-{job.pk}"}


job_service = JobService()


def launch_report(job: Model) -> dict[str, Any]:
    """Run ``job`` to its end."""
    return {"success": True, "completed": True}
