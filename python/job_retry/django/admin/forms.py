"""The form of a job's page, which notices that the job moved on while the form was open."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext

from job_retry.django.states import Status

if TYPE_CHECKING:
    JobModelForm = forms.ModelForm[Any]
else:
    JobModelForm = forms.ModelForm

SEEN_STATE = "seen_job_state"
"""Name of the hidden field with the state that the form was filled in for."""


def state_of(job: Any) -> str:
    """Return what is compared: status, claim and attempt of ``job``."""
    return f"{job.status} {job.claim_token or ''} {job.attempt_serial} {job.retry_count}"


class JobForm(JobModelForm):
    """Refuses, once, to save a job that has moved on since the form was opened."""

    seen_job_state = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[SEEN_STATE].initial = state_of(self.instance)

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields that were changed, for the history; the hidden one is nothing of the job's."""
        return [name for name in super().changed_data if name != SEEN_STATE]

    def clean(self) -> dict[str, Any] | None:
        """Compare the job with what it was; a form that says nothing of it is not held up."""
        cleaned = super().clean()
        seen = self.cleaned_data.get(SEEN_STATE)
        now = state_of(self.instance)
        if self.instance.pk is None or not seen or seen == now:
            return cleaned
        # Shown again, the form knows the present state: to save it once more is a decision.
        data: Any = copy(self.data)  # the request's own cannot be written to
        data[self.add_prefix(SEEN_STATE)] = now
        self.data = data
        holder = self.instance.claimed_by
        raise forms.ValidationError(
            gettext(
                "Not saved: while this form was open, the job moved on from “%(before)s” to “%(now)s”%(holder)s. "
                "What you entered is still here: save again to write it all the same. The state stays the queue's."
            ),
            code="moved_on",
            params={
                "before": _label(seen.split(" ")[0]),
                "now": _label(self.instance.status),
                "holder": gettext(", held by %(worker)s") % {"worker": holder} if holder else "",
            },
        )


def _label(status: str) -> str:
    return str(Status(status).label) if status in Status.values else status
