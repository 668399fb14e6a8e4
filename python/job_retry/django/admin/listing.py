"""The list of jobs and its actions: who may do what, what is asked first, and what is said afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import quote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import BadRequest, ImproperlyConfigured, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.actions import (
    CANCEL,
    CHUNK_ROWS,
    FROM_PAGE,
    JOB_ACTIONS,
    QUEUE,
    RELEASE_CLAIM,
    RETRY,
    RETRY_AFRESH,
    JobAction,
    Outcome,
    carry_out,
)
from job_retry.django.admin.display import JobDisplay

if TYPE_CHECKING:
    from django.db.models import QuerySet

CONFIRMED_JOBS = "confirmed_jobs"
CONFIRMED_JOBS_LIMIT = 10_000
"""Jobs that can be confirmed at once: their keys travel through the confirmation page."""
LISTED_JOBS = 100
"""How many of them the confirmation page lists."""


class JobList(JobDisplay):
    """The part of `RetryableJobAdmin` that is the list of jobs, and what is done to those selected in it."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, and say why where the model has no manager."""
        if request.method == "GET" and IS_POPUP_VAR not in request.GET:
            try:
                self.queue_manager  # noqa: B018
            except ImproperlyConfigured as error:
                self.message_user(request, str(error), messages.WARNING)
        return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return what a search finds; a whole key finds its job, in whatever form the database keeps keys."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        try:
            key = self.opts.pk.to_python(search_term.strip())
        except ValidationError:
            return found, may_have_duplicates
        # Django looks for the text, and SQLite, for one, keeps a UUID without its dashes.
        return found | queryset.filter(pk=key), may_have_duplicates

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Return the actions; without a manager there is nobody to do those on jobs."""
        # From Django 6.1 on there are also actions on the page of one object, and it asks for either.
        location = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **location)
        if self._manager_or_none() is None:
            for action in JOB_ACTIONS:
                actions.pop(action.name, None)
        return actions

    def has_queue_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may put jobs into the queue."""
        return self._has_permission(request, "queue")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may retry jobs."""
        return self._has_permission(request, "retry")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may cancel jobs."""
        return self._has_permission(request, "cancel")

    def has_release_claim_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may release the claims of workers."""
        return self._has_permission(request, "release_claim")

    @admin.action(description=_("Queue selected %(verbose_name_plural)s"), permissions=["queue"])
    def queue_jobs(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Put pending jobs into the queue."""
        return self._act(request, queryset, QUEUE)

    @admin.action(description=_("Retry selected %(verbose_name_plural)s"), permissions=["retry"])
    def retry_jobs(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Queue dead letters and waiting retries, to be launched now."""
        return self._act(request, queryset, RETRY)

    @admin.action(description=_("Retry selected %(verbose_name_plural)s with a fresh count"), permissions=["retry"])
    def retry_jobs_afresh(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The same, with all attempts before them."""
        return self._act(request, queryset, RETRY_AFRESH)

    @admin.action(description=_("Cancel selected %(verbose_name_plural)s"), permissions=["cancel"])
    def cancel_jobs(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Call jobs off, once that is confirmed."""
        return self._act(request, queryset, CANCEL)

    @admin.action(
        description=_("Release the claims on selected %(verbose_name_plural)s"), permissions=["release_claim"]
    )
    def release_claims(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Put the claims of dead workers back, once that is confirmed."""
        return self._act(request, queryset, RELEASE_CLAIM)

    def _act(self, request: HttpRequest, queryset: QuerySet[Any], action: JobAction) -> HttpResponse | None:
        if not action.question:
            pks = list(dict.fromkeys(queryset.values_list("pk", flat=True)))
        elif CONFIRMED_JOBS in request.POST:
            pks = self._confirmed(request)
        else:
            return self._ask(request, queryset, action)
        outcome = Outcome()
        user: Any = request.user
        for of_chunk in carry_out(action, self.queue_manager, self.model, pks, user.get_username()):
            if of_chunk.done:
                LogEntry.objects.log_actions(
                    user.pk, of_chunk.done, CHANGE, change_message=action.history, single_object=False
                )
            outcome.add(of_chunk)
        level = messages.ERROR if not outcome.done else messages.WARNING if outcome.skipped else messages.SUCCESS
        self.message_user(request, outcome.summary(action), level)
        page = self._page_of_origin(request)
        return HttpResponseRedirect(page) if page else None

    def _ask(self, request: HttpRequest, queryset: QuerySet[Any], action: JobAction) -> HttpResponse | None:
        """Return the page on which the user confirms ``action``, for the jobs that are selected now."""
        pks = list(dict.fromkeys(queryset.values_list("pk", flat=True)[: CONFIRMED_JOBS_LIMIT + 1]))
        if len(pks) > CONFIRMED_JOBS_LIMIT:
            self.message_user(
                request,
                gettext("Nothing was done: more than %(limit)d jobs are selected. Narrow the list with its filters.")
                % {"limit": CONFIRMED_JOBS_LIMIT},
                messages.ERROR,
            )
            return None
        listed = queryset.filter(pk__in=pks[:LISTED_JOBS])
        description = dict(self.get_action_choices(request))[action.name]
        setattr(request, "current_app", self.admin_site.name)  # noqa: B010 - for the URLs of the template
        return TemplateResponse(
            request,
            "job_retry/admin/confirm.html",
            {
                **self.admin_site.each_context(request),
                "title": description,
                "opts": self.opts,
                "media": self.media,
                "question": action.question,
                "count": ngettext("%(count)d job", "%(count)d jobs", len(pks)) % {"count": len(pks)},
                "listed": [(str(job.pk), job, self.job_state(job), job.claimed_by) for job in listed],
                "more": len(pks) - len(listed),
                "action": action.name,
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
                "first": str(pks[0]) if pks else "",
                "confirmed_jobs_name": CONFIRMED_JOBS,
                "confirmed_jobs": json.dumps([str(pk) for pk in pks]),
                "from_page_name": FROM_PAGE,
                "from_page": request.POST.get(FROM_PAGE, ""),
                "back": self._page_of_origin(request) or "",
            },
        )

    def _page_of_origin(self, request: HttpRequest) -> str | None:
        """Return the job's page on which the action was asked for; None for the list."""
        pk = request.POST.get(FROM_PAGE)
        if not pk:
            return None
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=(quote(pk),), current_app=self.admin_site.name)

    def _confirmed(self, request: HttpRequest) -> list[Any]:
        """Return the keys that the user has confirmed, of jobs that the user may see."""
        key = self.opts.pk
        try:
            confirmed = [key.to_python(pk) for pk in json.loads(request.POST[CONFIRMED_JOBS])]
        except (TypeError, ValueError, ValidationError) as error:
            raise BadRequest(f"{CONFIRMED_JOBS} is no list of keys: {error}") from error
        visible = self.get_queryset(request).order_by()
        pks: list[Any] = []
        for start in range(0, len(confirmed), CHUNK_ROWS):
            pks += visible.filter(pk__in=confirmed[start : start + CHUNK_ROWS]).values_list("pk", flat=True)
        return pks

    def _has_permission(self, request: HttpRequest, name: str) -> bool:
        codename = get_permission_codename(name, self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}") or self.has_change_permission(request)
