"""The page of a job: each attempt that failed, each death, what became of it, and what happens next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import quote
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext

from job_retry.django.admin.dead_letters.acts import actions_for
from job_retry.django.admin.dead_letters.choice import database_of, database_query, manager_of, query_of
from job_retry.django.admin.dead_letters.console import Console
from job_retry.django.admin.dead_letters.listing import page_number, page_query
from job_retry.django.admin.dead_letters.names import job_of, job_title
from job_retry.django.admin.schedule import schedule_of
from job_retry.django.admin.words import last_line
from job_retry.django.dead_letters.evidence import matched_span
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.dead_letters.timeline import read_timeline
from job_retry.django.decision import LOSSES
from job_retry.django.history.models import BulkAction, DeadLetter, FailedAttempt

if TYPE_CHECKING:
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from job_retry.django.queue import JobQueueManager

LONG_ERROR_LINES = 15
LONG_ERROR_CHARACTERS = 1500
"""Errors that are longer are folded."""
MATCHED_CHARACTERS = 200
"""Of the text that a rule has matched, where it is named beside the rule."""


class TimelinePage(Console):
    """The part of `DeadLetterAdmin` that is the page of one letter, and that of one job, dead or not."""

    def page_urls(self) -> list[URLPattern]:
        """Return the address of a job's page, besides those of other pages."""
        return [self.page_url("job/", self.job_view, "job"), *super().page_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002 - there is no form
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show the history of the job that a letter is of."""
        self.refuse_strangers(request)
        try:
            database = database_of(request.GET)
        except ValueError as error:
            return self.refusal(request, str(error), tab="jobs")
        letters = DeadLetter.objects.using(database)
        letter = letters.filter(pk=object_id).first() if object_id.isdecimal() else None
        if letter is None:
            raise Http404(
                gettext("There is no dead letter %(key)s in %(database)s.") % {"key": object_id, "database": database}
            )
        return self._timeline(request, letter.job_model, letter.job_key, database, letter, **(extra_context or {}))

    def job_view(self, request: HttpRequest) -> HttpResponse:
        """Show the history of the job that ``model`` and ``key`` name, whether it has ever died or not."""
        try:
            database = database_of(request.GET)
        except ValueError as error:
            return self.refusal(request, str(error), tab="jobs")
        model, key = (str(request.GET.get(name, "")) for name in ("model", "key"))
        if "\x00" in model + key:  # which a database would refuse
            raise Http404
        return self._timeline(request, model, key, database)

    def _timeline(
        self,
        request: HttpRequest,
        job_model: str,
        job_key: str,
        database: str,
        letter: DeadLetter | None = None,
        **context: Any,
    ) -> HttpResponse:
        history = read_timeline(job_model, job_key, database, page=page_number(request.GET))
        manager = manager_of(job_model)
        is_job = manager is not None or bool(history.generations)  # and not a row of just any table
        job = job_of(job_model, job_key, database) if is_job else None
        if job is None and not history.generations:
            raise Http404(gettext("There is no job %(key)s of %(model)s.") % {"key": job_key, "model": job_model})
        return self.page(
            request,
            "timeline.html",
            job_title(job_model, job_key, job),
            tab="jobs",
            letter=letter,
            job=job,
            job_url=self._job_url(request, job),
            generations=[
                {
                    "number": generation.number,
                    "letter": generation.letter,
                    "action_url": self._action_url(request, generation.letter, database),
                    "attempts": [self._attempt(attempt, manager) for attempt in generation.attempts],
                }
                for generation in history.generations
            ],
            history=history,
            newer_query=page_query(request.GET, history.page - 1) if history.page > 1 else None,
            older_query=page_query(request.GET, history.page + 1) if history.page < history.pages else None,
            schedule=schedule_of(job, manager, manager.clock()) if job is not None and manager is not None else "",
            selection_query=query_of(Selection(ids=(letter.pk,)), database) if letter is not None else "",
            actions=actions_for(request, letter.state)
            if letter is not None and letter.state == DeadLetter.State.OPEN
            else [],
            **context,
        )

    def _attempt(self, attempt: FailedAttempt, manager: JobQueueManager | None) -> dict[str, Any]:
        span = None if manager is None else matched_span(manager.classifier, attempt)
        return {
            "row": attempt,
            "is_loss": attempt.reason in LOSSES,
            "seconds": None if attempt.started_at is None else (attempt.failed_at - attempt.started_at).total_seconds(),
            "error": marked(attempt.error, span),
            "error_line": last_line(attempt.error),
            "is_long": len(attempt.error) > LONG_ERROR_CHARACTERS or attempt.error.count("\n") >= LONG_ERROR_LINES,
            "matched": Truncator(attempt.error[slice(*span)]).chars(MATCHED_CHARACTERS) if span else "",
        }

    def _action_url(self, request: HttpRequest, letter: DeadLetter | None, database: str) -> str | None:
        """Return the page of the bulk action that settled a letter; None where there is none for this user."""
        if letter is None or letter.bulk_action is None or not self.admin_site.is_registered(BulkAction):
            return None
        if not self.admin_site.get_model_admin(BulkAction).has_view_permission(request, letter.bulk_action):
            return None
        return self.link("job_retry_bulkaction_change", letter.bulk_action.pk, query=database_query(database))

    def _job_url(self, request: HttpRequest, job: Any) -> str | None:
        """Return the job's own page on this site; None where it has none, or the user may not see it."""
        site = self.admin_site
        if job is None or not site.is_registered(type(job)):
            return None
        if not site.get_model_admin(type(job)).has_view_permission(request, job):
            return None
        options = job._meta
        name = f"admin:{options.app_label}_{options.model_name}_change"
        return reverse(name, args=(quote(job.pk),), current_app=site.name)


def marked(error: str, span: tuple[int, int] | None) -> SafeString:
    """Return an error as HTML, with the part of it in which a rule was recognised marked."""
    if span is None:
        return format_html("{}", error)
    start, end = span
    return format_html("{}<mark>{}</mark>{}", error[:start], error[start:end], error[end:])
