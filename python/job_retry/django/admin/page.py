"""The page of a job: what it shows, what can be typed into, and how it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.actions import FROM_PAGE, JOB_ACTIONS
from job_retry.django.admin.display import JobDisplay
from job_retry.django.admin.forms import SEEN_STATE, JobForm
from job_retry.django.exceptions import StaleJob
from job_retry.django.history.keys import job_key, model_label
from job_retry.django.history.models import DeadLetter
from job_retry.django.models import RetryableJob
from job_retry.django.protection import ENGINE_COLUMNS

if TYPE_CHECKING:
    from django.forms import ModelForm

DISPLAYED = (
    "job_state",
    "job_next_attempt",
    "job_attempts",
    "job_strategy",
    "job_verdict",
    "job_verdict_reason",
    "job_age",
    "job_error_line",
    "job_error",
    "job_schedule",
)
"""What a page may show besides the columns: the methods of `JobDisplay`."""

ERROR_COLUMNS = ("last_error_at", "error_fingerprint")
SHOWN_BETTER = {"status": "job_state", "retry_count": "job_attempts", "last_error": "job_error"}
"""Columns that a display method shows better."""
RUN_COLUMNS = tuple(
    field.name
    for field in RetryableJob._meta.get_fields()
    if field.name in ENGINE_COLUMNS.difference(ERROR_COLUMNS, SHOWN_BETTER)
)


class JobPage(JobDisplay):
    """The part of `RetryableJobAdmin` that is the page of a job."""

    form = JobForm
    change_form_template = "job_retry/admin/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the queue's columns besides those of ``readonly_fields``, for adding as well as for changing."""
        readonly = super().get_readonly_fields(request, obj)
        return list(dict.fromkeys([*readonly, *sorted(ENGINE_COLUMNS), *DISPLAYED]))

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
        hidden = {*ENGINE_COLUMNS, *DISPLAYED, SEEN_STATE}
        names = [name for name in self.get_fields(request, obj) if name not in hidden]
        own = [name for name in names if name not in queues]
        about: tuple[Any, dict[str, Any]] = (None, {"fields": [*own, *(name for name in names if name in queues)]})
        if obj is None:
            return [about]
        error_columns = [name for name in ERROR_COLUMNS if name != "error_fingerprint" or obj.error_fingerprint]
        return [
            (_("State"), {"fields": ["job_state", "job_next_attempt", "job_attempts", "job_strategy"]}),
            (_("Last error"), {"fields": ["job_verdict", "job_verdict_reason", "job_error", *error_columns]}),
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

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        """Show the page, with a button for each action that the user may do and the job is in a state for."""
        if obj is not None:
            allowed = self.get_actions(request)
            context |= {
                "timeline_url": self._timeline_url(request, obj),
                "job_actions": [action for action in JOB_ACTIONS if action.name in allowed and action.offered(obj)],
                "job_pk": str(obj.pk),
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
                "from_page_name": FROM_PAGE,
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _timeline_url(self, request: HttpRequest, job: Any) -> str | None:
        """Return the page with all that has happened to ``job``; None where this site, or the user, has it not."""
        site, manager = self.admin_site, self._manager_or_none()
        if manager is None or not site.is_registered(DeadLetter):
            return None
        if not site.get_model_admin(DeadLetter).has_view_permission(request):
            return None
        query = {"model": model_label(self.model), "key": job_key(manager.using, self.model, job.pk)}
        return f"{reverse('admin:job_retry_deadletter_job', current_app=site.name)}?{urlencode(query)}"
