"""The admin of the jobs: states, errors and schedules to look at, and actions on them."""

from django.contrib import admin
from job_retry.django.admin import RetryableJobAdmin

from jobs.models import ContainerJob


@admin.register(ContainerJob)
class ContainerJobAdmin(RetryableJobAdmin):
    """`RetryableJobAdmin` as it comes; jobs can be found by their name as well."""

    search_fields = ("name", *RetryableJobAdmin.search_fields)
