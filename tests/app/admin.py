"""The job models' admin: one as it comes, one with a form and fields of its own."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from job_retry.django.admin import RetryableJobAdmin

from tests.app.models import ContainerJob, ReportJob

staff_site = admin.AdminSite(name="staff")


@admin.register(ContainerJob)
@admin.register(ContainerJob, site=staff_site)
class ContainerJobAdmin(RetryableJobAdmin):
    """What a project writes at least."""


class ReportJobForm(forms.ModelForm):
    """A form that knows nothing of the queue."""


@admin.register(ReportJob)
class ReportJobAdmin(RetryableJobAdmin):
    """What a project may write: an engine column among its fields, a form of its own."""

    form = ReportJobForm
    fields = ("slug", "priority", "status")
    search_fields = ("slug",)
