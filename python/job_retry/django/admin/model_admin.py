"""`RetryableJobAdmin`: the list and the page of the jobs of one model, and what a person may do with them."""

from __future__ import annotations

from typing import Any, ClassVar

from job_retry.django.admin.checks import JobAdminChecks
from job_retry.django.admin.filters import AgeFilter, StrategyFilter
from job_retry.django.admin.listing import JobList
from job_retry.django.admin.page import JobPage


class RetryableJobAdmin(JobPage, JobList):
    """Admin of a model that is a `RetryableJob`, served by the queue whose ``MODEL`` it is.

    The queue's columns are read-only. The actions go through the queue's manager; each needs the model's change
    permission, or one of its own: ``queue_<model>``, ``retry_<model>``, ``cancel_<model>``, ``release_claim_<model>``.
    Everything can be overridden as in any ``ModelAdmin``; to add to the columns, filters, searched fields or actions,
    repeat them (``actions = [*RetryableJobAdmin.actions, "archive"]``).
    """

    checks_class = JobAdminChecks
    list_display: Any = (
        "__str__",
        "job_state",
        "job_verdict",
        "job_next_attempt",
        "job_error_line",  # the first five are in sight beside Django's side bar and filters
        "job_attempts",
        "job_strategy",
        "job_age",
    )
    list_filter: ClassVar[Any] = ("status", StrategyFilter, AgeFilter)
    search_fields: ClassVar[Any] = ("pk__exact", "last_error", "error_fingerprint", "execution_id", "claimed_by")
    ordering: ClassVar[Any] = ("-pk",)
    actions: Any = ("queue_jobs", "retry_jobs", "retry_jobs_afresh", "cancel_jobs", "release_claims")

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("job_retry/admin.css",)}
