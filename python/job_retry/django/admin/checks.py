"""The system check of `RetryableJobAdmin`."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.checks import ModelAdminChecks
from django.core import checks

from job_retry.django.protection import ENGINE_COLUMNS


class JobAdminChecks(ModelAdminChecks):
    """Django's checks of an admin, and one more: ``list_editable`` knows nothing of read-only fields."""

    def check(self, admin_obj: Any, **kwargs: Any) -> list[checks.CheckMessage]:
        """Return what is wrong with the admin."""
        errors: list[checks.CheckMessage] = super().check(admin_obj, **kwargs)
        editable = [name for name in admin_obj.list_editable if name in ENGINE_COLUMNS]
        if editable:
            errors.append(
                checks.Error(
                    f"{type(admin_obj).__name__}.list_editable has {', '.join(editable)}, which the queue owns.",
                    hint="Take it out; RetryableJobAdmin has actions that change the state of jobs.",
                    obj=type(admin_obj),
                    id="job_retry.E010",
                )
            )
        return errors
