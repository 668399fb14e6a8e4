"""What the list and the page show of a job, besides its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from job_retry.django import outlook
from job_retry.django.admin.filters import SINCE, model_queue_manager, since
from job_retry.django.admin.schedule import schedule_of
from job_retry.django.admin.words import in_words, last_line, time_since
from job_retry.django.strategies import strategy_label

if TYPE_CHECKING:
    from job_retry.django.judgement import Judgement
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

    JobModelAdmin = admin.ModelAdmin[RetryableJob]
else:
    JobModelAdmin = admin.ModelAdmin

NO_MANAGER_CHARACTERS = 100
"""How much a row says of why there is no manager; the message above the list, and the page, say all of it."""


class JobDisplay(JobModelAdmin):
    """The part of `RetryableJobAdmin` whose methods are columns of the list and fields of the page."""

    @property
    def queue_manager(self) -> JobQueueManager:
        """The manager of the model's queue; `ImproperlyConfigured` says why there is none."""
        return model_queue_manager(self.model)

    @admin.display(description=_("state"), ordering="status")
    def job_state(self, job: Any) -> str:
        """The status, in its colour."""
        return format_html('<span class="job-state job-state-{}">{}</span>', job.status, job.get_status_display())

    @admin.display(description=_("verdict"), empty_value="—")
    def job_verdict(self, job: Any) -> str | None:
        """What the queue's classifier says of the last error."""
        judgement = self._judgement(job)
        if judgement is None:
            return None
        return format_html('<span class="job-verdict job-verdict-{0}">{0}</span>', judgement.error_type.value)

    @admin.display(description=_("reason"), empty_value="—")
    def job_verdict_reason(self, job: Any) -> str | None:
        """Why the classifier says so, and by which rule."""
        judgement = self._judgement(job)
        if judgement is None or judgement.rule is None:
            return None
        return format_html("{} <code>{}</code>", judgement.why, judgement.rule)

    @admin.display(description=_("next attempt"), ordering="scheduled_for")
    def job_next_attempt(self, job: Any) -> str:
        """When the job is launched next, in words, or why it is not."""
        try:
            manager = self.queue_manager
        except ImproperlyConfigured as error:
            return Truncator(_never(error)).chars(NO_MANAGER_CHARACTERS)
        now = manager.clock()
        return in_words(outlook.next_attempt(job, manager, now), now)

    @admin.display(description=_("failed attempts"), ordering="retry_count")
    def job_attempts(self, job: Any) -> str:
        """How many attempts have failed, of how many the job may have."""
        manager = self._manager_or_none()
        limit = None if manager is None else outlook.attempt_limit(job, manager)
        if limit is None:
            return str(job.retry_count)
        return gettext("%(failed)d of %(limit)d") % {"failed": job.retry_count, "limit": limit}

    @admin.display(description=_("strategy"))
    def job_strategy(self, job: Any) -> str:
        """The strategy that decides on the job: its own, or the one that its priority chooses."""
        manager = self._manager_or_none()
        return strategy_label(job.retry_strategy or "" if manager is None else manager.strategy_name(job))

    @admin.display(description=_("age"), ordering=SINCE.desc(nulls_last=True), empty_value="—")
    def job_age(self, job: Any) -> str | None:
        """How long ago the job ended, became a dead letter, or entered the queue."""
        manager = self._manager_or_none()
        moment = since(job)
        return None if moment is None or manager is None else time_since(moment, manager.clock())

    @admin.display(description=_("last error"), empty_value="—")
    def job_error_line(self, job: Any) -> str | None:
        """The last line of the last error, where most programs say what is wrong."""
        return last_line(job.last_error or "") or None

    @admin.display(description=_("error"), empty_value="—")
    def job_error(self, job: Any) -> str | None:
        """The whole error on record."""
        return format_html('<pre class="job-error">{}</pre>', job.last_error) if job.last_error else None

    @admin.display(description=_("attempts to come"))
    def job_schedule(self, job: Any) -> str:
        """The attempts that are left, with their times."""
        try:
            manager = self.queue_manager
        except ImproperlyConfigured as error:
            return _never(error)
        return schedule_of(job, manager, manager.clock())

    def _judgement(self, job: Any) -> Judgement | None:
        manager = self._manager_or_none()
        return None if manager is None else outlook.verdict(job, manager)

    def _manager_or_none(self) -> JobQueueManager | None:
        try:
            return self.queue_manager
        except ImproperlyConfigured:
            return None


def _never(error: ImproperlyConfigured) -> str:
    return gettext("never: %(reason)s") % {"reason": error}
