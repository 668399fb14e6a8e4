"""`RetryableJobAdmin`: the list and the page of the jobs of one model, and what a person may do with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import BadRequest, ImproperlyConfigured, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from job_retry.django import outlook
from job_retry.django.admin.actions import (
    CANCEL,
    CHUNK_ROWS,
    RELEASE_CLAIM,
    RETRY,
    RETRY_AFRESH,
    JobAction,
    Outcome,
    carry_out,
)
from job_retry.django.admin.filters import SINCE, AgeFilter, StrategyFilter, model_queue_manager, since
from job_retry.django.admin.forms import SEEN_STATE, JobForm
from job_retry.django.admin.words import in_words, time_since, time_until
from job_retry.django.exceptions import StaleJob
from job_retry.django.models import RetryableJob
from job_retry.django.protection import ENGINE_COLUMNS
from job_retry.django.states import CLAIMED
from job_retry.django.strategies import strategy_label

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.forms import ModelForm

    from job_retry.django.queue import JobQueueManager

    JobModelAdmin = admin.ModelAdmin[RetryableJob]
else:
    JobModelAdmin = admin.ModelAdmin

ERROR_LINE_CHARACTERS = 80
CONFIRMED_JOBS = "confirmed_jobs"
CONFIRMED_JOBS_LIMIT = 10_000
"""Jobs that can be confirmed at once: their keys travel through the confirmation page."""
LISTED_JOBS = 100
"""How many of them the confirmation page lists."""

ERROR_COLUMNS = ("last_error_at", "error_fingerprint")
SHOWN_BETTER = {"status": "job_state", "retry_count": "job_attempts", "last_error": "job_error"}
"""Columns that a display method shows better."""
RUN_COLUMNS = tuple(
    field.name
    for field in RetryableJob._meta.get_fields()
    if field.name in ENGINE_COLUMNS.difference(ERROR_COLUMNS, SHOWN_BETTER)
)


class RetryableJobAdmin(JobModelAdmin):
    """Admin of a model that is a `RetryableJob`, served by the queue whose ``MODEL`` it is.

    The queue's columns are read-only. The actions go through the queue's manager; each needs the model's change
    permission, or one of its own: ``retry_<model>``, ``cancel_<model>``, ``release_claim_<model>``. Everything can be
    overridden as in any ``ModelAdmin``; to add to the columns, filters, searched fields or actions, repeat them
    (``actions = [*RetryableJobAdmin.actions, "archive"]``).
    """

    form = JobForm
    list_display: Any = (
        "__str__",
        "job_state",
        "job_verdict",
        "job_next_attempt",
        "job_attempts",
        "job_strategy",
        "job_age",
        "job_error_line",
    )
    list_filter: ClassVar[Any] = ("status", StrategyFilter, AgeFilter)
    search_fields: ClassVar[Any] = ("pk__exact", "last_error", "error_fingerprint", "execution_id", "claimed_by")
    ordering: ClassVar[Any] = ("-pk",)
    actions: Any = ("retry_jobs", "retry_jobs_afresh", "cancel_jobs", "release_claims")
    job_readonly_fields: ClassVar[tuple[str, ...]] = (
        "job_state",
        "job_next_attempt",
        "job_attempts",
        "job_strategy",
        "job_verdict",
        "job_age",
        "job_error_line",
        "job_error",
        "job_schedule",
    )
    """What the job's page shows besides the columns."""

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("job_retry/admin.css",)}

    @property
    def queue_manager(self) -> JobQueueManager:
        """The manager of the model's queue; `ImproperlyConfigured` where no queue serves the model."""
        return model_queue_manager(self.model)

    # Columns of the list, and fields of the page

    @admin.display(description=_("state"), ordering="status")
    def job_state(self, job: Any) -> str:
        """The status, in its colour."""
        return format_html('<span class="job-state job-state-{}">{}</span>', job.status, job.get_status_display())

    @admin.display(description=_("verdict"), empty_value="—")
    def job_verdict(self, job: Any) -> str | None:
        """What the queue's classifier says of the last error."""
        manager = self._manager_or_none()
        error_type = None if manager is None else outlook.verdict(job, manager)
        if error_type is None:
            return None
        return format_html('<span class="job-verdict job-verdict-{0}">{0}</span>', error_type.value)

    @admin.display(description=_("next attempt"), ordering="scheduled_for")
    def job_next_attempt(self, job: Any) -> str:
        """When the job is launched next, in words, or why it is not."""
        manager = self._manager_or_none()
        if manager is None:
            return gettext("never: no queue serves this model")
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
        return strategy_label(job.retry_strategy or "" if manager is None else outlook.strategy_name(job, manager))

    @admin.display(description=_("age"), ordering=SINCE.desc(nulls_last=True), empty_value="—")
    def job_age(self, job: Any) -> str | None:
        """How long ago the job ended, became a dead letter, or entered the queue."""
        manager = self._manager_or_none()
        moment = since(job)
        return None if moment is None or manager is None else time_since(moment, manager.clock())

    @admin.display(description=_("last error"), empty_value="—")
    def job_error_line(self, job: Any) -> str | None:
        """The last line of the last error, where most programs say what is wrong."""
        lines = (job.last_error or "").strip().splitlines()
        return Truncator(lines[-1].strip()).chars(ERROR_LINE_CHARACTERS) if lines else None

    @admin.display(description=_("error"), empty_value="—")
    def job_error(self, job: Any) -> str | None:
        """The whole error on record."""
        return format_html('<pre class="job-error">{}</pre>', job.last_error) if job.last_error else None

    @admin.display(description=_("attempts to come"))
    def job_schedule(self, job: Any) -> str:
        """The attempts that are left, with their times."""
        manager = self._manager_or_none()
        if manager is None:
            return self.job_next_attempt(job)
        now = manager.clock()
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
        context = {"next_attempt": self.job_next_attempt(job), "plans": plans}
        return render_to_string("job_retry/admin/schedule.html", context)

    # The page of a job

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the queue's columns besides those of ``readonly_fields``, for adding as well as for changing."""
        readonly = super().get_readonly_fields(request, obj)
        return list(dict.fromkeys([*readonly, *sorted(ENGINE_COLUMNS), *self.job_readonly_fields]))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what the page shows; a job that is being added has no state yet."""
        fieldsets: Any = super().get_fieldsets(request, obj)
        if not self.fields and not self.fieldsets:
            fieldsets = self._job_fieldsets(request, obj)
        if obj is not None and self.has_change_permission(request, obj):
            (title, options), *others = fieldsets
            fieldsets = [(title, {**options, "fields": [*options["fields"], SEEN_STATE]}), *others]
        return fieldsets

    def _job_fieldsets(self, request: HttpRequest, obj: Any) -> list[tuple[Any, dict[str, Any]]]:
        queues = {field.name for field in RetryableJob._meta.get_fields()}
        hidden = {*ENGINE_COLUMNS, *self.job_readonly_fields, SEEN_STATE}
        names = [name for name in self.get_fields(request, obj) if name not in hidden]
        own = [name for name in names if name not in queues]
        about: tuple[Any, dict[str, Any]] = (None, {"fields": [*own, *(name for name in names if name in queues)]})
        if obj is None:
            return [about]
        return [
            (_("State"), {"fields": ["job_state", "job_next_attempt", "job_attempts", "job_strategy"]}),
            (_("Last error"), {"fields": ["job_verdict", "job_error", *ERROR_COLUMNS]}),
            (_("Schedule"), {"fields": ["job_schedule"]}),
            (_("Job"), about[1]),
            (_("Times, run and claim"), {"fields": RUN_COLUMNS, "classes": ["collapse"]}),
        ]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Any]]:
        """Return the form; one of a subclass's own notices as well that the job moved on."""
        form = kwargs.pop("form", self.form)
        if not issubclass(form, JobForm):
            form = type(form.__name__, (JobForm, form), {})
        return super().get_form(request, obj, change, form=form, **kwargs)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show or save a job; a save that the queue was quicker than is said to be one."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except StaleJob:
            self.message_user(
                request,
                gettext("Not saved: the job moved on meanwhile. Below is what has become of it."),
                messages.ERROR,
            )
            return HttpResponseRedirect(request.get_full_path())

    # The list and its actions

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, and say so where no queue serves the model."""
        if request.method == "GET" and IS_POPUP_VAR not in request.GET:
            try:
                self.queue_manager  # noqa: B018
            except ImproperlyConfigured as error:
                self.message_user(request, str(error), messages.WARNING)
        return super().changelist_view(request, extra_context)

    def get_actions(self, request: HttpRequest) -> Any:
        """Return the actions; without a queue there is nobody to do those on jobs."""
        actions = super().get_actions(request)
        if self._manager_or_none() is None:
            for action in (RETRY, RETRY_AFRESH, CANCEL, RELEASE_CLAIM):
                actions.pop(action.name, None)
        return actions

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may retry jobs."""
        return self._has_permission(request, "retry")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may cancel jobs."""
        return self._has_permission(request, "cancel")

    def has_release_claim_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may release the claims of workers."""
        return self._has_permission(request, "release_claim")

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
        for of_chunk in carry_out(action, self.queue_manager, self.model, pks):
            if of_chunk.done:
                LogEntry.objects.log_actions(
                    user.pk, of_chunk.done, CHANGE, change_message=action.history, single_object=False
                )
            outcome.add(of_chunk)
        level = messages.SUCCESS if not outcome.skipped else messages.WARNING if outcome.done else messages.ERROR
        self.message_user(request, outcome.summary(action), level)
        return None

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
        description = self.get_actions(request)[action.name][2] % {"verbose_name_plural": self.opts.verbose_name_plural}
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
            },
        )

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
        permission = f"{self.opts.app_label}.{name}_{self.opts.model_name}"
        return request.user.has_perm(permission) or self.has_change_permission(request)

    def _manager_or_none(self) -> JobQueueManager | None:
        try:
            return self.queue_manager
        except ImproperlyConfigured:
            return None
