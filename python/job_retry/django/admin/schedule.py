"""What happens next to a job, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template.loader import render_to_string
from django.utils.translation import gettext

from job_retry.django import outlook
from job_retry.django.admin.words import in_words, time_until
from job_retry.django.states import CLAIMED

if TYPE_CHECKING:
    from datetime import datetime

    from job_retry.django.queue import JobQueueManager


def schedule_of(job: Any, manager: JobQueueManager, now: datetime) -> str:
    """Return the attempts that ``job`` has before it, with their times, or why it has none."""
    under_way = gettext("under way") if job.status in CLAIMED else None
    plans = [
        {
            "condition": plan.condition.name,
            "attempts": [
                (attempt, under_way if under_way and attempt is plan.attempts[0] else time_until(attempt.at, now))
                for attempt in plan.attempts
            ],
            "goes_on": plan.goes_on,
        }
        for plan in outlook.plans(job, manager, now)
    ]
    context = {"next_attempt": in_words(outlook.next_attempt(job, manager, now), now), "plans": plans}
    return render_to_string("job_retry/admin/schedule.html", context)
