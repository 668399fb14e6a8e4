"""`DeadLetterAdmin`: the console, of which each page is a part."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from job_retry.django.admin.dead_letters.acting import Acting
from job_retry.django.admin.dead_letters.groups import GroupsPage
from job_retry.django.admin.dead_letters.jobs import JobsPage
from job_retry.django.admin.dead_letters.overview import OverviewPage
from job_retry.django.admin.dead_letters.timeline import TimelinePage
from job_retry.django.history.models import DeadLetter


@admin.register(DeadLetter)
class DeadLetterAdmin(OverviewPage, GroupsPage, JobsPage, TimelinePage, Acting):
    """Figures, dead letters by group, the jobs of a group, what has happened to a job, and what may be done about it.

    Registered with the default site; ``site.register(DeadLetter, DeadLetterAdmin)`` puts it on another.
    """

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {
            "all": (
                "job_retry/admin.css",
                "job_retry/charts.css",
                "job_retry/dead_letters.css",
                "job_retry/bulk_action.css",
            )
        }
